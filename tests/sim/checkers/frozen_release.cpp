// A frozen release is not assigned where it is frozen, and a device that knows of the freeze does not activate it.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

class FrozenRelease final : public Checker {
 public:
  FrozenRelease() : Checker("frozen_release") {}

  void on_commit(const EngineStep& step) override {
    for_each<rules::Direct>(step, [&](const rules::Direct& direct) {
      auto& frozen = frozen_[direct.scope];
      frozen.clear();
      for (const auto& order : direct.orders) {
        if (order.kind == rules::OrderKind::freeze) frozen.insert(order.release);
      }
    });
    reports_.take(step);
    if (const auto* start = started_in(step)) {
      for (const auto& release : start->releases) targets_[start->rule.rollout].insert(release.manifest);
    }
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      const bool stays = entry.what == audit::device_not_reverted ||
                         (entry.what == audit::device_failed &&
                          entry.why.find("rehearsal_failed: on its way back: ") != std::string::npos);
      if (stays) could_not_go_back_.insert(entry.subject);
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { look(step, assign); });
  }

  void on_activate(const DeviceView& device, const edge::Activate& activate) override {
    if (activate.going_back || activate.active.is_zero()) return;
    const auto state = edge::decode(device.disk->journal);
    if (!state) return;
    // A flip that was under way when the freeze came; the one that takes it back is right behind it.
    if (state->attempt.phase == edge::AttemptPhase::rolling_back) return;
    for (const auto& scope : state->scopes) {
      for (const auto& order : scope.orders) {
        if (order.kind != edge::OrderKind::freeze || order.release != activate.active) continue;
        fail(device.id + " activates a release that is frozen in " + scope.scope);
      }
    }
  }
  void on_old_copy() override {
    frozen_.clear();
    assigned_.clear();
    could_not_go_back_.clear();
    reports_.clear();
    targets_.clear();
  }

 private:
  void look(const EngineStep& step, const rules::Assign& assign) {
    auto& before = assigned_[assign.device];
    const auto* report = reports_.of(assign.device);
    for (const auto& [plane, manifest] : assign.shadow) look_where_frozen(assign, report, manifest);
    for (const auto& [plane, manifest] : assign.releases) {
      const bool is_new = before[plane] != manifest;
      before[plane] = manifest;
      if (!is_new || report == nullptr || manifest.is_zero()) continue;
      // What may not go back stays as it runs, and the record says so; and what was to replace it and could not is not
      // assigned any more when another rollout brings other planes.
      if (report->active[static_cast<std::size_t>(plane)] == manifest &&
          (says(step, audit::device_not_revertible, assign.device) || could_not_go_back_.contains(assign.device) ||
           !targets_[assign.rollout].contains(manifest)))
        continue;
      look_where_frozen(assign, report, manifest);
    }
  }
  void look_where_frozen(const rules::Assign& assign, const rules::DeviceReport* report, const Sha256& manifest) {
    if (report == nullptr) return;
    for (const auto& scope : scopes_of(assign.device, report->facts)) {
      const auto found = frozen_.find(scope);
      if (found == frozen_.end() || !found->second.contains(manifest)) continue;
      fail("rollout " + assign.rollout + " assigns " + assign.device + " a release that is frozen in " + scope);
    }
  }

  std::map<std::string, std::set<Sha256>> frozen_;
  std::map<std::string, std::map<rules::Plane, Sha256>> assigned_;
  std::set<std::string> could_not_go_back_;
  std::map<std::string, std::set<Sha256>> targets_;  // by rollout
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_frozen_release() {
  return std::make_unique<FrozenRelease>();
}

}  // namespace muster::sim
