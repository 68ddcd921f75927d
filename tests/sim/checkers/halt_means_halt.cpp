// Halt means no new assignment afterwards, and so do pause and abort: an assignment leaves only for a rollout that was
// running, awaiting approval or completed at some moment of the step; an aborted one gives only those that take back,
// or, when an operator ends that, those that leave each device with what it runs; and so may one that freezes a segment
// in this step (frozen_segment looks at what those say). Who is let go on from a hold is told so with what it was
// assigned already, in the name of the rollout that assigned it last.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class HaltMeansHalt final : public Checker {
 public:
  HaltMeansHalt() : Checker("halt_means_halt") {}

  void on_commit(const EngineStep& step) override {
    auto may_assign = assigning_;
    std::set<std::string> stays;  // devices whose way back an operator has ended
    reports_.take(step);
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::rollout_started || entry.what == audit::rollout_resumed) {
        assigning_.insert(entry.subject);
        may_assign.insert(entry.subject);
      }
      if (entry.what == audit::segment_frozen) may_assign.insert(entry.subject);
      if (entry.what == audit::device_cancelled) stays.insert(entry.subject);
      const bool aborts = entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting;
      if (entry.what == audit::rollout_halted || entry.what == audit::rollout_paused || aborts)
        assigning_.erase(entry.subject);
      if (aborts && !ended_.contains(entry.subject)) {
        may_assign.insert(entry.subject);  // this step takes back
        ended_.insert(entry.subject);
      }
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      auto& before = assigned_[assign.device];
      const bool nothing_new = assign.releases == before.releases && assign.shadow == before.shadow;
      const auto* report = reports_.of(assign.device);
      const bool as_it_is = (stays.contains(assign.device) || ends_ways_back(step, assign.rollout)) &&
                            report != nullptr && stays_there(*report, before, assign);
      before = assign;
      if (as_it_is || may_assign.contains(assign.rollout) || (nothing_new && released_in(step) != nullptr)) return;
      fail("step " + std::to_string(step.number) + " assigns " + assign.device + " epoch " +
           std::to_string(assign.epoch) + " of rollout " + assign.rollout + ", which is halted, paused or aborted");
    });
  }
  void on_old_copy() override {
    assigning_.clear();
    ended_.clear();
    assigned_.clear();
    reports_.clear();
  }

 private:
  static bool ends_ways_back(const EngineStep& step, const std::string& rollout) {
    bool ends = false;
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      ends = ends || (entry.what == audit::rollout_aborted && entry.subject == rollout &&
                      entry.why.find("while it was reverting") != std::string::npos);
    });
    return ends;
  }
  // What is new in it is what the device says that it runs.
  static bool stays_there(const rules::DeviceReport& report, const rules::Assign& before, const rules::Assign& assign) {
    return std::all_of(assign.releases.begin(), assign.releases.end(), [&](const auto& release) {
      return std::find(before.releases.begin(), before.releases.end(), release) != before.releases.end() ||
             report.active[static_cast<std::size_t>(release.first)] == release.second;
    });
  }

  LastReports reports_;
  std::map<std::string, rules::Assign> assigned_;  // by device, the newest
  std::set<std::string> assigning_, ended_;
};

}  // namespace

std::unique_ptr<Checker> check_halt_means_halt() {
  return std::make_unique<HaltMeansHalt>();
}

}  // namespace muster::sim
