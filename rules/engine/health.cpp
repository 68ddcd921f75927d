// What devices measure, and when silence says something.
#include <algorithm>

#include "rules/engine/core.h"

namespace muster::rules {

namespace {

// Another rollout, whose end is open, has given it something: what it measures may be that one's doing.
bool is_tried_by_another(const Members& members, const Device& device, const Rollout& rollout) {
  for (auto each = device.first_member; each != 0; each = members[each].next_of_device) {
    const Rollout& other = *members[each].rollout;
    const bool ended = other.state == RolloutState::completed || other.state == RolloutState::aborted;
    if (&other != &rollout && members[each].reached && !ended) return true;
  }
  return false;
}

// It fetches for the first time, and nothing of what the rollout brings runs on it: its summaries are of what ran
// before. On a second way, in a rehearsal or after an attempt that failed, they may be of the way before. A shadow
// changes nothing.
bool ran_nothing_of_it(const Member& member, const Device& device, bool tried_before) {
  const Rollout& rollout = *member.rollout;
  if (rollout.rule.shadow) return true;
  if (tried_before || member.rehearsal != Rehearsal::none) return false;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto target = rollout.target[plane];
    if (rollout.governs(plane) && device.active[plane] == target && member.prior[plane] != target) return false;
  }
  return true;
}

}  // namespace

// An aborted rollout judges nothing, and of a device that was told to go back or taken out nothing is judged.
bool Core::judges_health(const Member& member) {
  return member.rollout->guards.any() && member.rollout->serving() && !member.gone() && !member.frozen;
}

bool Core::wants_health(std::string_view id) const {
  const bool some = std::any_of(rollouts_.begin(), rollouts_.end(),
                                [](const auto& each) { return each.second->guards.any() && each.second->serving(); });
  if (!some) return false;  // which is known without a search for the device
  const auto index = fleet_.find(id);
  if (index == 0) return false;
  for (auto member = fleet_[index].first_member; member != 0; member = members_[member].next_of_device) {
    if (judges_health(members_[member])) return true;
  }
  return false;
}

void Core::on(const DeviceHealth& health) {
  const auto index = fleet_.find(health.device);
  if (index == 0) return;
  for (auto member = fleet_[index].first_member; member != 0; member = members_[member].next_of_device) {
    if (judges_health(members_[member])) measure(member, health);
  }
}

WatchIndex Core::watch_of(MemberIndex index) {
  const Member& member = members_[index];
  if (member.watch == 0) members_.set_watch(index, member.rollout->guards.watches.allocate());
  return member.watch;
}

void Core::measure(MemberIndex index, const DeviceHealth& health) {
  const Member& member = members_[index];
  Guards& guards = member.rollout->guards;
  const auto watch = watch_of(index);
  guards.watches[watch].heard_s = static_cast<std::uint32_t>(turn_.now_s);
  const auto window_s = std::min<std::uint64_t>(health.window_s, turn_.now_s);
  const auto start_s = health.window_start_s != 0 ? health.window_start_s : turn_.now_s - window_s;
  const auto end_s = std::min(std::min(start_s, turn_.now_s) + window_s, turn_.now_s);
  if (!member.reached) {
    if (is_tried_by_another(members_, fleet_[member.device], *member.rollout)) guards.leave_control(watch);
    guards.measure_before(watch, health, end_s);
    return;
  }
  const bool fetches = guards.watches[watch].nearness == Nearness::at_work && member.standing == Standing::assigned;
  const bool tried_before = member.rollout->retries.of(index).failed != 0;
  if (fetches && ran_nothing_of_it(member, fleet_[member.device], tried_before)) guards.remember_before(watch, health);
  const bool shadow = member.rollout->rule.shadow;
  if (shadow ? !is_shadowing(member, fleet_[member.device]) : member.standing != Standing::done) return;
  if (start_s < member.measured_from_s) return;  // it measured in part what ran before
  if (!shadow) {
    if (guards.measure_after(watch, health, end_s)) voted(index);
    return;
  }
  auto of_shadow = health;
  of_shadow.readings = shadow_readings(health.readings);
  if (guards.measure_after(watch, of_shadow, end_s)) voted(index);
}

void Core::voted(MemberIndex index) {
  mark_persist(members_[index].device);
  members_.touch(*members_[index].rollout);
}

// Since when its silence says something: of one that is done, since its last summary; of one that had begun to change
// what it runs and was lost, since then: perhaps it hangs. Who was lost before, or while it fetched, says nothing. 0:
// it does not.
std::uint64_t Core::silent_since_s(const Member& member) const {
  if (member.watch == 0 || !member.reached || !judges_health(member)) return 0;
  if (member.standing == Standing::done && member.rollout->rule.shadow) return 0;  // its time is over
  if (member.rehearsal == Rehearsal::back) return 0;  // it says nothing of what it goes back from
  if (member.standing == Standing::done) return member.rollout->guards.watches[member.watch].heard_s;
  const Device& device = fleet_[member.device];
  return member.standing == Standing::unreachable && is_in_between(member, device)
             ? std::max(device.link_since_s, started_s_)
             : 0;
}

// REQUIRES: its silence says something, and has lasted as long as one of the guardrails waits.
void Core::expire_silence(MemberIndex index) {
  const Member& member = members_[index];
  if (member.rollout->guards.silent(member.watch, turn_.now_s - silent_since_s(member))) voted(index);
  arm(index);
}

}  // namespace muster::rules
