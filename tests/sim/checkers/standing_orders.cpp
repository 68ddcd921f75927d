// A device obeys standing orders, also those that were given while it was away: once all is well it holds the newest
// directive of each of its scopes, is in safe mode exactly when an order or its own policy wants it, and has taken its
// newest assignment unless updates are paused for it.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class StandingOrders final : public Checker {
 public:
  StandingOrders() : Checker("standing_orders") {}

  void on_commit(const EngineStep& step) override {
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { assigned_[assign.device] = assign.epoch; });
  }
  void on_old_copy() override {
    copied_back_ = true;
    assigned_.clear();
  }
  void when_quiet(const FinalView& view) override { look(view); }
  void at_end(const FinalView& view) override { look(view); }

 private:
  // Orders that the broker has lost with its data stand on devices until they are given again: the engine says so.
  bool copied_back_ = false;
  std::map<std::string, std::uint64_t> assigned_;  // by device, the newest epoch
  bool lost_ = false;                              // of the device that is looked at

  void look(const FinalView& view) {
    for (const auto& device : view.devices) {
      if (device.gone || !device.connected) continue;
      const auto state = edge::decode(device.disk->journal);
      if (!state) continue;
      bool safe_mode = state->safe_mode_latched;
      bool paused = false;
      lost_ = copied_back_ &&
              std::any_of(state->scopes.begin(), state->scopes.end(),
                          [&](const edge::ScopeRecord& held) { return !view.directives.contains(held.scope); });
      for (const auto& scope : *device.scopes) {
        const auto found = view.directives.find(scope);
        if (found != view.directives.end()) look_at_scope(device, *state, found->second, safe_mode, paused);
      }
      if (lost_) continue;
      const bool is = state->state == edge::DeviceState::safe_mode;
      if (is != safe_mode)
        fail(device.id + (is ? " is in safe mode although nothing asks for it"
                             : " is not in safe mode although an order asks for it"));
      const auto assignment = view.assignments.find(device.id);
      if (assignment == view.assignments.end() || paused) continue;
      // One that the broker has lost stays retained, and is not sealed again when it expires.
      if (assigned_[device.id] != assignment->second.epoch) continue;
      if (state->attempt.assignment.epoch < assignment->second.epoch)
        fail(device.id + " has not taken its assignment " + std::to_string(assignment->second.epoch) + ", it holds " +
             std::to_string(state->attempt.assignment.epoch));
    }
  }

  void look_at_scope(const DeviceView& device, const edge::DurableState& state, const edge::Directive& directive,
                     bool& safe_mode, bool& paused) {
    std::uint64_t held = 0;
    bool others = false;
    for (const auto& scope : state.scopes) {
      if (scope.scope != directive.scope) continue;
      held = scope.epoch;
      others = scope.orders != directive.orders;
    }
    lost_ = lost_ || (copied_back_ && (held != directive.epoch || others));
    if (lost_) return;
    if (held != directive.epoch) {
      return fail(device.id + " holds directive " + std::to_string(held) + " of " + directive.scope +
                  ", the newest is " + std::to_string(directive.epoch));
    }
    if (others) fail(device.id + " holds other orders of " + directive.scope + " than its newest directive has");
    std::uint64_t safe = 0;
    std::uint64_t resumed = 0;
    for (const auto& order : directive.orders) {
      if (order.kind == edge::OrderKind::safe_mode) safe = std::max(safe, order.epoch);
      if (order.kind == edge::OrderKind::resume) resumed = std::max(resumed, order.epoch);
      paused = paused || order.kind == edge::OrderKind::pause_updates;
    }
    safe_mode = safe_mode || safe > resumed;
  }
};

}  // namespace

std::unique_ptr<Checker> check_standing_orders() {
  return std::make_unique<StandingOrders>();
}

}  // namespace muster::sim
