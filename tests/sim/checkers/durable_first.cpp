// Durable before visible. The engine gives records and audit entries before what acts on them, and a record with each
// decision; what is published was committed. A device's pointers move only to what its journal on disk already speaks
// of.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class DurableFirst final : public Checker {
 public:
  DurableFirst() : Checker("durable_first") {}

  void on_step(const EngineStep& step) override {
    bool acts = false;
    std::set<std::string> keys;
    for (const auto& effect : step.effects) {
      if (const auto* persist = std::get_if<rules::Persist>(&effect)) keys.insert(persist->key);
      const bool durable =
          std::holds_alternative<rules::Persist>(effect) || std::holds_alternative<rules::Audit>(effect);
      if (durable && acts) {
        fail("step " + std::to_string(step.number) + " has a record or an audit entry behind an effect that needs it");
        return;
      }
      acts = acts || !durable;
      if (const auto* assign = std::get_if<rules::Assign>(&effect);
          assign != nullptr && !keys.contains("device/" + assign->device))
        fail("step " + std::to_string(step.number) + " assigns " + assign->device + " without a record of it");
      if (const auto* direct = std::get_if<rules::Direct>(&effect);
          direct != nullptr && !keys.contains("scope/" + direct->scope))
        fail("step " + std::to_string(step.number) + " orders " + direct->scope + " without a record of it");
    }
  }
  void on_commit(const EngineStep& step) override {
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { committed_[assign.device] = assign.epoch; });
    for_each<rules::Direct>(step, [&](const rules::Direct& direct) { committed_[direct.scope] = direct.epoch; });
  }
  void on_assignment(const std::string& device, const edge::Assignment& assignment) override {
    if (assignment.epoch > committed_[device])
      fail("assignment " + std::to_string(assignment.epoch) + " of " + device + " is published before it is durable");
  }
  void on_directive(const edge::Directive& directive) override {
    if (directive.epoch > committed_[directive.scope])
      fail("directive " + std::to_string(directive.epoch) + " of " + directive.scope +
           " is published before it is durable");
  }
  void on_old_copy() override { committed_.clear(); }

  void on_activate(const DeviceView& device, const edge::Activate& activate) override {
    const auto state = edge::decode(device.disk->journal);
    if (!state) return fail(device.id + " moves a pointer without a journal");
    const auto plane = edge::index_of(activate.plane);
    bool spoken_of = activate.active == state->planes[plane].active.manifest;
    for (std::size_t i = 0; i < state->attempt.swap_begun && i < state->attempt.changes.size(); ++i) {
      const auto& change = state->attempt.changes[i];
      spoken_of = spoken_of || (change.plane == activate.plane && change.to.manifest == activate.active);
    }
    for (const auto& step : state->attempt.back)
      spoken_of = spoken_of || (step.plane == activate.plane && step.to.manifest == activate.active);
    if (!spoken_of)
      fail(device.id + " points active of plane " + std::string(wire::EnumNamePlane(activate.plane)) +
           " to a release that its journal does not speak of");
  }

 private:
  std::map<std::string, std::uint64_t> committed_;
};

}  // namespace

std::unique_ptr<Checker> check_durable_first() {
  return std::make_unique<DurableFirst>();
}

}  // namespace muster::sim
