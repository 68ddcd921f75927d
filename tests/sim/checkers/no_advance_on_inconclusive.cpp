// A wave is not left without a verdict: with an automatic gate every guardrail has a pass in every segment that has
// devices, by the votes published so far, unless the rule lets the wave go on after so long, an operator accepted a
// fail there, or the segment is frozen; and no gate lets a wave go that stands on a fail. The other way round, a wave
// that says it lacks a verdict does lack one, and somebody can still vote on it.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/guarded.h"

namespace muster::sim {

namespace {

class NoAdvanceOnInconclusive final : public Checker {
 public:
  NoAdvanceOnInconclusive() : Checker("no_advance_on_inconclusive") {}

  void on_commit(const EngineStep& step) override {
    runs_.take(step);
    for (const auto& [name, run] : runs_.all()) {
      if (!runs_.changed()) break;
      for (auto wave = run.left_before; wave < run.left && wave < run.opened_s.size(); ++wave) look(name, run, wave);
    }
    runs_.take_assigned(step);
  }
  void when_quiet(const FinalView& view) override {
    for (const auto& status : view.rollouts) look_at_waiting(status);
  }
  void on_old_copy() override { runs_.clear(); }

 private:
  // Time alone lets the wave go on.
  [[nodiscard]] bool has_waited(const Guarded& run, std::size_t guardrail, std::size_t wave,
                                std::uint64_t late_s) const {
    const auto patience_s = run.rule.guardrails[guardrail].advance_after_s;
    return patience_s != 0 && runs_.now_s() >= run.opened_s[wave] + patience_s + late_s;
  }

  static const Judged& judged_of(const Guarded& run, std::size_t guardrail, const std::string& segment) {
    static const Judged none;
    const auto found = run.judged[guardrail].find(segment);
    return found == run.judged[guardrail].end() ? none : found->second;
  }

  void look(const std::string& name, const Guarded& run, std::size_t wave) {
    const bool automatic = run.asks_for_verdicts(wave);
    for (std::size_t i = 0; i < run.ever.size(); ++i) {
      for (const auto& [segment, count] : run.ever[i]) {
        if (run.frozen.contains({i, segment})) continue;
        const auto& judged = judged_of(run, i, segment);
        const auto text = [&, &segment_name = segment](const std::string& what) {
          return "rollout " + name + " leaves wave " + run.rule.waves[wave].name + " although " +
                 title_of(run, i, segment_name) + " " + what + ": " + std::to_string(judged.exceeded) + " of " +
                 std::to_string(judged.voted) + " devices exceed";
        };
        if (judged.surely_fail) return fail(text("has failed"));
        if (!automatic || judged.acknowledged) continue;
        const bool waived = !judged.maybe_pass && has_waited(run, i, wave, 0);
        if (!run.waits_for(i, segment, true)) continue;
        if (waived ? judged.observed != 0 : judged.maybe_pass && !judged.holds_pass)
          return fail(text("waits for votes that could undo it"));
        if (!waived && !judged.maybe_pass) return fail(text("has no pass"));
      }
    }
  }

  void look_at_waiting(const rules::RolloutStatus& status) {
    const auto* run = runs_.of(status.rollout);
    if (run == nullptr || status.state != rules::RolloutState::running) return;
    if (status.waiting_for.find(" is done; guardrail ") == std::string::npos) return;
    for (std::size_t i = 0; i < run->ever.size(); ++i) {
      for (const auto& [segment, count] : run->ever[i]) {
        const auto& judged = judged_of(*run, i, segment);
        if (run->frozen.contains({i, segment}) || judged.acknowledged || judged.surely_pass) continue;
        const bool to_come = judged.observed != 0 || !has_waited(*run, i, run->left, 60);
        if (run->waits_for(i, segment, false) && to_come) return;
      }
    }
    fail("rollout " + status.rollout + " waits for a verdict, but each segment with devices that can vote has one: \"" +
         status.waiting_for + "\"");
  }

  GuardedRuns runs_;
};

}  // namespace

std::unique_ptr<Checker> check_no_advance_on_inconclusive() {
  return std::make_unique<NoAdvanceOnInconclusive>();
}

}  // namespace muster::sim
