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
      if (entry.what == rules::audit::rollout_superseded) taken_from_.insert(entry.subject);
    });
    for (const auto& status : step.statuses) {
      for (const auto& wave : status.waves) {
        // Who failed, was taken by another rollout and then left is none of its devices any more; the failure stays.
        const bool left = taken_from_.contains(status.rollout);
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
  std::set<std::string> taken_from_;  // rollouts of which one of higher priority has taken devices
  std::uint64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<Checker> check_counts() {
  return std::make_unique<Counts>();
}

}  // namespace muster::sim
