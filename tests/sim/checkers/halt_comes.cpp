// A rollout whose rule halts at n failed devices has stopped by the end of the step in which the n-th one has failed.
// Counted from the reports themselves: a device has failed when it says that its attempt at the rollout's assignment
// was rolled back or failed, and did not run the versions after all since. Where the rule has devices try again, an
// attempt that ended for want of a link or of room is none of their failures before it was the last they were given;
// where rollouts may end each other's attempts these are not counted here, because devices then begin anew. A shadow
// that has run for its time on a healthy device has been that: a device that lost its journal and runs the same attempt
// once more says nothing about it.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class HaltComes final : public Checker {
 public:
  HaltComes() : Checker("halt_comes") {}

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) {
      may_begin_anew_ = may_begin_anew_ || start->rule.shadow || start->rule.priority != 0;
      auto& run = runs_[start->rule.rollout];
      run.halt_at = std::max(1u, start->rule.halt_failed_devices);
      for (const auto* error : {"fetch_failed", "fetch_timeout", "disk_full"}) {
        run.attempts[error] = start->rule.retry.attempts;
        for (const auto& one : start->rule.retry.by_error) {
          if ((one.on & rules::retry_reason(error)) != 0) run.attempts[error] = one.attempts;
        }
      }
      run.shadow = start->rule.shadow;
      for (const auto& release : start->releases) run.targets[release.plane] = release.manifest;
    }
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      // From now on it is judged by this one; what it said before stays. That it cannot go back, when its segment is
      // frozen, is not the rollout's failure. The assignment that brought it the versions may have named another one.
      const auto run = runs_.find(assign.rollout);
      const bool again = !reached_.insert({assign.rollout, assign.device}).second ||
                         (run != runs_.end() && !brings(assign, run->second.targets, run->second.shadow));
      const bool back = again && says(step, audit::segment_frozen, assign.rollout);
      // Let go from a hold it goes on with the same attempt, also one that has failed for want of time.
      if (released_in(step) != nullptr && known_.contains({assign.device, assigned_[assign.device].epoch}))
        known_.insert({assign.device, assign.epoch});
      assigned_[assign.device] = {back ? std::string() : assign.rollout, assign.epoch};
      if (run != runs_.end() && released_in(step) == nullptr) ++run->second.given[assign.device];
    });
    if (const auto* report = reports_.take(step)) take(*report);
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      // Of a device that ran out of time the record knows first; its own word comes later, and is no second failure.
      if (entry.what == audit::device_failed) known_.insert({entry.subject, assigned_[entry.subject].epoch});
      if (entry.what == audit::device_recovered) runs_[rollout_of(entry.why)].failed.erase(entry.subject);
      auto run = runs_.find(entry.subject);
      if (run == runs_.end()) return;
      if (entry.what == audit::failures_acknowledged) run->second.failed.clear();
      if (entry.what == audit::rollout_halted || entry.what == audit::rollout_paused) run->second.stands = true;
      if (entry.what == audit::rollout_resumed) run->second.stands = false;
      if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) runs_.erase(run);
    });
    for (const auto& [name, run] : runs_) {
      if (run.stands || run.failed.size() < run.halt_at) continue;
      fail("rollout " + name + " goes on although " + std::to_string(run.failed.size()) + " devices report failures (" +
           *run.failed.begin() + " …); its rule halts at " + std::to_string(run.halt_at));
    }
  }
  void on_old_copy() override {
    runs_.clear();
    assigned_.clear();
    reached_.clear();
    shadowed_.clear();
    may_begin_anew_ = false;
    reports_.clear();
  }

 private:
  struct Run {
    std::size_t halt_at = 1;
    std::map<std::string, std::uint32_t> attempts;  // of one device, by the error that may pass
    bool shadow = false;
    std::map<rules::Plane, Sha256> targets;
    std::map<std::string, std::uint32_t> given;  // to each, since it last ran the versions
    bool stands = false;
    std::set<std::string> failed;
  };
  struct Given {
    std::string rollout;
    std::uint64_t epoch = 0;
  };

  void take(const rules::DeviceReport& report) {
    const auto given = assigned_.find(report.device);
    if (given == assigned_.end() || given->second.epoch != report.attempt_epoch) return;
    const auto run = runs_.find(given->second.rollout);
    if (run == runs_.end()) return;
    using rules::AttemptState;
    const bool ended = report.attempt == AttemptState::rolled_back || report.attempt == AttemptState::failed;
    const auto found = run->second.attempts.find(report.attempt_error);
    const auto attempts = found == run->second.attempts.end() ? 1 : found->second;
    const bool again = attempts > 1 && (may_begin_anew_ || run->second.given[report.device] < attempts);
    const bool failed = ended && !again;
    if (run->second.shadow && report.attempt == AttemptState::committed && report.state == rules::DeviceState::healthy)
      shadowed_.insert({report.device, report.attempt_epoch});
    if (shadowed_.contains({report.device, report.attempt_epoch}) && ended) return;
    // It is tried again for how it ended; what it says of that attempt afterwards, of an order it cannot follow, is
    // nothing new.
    if (ended && again) tried_again_.insert({report.device, report.attempt_epoch});
    if (tried_again_.contains({report.device, report.attempt_epoch}) && ended) return;
    if (failed && !known_.contains({report.device, report.attempt_epoch})) {
      known_.insert({report.device, report.attempt_epoch});
      run->second.failed.insert(report.device);
    }
    if (report.attempt == AttemptState::committed) {
      run->second.failed.erase(report.device);
      run->second.given.erase(report.device);
      known_.erase({report.device, report.attempt_epoch});
    }
  }

  std::map<std::string, Run> runs_;
  std::map<std::string, Given> assigned_;
  std::set<std::pair<std::string, std::string>> reached_;        // rollout, device
  std::set<std::pair<std::string, std::uint64_t>> known_;        // failures counted once: an acknowledged one stays so
  std::set<std::pair<std::string, std::uint64_t>> shadowed_;     // attempts that have run for their time
  std::set<std::pair<std::string, std::uint64_t>> tried_again_;  // attempts after which that was so
  bool may_begin_anew_ = false;
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_halt_comes() {
  return std::make_unique<HaltComes>();
}

}  // namespace muster::sim
