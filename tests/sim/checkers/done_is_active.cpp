// No device counts as done whose active digests are not the assigned ones: the number a rollout's status gives is never
// larger than the number of devices that reported, after their probes and soak, to run its versions, and still do. A
// device that another rollout took since stays counted as history, and counts once more when it comes back. What ran in
// the shadow is done when the device says so of just that assignment, and stays so.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class DoneIsActive final : public Checker {
 public:
  DoneIsActive() : Checker("done_is_active") {}

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) {
      auto& run = runs_[start->rule.rollout];
      for (const auto& release : start->releases) run.targets[release.plane] = release.manifest;
      run.shadow = start->rule.shadow;
    }
    // A report speaks of what was assigned before this step.
    if (const auto* report = reports_.take(step)) {
      for (auto& [name, run] : runs_) take(run, *report);
    }
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      for (auto& [name, run] : runs_) give(name, run, assign, released_in(step) != nullptr);
    });
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) runs_.erase(entry.subject);
    });
    for (const auto& status : step.statuses) look(status);
  }
  void on_old_copy() override {
    runs_.clear();
    reports_.clear();
  }

 private:
  struct Given {
    std::uint64_t epoch = 0;
    bool done = false;  // reported to run it, and nothing else since
    bool taken = false;
    bool in_shadow = false;
  };
  struct Run {
    bool shadow = false;
    std::map<rules::Plane, Sha256> targets;
    std::map<std::string, Given> given;
    std::uint32_t history = 0;  // were done, were taken by another rollout, and came back
  };

  // One assignment can carry the versions of several rollouts; it names the one that caused it last. That it holds no
  // longer is no other attempt: who has done the same without knowing is done.
  static void give(const std::string& name, Run& run, const rules::Assign& assign, bool released) {
    if (run.shadow && name != assign.rollout) return;
    const auto found = run.given.find(assign.device);
    if (name == assign.rollout && released && found != run.given.end() && !found->second.taken) return;
    if (name == assign.rollout) {
      if (found != run.given.end() && found->second.done && (run.shadow || found->second.taken)) ++run.history;
      run.given[assign.device] = {assign.epoch, false, false, !assign.shadow.empty()};
    } else if (found != run.given.end()) {
      found->second.taken = true;  // another rollout may have taken the device over: history now
    } else if (brings(assign, run.targets, false)) {
      run.given[assign.device] = {assign.epoch, false, true, false};
    }
  }

  static void take(Run& run, const rules::DeviceReport& report) {
    const auto found = run.given.find(report.device);
    if (found == run.given.end()) return;
    if (run.shadow) {
      auto& given = found->second;
      const bool over = report.attempt == rules::AttemptState::committed && report.attempt_epoch == given.epoch;
      given.done = given.done || (given.in_shadow && over);
      return;
    }
    auto& given = found->second;
    if (!runs(report, run.targets)) {
      given.done = given.done && given.taken;
    } else if (report.attempt == rules::AttemptState::committed && report.attempt_epoch >= given.epoch) {
      given.done = true;
    }
  }

  void look(const rules::RolloutStatus& status) {
    const auto run = runs_.find(status.rollout);
    if (run == runs_.end()) return;
    std::uint32_t done = run->second.history;
    for (const auto& [device, given] : run->second.given) done += given.done ? 1 : 0;
    if (status.done <= done) return;
    fail("rollout " + status.rollout + " counts " + std::to_string(status.done) + " devices as done, only " +
         std::to_string(done) + " report to run its versions after their probes");
  }

  std::map<std::string, Run> runs_;
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_done_is_active() {
  return std::make_unique<DoneIsActive>();
}

}  // namespace muster::sim
