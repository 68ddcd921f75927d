// Halt means no new assignment afterwards, and so do pause and abort: an assignment leaves only for a rollout that was
// running, awaiting approval or completed at some moment of the step; an aborted one gives only those that take back,
// and so may one that freezes a segment in this step (frozen_segment looks at what those say). Who is let go on from a
// hold is told so with what it was assigned already, in the name of the rollout that assigned it last.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class HaltMeansHalt final : public Checker {
 public:
  HaltMeansHalt() : Checker("halt_means_halt") {}

  void on_commit(const EngineStep& step) override {
    auto may_assign = assigning_;
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::rollout_started || entry.what == audit::rollout_resumed) {
        assigning_.insert(entry.subject);
        may_assign.insert(entry.subject);
      }
      if (entry.what == audit::segment_frozen) may_assign.insert(entry.subject);
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
      before = assign;
      if (may_assign.contains(assign.rollout) || (nothing_new && released_in(step) != nullptr)) return;
      fail("step " + std::to_string(step.number) + " assigns " + assign.device + " epoch " +
           std::to_string(assign.epoch) + " of rollout " + assign.rollout + ", which is halted, paused or aborted");
    });
  }
  void on_old_copy() override {
    assigning_.clear();
    ended_.clear();
    assigned_.clear();
  }

 private:
  std::map<std::string, rules::Assign> assigned_;  // by device, the newest
  std::set<std::string> assigning_, ended_;
};

}  // namespace

std::unique_ptr<Checker> check_halt_means_halt() {
  return std::make_unique<HaltMeansHalt>();
}

}  // namespace muster::sim
