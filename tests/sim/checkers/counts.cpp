// The engine's counts, kept along the way, are those of a scan over all devices (Engine::check); and what statuses say
// adds up.
#include <set>

#include "rules/engine/audit_words.h"
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t steps_between = 16;  // a scan costs as much as there are devices

class Counts final : public Checker {
 public:
  Counts() : Checker("counts") {}

  void on_engine(const rules::Engine& engine) override {
    if (++steps_ % steps_between == 0) look(engine);
  }
  void on_broker_start(const rules::Engine& engine) override { look(engine); }
  void on_step(const EngineStep& step) override {
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      const bool ends = entry.what == rules::audit::rollout_aborted;  // perhaps the ways back of some
      if (entry.what == rules::audit::rollout_superseded || ends) left_.insert(entry.subject);
      if (entry.what == rules::audit::device_cancelled) left_.insert(rollout_of(entry.why));
    });
    for (const auto& status : step.statuses) {
      for (const auto& wave : status.waves) {
        // Who failed and was taken out, or was taken by another rollout and then left, is none of its devices any more;
        // the failure stays.
        const bool left = left_.contains(status.rollout);
        if (wave.done + wave.unreachable <= wave.devices && (left || wave.failed <= wave.devices)) continue;
        fail("rollout " + status.rollout + ", wave " + wave.name + ": " + std::to_string(wave.devices) +
             " devices, but " + std::to_string(wave.done) + " done, " + std::to_string(wave.unreachable) +
             " unreachable, " + std::to_string(wave.failed) + " failed");
      }
    }
  }

 private:
  void look(const rules::Engine& engine) {
    if (const auto wrong = engine.check(); !wrong.empty()) fail(wrong);
  }
  std::set<std::string> left_;  // rollouts that have lost devices to one of higher priority, or to operators
  std::uint64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Checker> check_counts() {
  return std::make_unique<Counts>();
}

}  // namespace muster::sim
