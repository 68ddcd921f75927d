// A frozen segment gets nothing: from the step on in which the record says so, no device with its facts is assigned the
// rollout any more, late joiners neither; who was reached there is told in that step to go back to what it ran before,
// but for those that went back already; and the status says that it is frozen until the rollout ends.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/guarded.h"
#include "tests/sim/checkers/ran_before.h"

namespace muster::sim {

namespace {

class FrozenSegment final : public Checker {
 public:
  FrozenSegment() : Checker("frozen_segment") {}

  void on_commit(const EngineStep& step) override {
    runs_.take(step);
    if (!runs_.all().empty()) look(step);
    ran_before_.take(step, runs_.reports());
  }
  void when_quiet(const FinalView& view) override { look_at_end(view); }
  void at_end(const FinalView& view) override { look_at_end(view); }
  void on_old_copy() override {
    runs_.clear();
    ran_before_.clear();
  }

 private:
  void look(const EngineStep& step) {
    for (auto& [name, run] : runs_.all()) {
      if (runs_.changed() && !run.frozen_now.empty()) look_at_reached(step, name, run);
    }
    runs_.take_assigned(step, [&](const std::string& name, const Guarded& run, const Reached& device, bool back,
                                  const rules::Assign& assign) {
      if (back || !device.sure || run.frozen.empty()) return;
      if (const auto* report = runs_.reports().of(assign.device); run.is_frozen(report->facts))
        fail("rollout " + name + " assigns " + assign.device + " (region " + report->facts.region + ", class " +
             report->facts.device_class + ", site " + report->facts.site + "), whose segment is frozen");
    });
    for (const auto& status : step.statuses) look_at_status(status);
  }
  void look_at_reached(const EngineStep& step, const std::string& name, Guarded& run) {
    for (auto& [id, device] : run.reached) {
      if (!device.sure || device.taken_back || !run.is_frozen_now(device)) continue;
      bool told = false;
      for_each<rules::Assign>(step, [&, &device_id = id](const rules::Assign& assign) {
        if (assign.device != device_id) return;
        told = true;
        look_at_return(step, name, run, assign);
      });
      if (!told) fail("rollout " + name + " leaves " + id + ", whose segment is frozen, where it is");
      device.taken_back = true;
    }
  }

  // Another rollout may take the device in the very step that frees it. Of one without guardrails the books know
  // nothing.
  [[nodiscard]] bool is_brought_by(const std::string& name, rules::Plane plane, const Sha256& manifest) {
    const auto* run = runs_.of(name);
    if (run == nullptr) return true;
    const auto target = run->targets.find(plane);
    return target != run->targets.end() && target->second == manifest;
  }

  // Each plane of the rollout goes back to what ran there, or stays as it is and the record says so.
  void look_at_return(const EngineStep& step, const std::string& name, const Guarded& run,
                      const rules::Assign& assign) {
    const auto* report = runs_.reports().of(assign.device);
    const bool may_stay = says(step, audit::device_not_revertible, assign.device);
    for (const auto& [plane, manifest] : assign.releases) {
      const auto index = static_cast<std::size_t>(plane);
      if (!run.targets.contains(plane)) continue;
      const auto before = ran_before_.of(name, assign.device, plane);
      if (before.empty() || before.contains(manifest)) continue;
      if (assign.rollout != name && is_brought_by(assign.rollout, plane, manifest)) continue;
      if (may_stay && report != nullptr && manifest == report->active[index]) continue;
      fail("rollout " + name + " sends " + assign.device + " back to another release on plane " +
           std::string(rules::name_of(plane)) + " than it ran before");
    }
  }

  void look_at_status(const rules::RolloutStatus& status) {
    const auto* run = runs_.of(status.rollout);
    if (run == nullptr) return;
    for (const auto& each : status.guardrails) {
      const bool frozen = std::any_of(run->frozen.begin(), run->frozen.end(), [&](const auto& one) {
        return run->rule.guardrails[one.first].name == each.guardrail && one.second == each.segment;
      });
      if (frozen == each.frozen) continue;
      fail("the status of rollout " + status.rollout + " says of " + each.guardrail + " in \"" + each.segment +
           "\" that it is " + (each.frozen ? "" : "not ") + "frozen, the record says otherwise");
    }
  }

  // Nobody there is done with the versions that the segment is not to have.
  void look_at_end(const FinalView& view) {
    for (const auto& [name, run] : runs_.all()) {
      if (run.frozen.empty()) continue;
      for (const auto& device : view.devices) {
        const auto known = run.reached.find(device.id);
        if (known == run.reached.end() || !known->second.sure || !device.connected) continue;
        if (known->second.taken_back || !run.is_frozen(known->second)) continue;
        fail(device.id + " has the versions of rollout " + name +
             ", its segment is frozen, and it was never told to go back");
      }
    }
  }

  GuardedRuns runs_;
  RanBefore ran_before_;
};

}  // namespace

std::unique_ptr<Checker> check_frozen_segment() {
  return std::make_unique<FrozenSegment>();
}

}  // namespace muster::sim
