#include "tests/sim/checkers/ran_before.h"

#include <algorithm>
#include <iterator>

namespace muster::sim {

using rules::AttemptState;

void RanBefore::clear() {
  rollouts_.clear();
  devices_.clear();
}

RanBefore::Releases RanBefore::of(const std::string& rollout, const std::string& device, rules::Plane plane) const {
  const auto found = devices_.find(device);
  if (found == devices_.end()) return {};
  const auto had = found->second.had.find(rollout);
  return had == found->second.had.end() ? Releases() : had->second.before[static_cast<std::size_t>(plane)];
}

void RanBefore::take(const EngineStep& step, const LastReports& reports) {
  if (const auto* start = started_in(step); start != nullptr && !start->rule.shadow) {
    auto& rollout = rollouts_[start->rule.rollout] = Rollout();
    for (const auto& release : start->releases) rollout.targets[release.plane] = release.manifest;
    rollout.rehearsing = start->rule.waves.front().rehearse;
  }
  for_each<rules::Audit>(step, [&](const rules::Audit& entry) { take(entry); });
  for_each<rules::Assign>(step, [&](const rules::Assign& assign) { take(assign, reports.of(assign.device)); });
}

void RanBefore::take(const rules::Audit& entry) {
  const bool failed = entry.what == audit::device_failed || entry.what == audit::device_not_reverted;
  if (failed || entry.what == audit::device_recovered) {
    const auto device = devices_.find(entry.subject);
    if (device == devices_.end()) return;
    const auto had = device->second.had.find(rollout_of(entry.why));
    if (had != device->second.had.end()) had->second.failed = failed;
    return;
  }
  if (entry.what == audit::device_rehearsed) {
    const auto device = devices_.find(entry.subject);
    if (device == devices_.end()) return;
    const auto had = device->second.had.find(rollout_of(entry.why));
    if (had != device->second.had.end()) had->second.rehearsed = true;
    return;
  }
  const auto rollout = rollouts_.find(entry.subject);
  if (rollout == rollouts_.end()) return;
  if (entry.what == audit::wave_done) rollout->second.rehearsing = false;
  if (entry.what == audit::rollout_completed) {
    rollout->second.completed = true;
  } else if (entry.what == audit::rollout_paused || entry.what == audit::rollout_halted ||
             entry.what == audit::rollout_resumed) {
    rollout->second.completed = false;
  } else if (entry.what == audit::rollout_reverting) {
    revert(entry.subject, rollout->second);
  }
}

void RanBefore::take(const rules::Assign& assign, const rules::DeviceReport* report) {
  Device& device = devices_[assign.device];
  const auto found = rollouts_.find(assign.rollout);
  const bool forth = found != rollouts_.end() && brings(assign, found->second.targets, false);
  if (forth) {
    reach(assign.rollout, found->second, device, report);
    leave_others(assign.rollout, found->second, device, report);
  }
  for (const auto& [plane, release] : assign.releases) {
    Given& given = device.given[static_cast<std::size_t>(plane)];
    const bool own = found != rollouts_.end() && found->second.targets.contains(plane);
    if (!own && given.release == release) continue;  // brought along
    const auto giver = own ? assign.rollout : given.rollout;
    const auto by = rollouts_.find(giver);
    const bool back = by != rollouts_.end() && by->second.targets.at(plane) != release;
    given = {release, giver, assign.epoch, back};
  }
}

void RanBefore::reach(const std::string& name, const Rollout& rollout, Device& device,
                      const rules::DeviceReport* report) {
  if (report == nullptr) {
    device.had.erase(name);
    return;
  }
  const bool is_new = !device.had.contains(name);
  Had& had = device.had[name];
  for (const auto& target : rollout.targets) {
    auto& before = had.before[static_cast<std::size_t>(target.first)];
    if (!is_new && (!had.taken || before.empty())) continue;
    if (!is_new && !had.had_gone_back) continue;
    before.merge(now(device, target.first, *report));
  }
  had.taken = had.had_gone_back = had.failed = false;
}

// Those that share a plane with the rollout that has the device now. One that has ended does not get it back as its
// own.
void RanBefore::leave_others(const std::string& name, const Rollout& rollout, Device& device,
                             const rules::DeviceReport* report) {
  for (auto each = device.had.begin(); each != device.had.end();) {
    auto& [other_name, had] = *each;
    const auto& other = rollouts_.at(other_name);
    const bool shares = std::any_of(other.targets.begin(), other.targets.end(),
                                    [&](const auto& target) { return rollout.targets.contains(target.first); });
    const bool takes = other_name != name && shares && !had.taken;
    if (takes) {
      had.taken = true;
      had.had_gone_back = report == nullptr || !runs(*report, other.targets);
    }
    each = takes && other.completed ? device.had.erase(each) : std::next(each);
  }
}

// What others have taken from it, and would go back to its versions, goes back to what ran before those.
void RanBefore::revert(const std::string& name, const Rollout& rollout) {
  for (auto& [id, device] : devices_) {
    const auto reverting = device.had.find(name);
    if (reverting == device.had.end() || !reverting->second.taken) continue;
    for (const auto& [plane, release] : rollout.targets) {
      const auto& earlier = reverting->second.before[static_cast<std::size_t>(plane)];
      for (auto& [other_name, other] : device.had) {
        auto& before = other.before[static_cast<std::size_t>(plane)];
        if (other_name == name || before.erase(release) == 0) continue;
        if (earlier.empty()) before.clear();
        before.insert(earlier.begin(), earlier.end());
      }
    }
  }
}

RanBefore::Releases RanBefore::now(const Device& device, rules::Plane plane, const rules::DeviceReport& report) const {
  const auto index = static_cast<std::size_t>(plane);
  const Given& given = device.given[index];
  const auto& active = report.active[index];
  const bool about_it = report.attempt_epoch >= given.epoch;
  const bool over = about_it && report.attempt == AttemptState::committed && active == given.release;
  const auto had = device.had.find(given.rollout);
  const auto giver = rollouts_.find(given.rollout);
  const bool in_rehearsal = giver != rollouts_.end() && giver->second.rehearsing && had != device.had.end() &&
                            !had->second.rehearsed && !had->second.failed && !given.back;
  // Who has committed it and is not well is not done with it, if it never was well since: that nobody can tell here.
  if (over && !in_rehearsal && report.state != rules::DeviceState::healthy && had != device.had.end()) {
    auto found = had->second.before[index];
    found.insert(active);
    return found;
  }
  if (given.epoch == 0 || (over && !in_rehearsal)) return {active};
  if (had == device.had.end()) return {};
  if (over) return had->second.before[index];
  Releases found = given.back ? Releases{given.release} : had->second.before[index];
  // It stays where it is, as far as anybody can tell.
  const bool ended_badly =
      about_it && (report.attempt == AttemptState::failed || report.attempt == AttemptState::rolled_back);
  if (!found.empty() && (ended_badly || had->second.failed)) found.insert(active);
  return found;
}

}  // namespace muster::sim
