// A rollout keeps its pace: never more assignments in sixty seconds than a minute may have, never more devices at work
// at once, at all or at one site. A device counts as at work only while that is certain: it was connected when it was
// assigned, and since then it has not said that its attempt has ended, that it holds or that it waits for a condition,
// has not failed in the record, was not lost and not taken by another rollout, nor has the broker started anew. Letting
// go of a hold is at nobody's pace.
#include <deque>

#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class PaceHolds final : public Checker {
 public:
  PaceHolds() : Checker("pace_holds") {}

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) begin(*start);
    if (const auto* command = std::get_if<rules::Command>(&step.event.what)) {
      const auto* change = std::get_if<rules::ChangePace>(&command->body);
      if (change != nullptr && says(step, audit::pace_changed, change->rollout))
        change_pace(runs_[change->rollout], change->pace);
    }
    if (const auto* seen = std::get_if<rules::DeviceSeen>(&step.event.what); seen != nullptr && !again_)
      connected_.insert(seen->device);
    if (const auto* lost = std::get_if<rules::DeviceLost>(&step.event.what)) {
      connected_.erase(lost->device);
      rest(lost->device);
    }
    if (const auto* report = reports_.take(step)) take(*report);
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::device_failed) rest(entry.subject);
      if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) runs_.erase(entry.subject);
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { look(step, assign); });
  }
  // The broker knows who was assigned when, and not yet who is there.
  void on_broker_start(const rules::Engine&) override {
    for (auto& [name, run] : runs_) {
      run.site_of.clear();
      remember_newest(run);
    }
    connected_.clear();
    again_ = false;
  }
  // What was committed before comes again, without the crashes in between, of which no connection outlived any.
  void on_old_copy() override {
    again_ = true;
    runs_.clear();
    connected_.clear();
    holds_.clear();
    reports_.clear();
  }

 private:
  struct Run {
    rules::Pace pace;
    bool shadow = false;
    std::map<rules::Plane, Sha256> targets;
    struct Given {
      std::uint64_t time_s = 0;
      std::string device;
    };
    std::deque<Given> given;                     // in the last minute
    std::map<std::string, std::string> site_of;  // of the devices that are surely at work
    std::map<std::string, std::uint64_t> epoch_of;
  };

  void begin(const rules::StartRollout& start) {
    Run run;
    run.pace = start.rule.pace;
    run.shadow = start.rule.shadow;
    for (const auto& release : start.releases) run.targets[release.plane] = release.manifest;
    runs_[start.rule.rollout] = std::move(run);
  }

  static void change_pace(Run& run, const rules::Pace& pace) {
    run.pace = pace;
    remember_newest(run);
  }

  // What counts is found out again from what is known of each device: when it was assigned last.
  static void remember_newest(Run& run) {
    std::deque<Run::Given> newest;
    std::set<std::string> known;
    for (auto each = run.given.rbegin(); each != run.given.rend(); ++each) {
      if (known.insert(each->device).second) newest.push_front(*each);
    }
    run.given = std::move(newest);
  }

  void rest(const std::string& device) {
    for (auto& [name, run] : runs_) run.site_of.erase(device);
  }

  void take(const rules::DeviceReport& report) {
    using rules::AttemptState;
    const bool ended = report.waits || report.attempt == AttemptState::committed ||
                       report.attempt == AttemptState::rolled_back || report.attempt == AttemptState::failed;
    const auto assigned = holds_.find(report.device);
    const bool holding = report.attempt == AttemptState::held ||
                         (report.attempt == AttemptState::staged && assigned != holds_.end() && assigned->second);
    for (auto& [name, run] : runs_) {
      const auto at = run.site_of.find(report.device);
      if (at == run.site_of.end()) continue;
      if ((ended || holding) && report.attempt_epoch >= run.epoch_of[report.device]) {
        run.site_of.erase(at);
      } else {
        at->second = report.facts.site;  // who moves is counted where it is now
      }
    }
  }

  // Whether this gives a device the rollout's versions. Those that it takes back, or lets keep what they have, wait for
  // nobody.
  static bool gives(const EngineStep& step, const Run& run, const rules::Assign& assign) {
    if (says(step, audit::segment_frozen, assign.rollout)) return false;
    return brings(assign, run.targets, run.shadow);
  }

  // Whoever it is that another rollout's assignment brings something else to is not at work for this one any more.
  void take_from_others(const rules::Assign& assign) {
    for (auto& [name, run] : runs_) {
      if (name != assign.rollout && (run.shadow || !brings(assign, run.targets, false)))
        run.site_of.erase(assign.device);
    }
  }

  void look(const EngineStep& step, const rules::Assign& assign) {
    holds_[assign.device] = assign.hold == rules::HoldPoint::before_swap;
    take_from_others(assign);
    const auto found = runs_.find(assign.rollout);
    if (found == runs_.end() || released_in(step) != nullptr) return;
    auto& run = found->second;
    if (!gives(step, run, assign)) return rest(assign.device);
    rest(assign.device);
    const auto* report = reports_.of(assign.device);
    const auto site = report == nullptr ? std::string() : report->facts.site;
    if (connected_.contains(assign.device)) run.site_of[assign.device] = site;
    run.epoch_of[assign.device] = assign.epoch;
    const auto now_s = step.event.now_s;
    run.given.push_back({now_s, assign.device});
    while (run.given.front().time_s + 60 <= now_s) run.given.pop_front();
    const auto& pace = run.pace;
    if (pace.per_minute != 0 && run.given.size() > pace.per_minute)
      return over(assign, run.given.size(), "assignments in a minute", pace.per_minute);
    if (pace.at_once != 0 && run.site_of.size() > pace.at_once)
      return over(assign, run.site_of.size(), "devices at work at once", pace.at_once);
    const auto there = static_cast<std::size_t>(std::count_if(
        run.site_of.begin(), run.site_of.end(), [&](const auto& working) { return working.second == site; }));
    if (pace.per_site != 0 && !site.empty() && there > pace.per_site)
      over(assign, there, "devices at work at site " + site, pace.per_site);
  }

  void over(const rules::Assign& assign, std::size_t count, const std::string& what, std::uint32_t limit) {
    std::string names;
    for (const auto& [device, site] : runs_[assign.rollout].site_of) names += " " + device;
    fail("with the assignment of " + assign.device + " rollout " + assign.rollout + " has " + std::to_string(count) +
         " " + what + ", its pace allows " + std::to_string(limit) + "; at work are" + names);
  }

  std::map<std::string, Run> runs_;
  std::set<std::string> connected_;
  std::map<std::string, bool> holds_;  // by device: its newest assignment does, before the swap
  bool again_ = false;
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_pace_holds() {
  return std::make_unique<PaceHolds>();
}

}  // namespace muster::sim
