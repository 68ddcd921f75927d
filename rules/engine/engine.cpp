#include "rules/engine/engine.h"

#include "rules/engine/core.h"

namespace muster::rules {

struct Engine::State {
  Core core;
};

Engine::Engine() : state_(std::make_unique<State>()) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::string Engine::restore(const std::vector<std::pair<std::string, std::string>>& records) {
  return state_->core.restore(records);
}

void Engine::step(const Event& event, std::vector<Effect>& effects) {
  state_->core.step(event, effects);
}

std::vector<std::string> Engine::rollouts() const {
  return state_->core.rollouts();
}

const RolloutStatus* Engine::status(std::string_view rollout) const {
  const auto* found = state_->core.rollout(rollout);
  return found == nullptr ? nullptr : &found->status;
}

std::string Engine::rule_text(std::string_view rollout) const {
  const auto* found = state_->core.rollout(rollout);
  return found == nullptr ? std::string() : found->rule_text;
}

std::vector<std::string> Engine::devices() const {
  return state_->core.devices();
}

bool Engine::device(std::string_view device, DeviceStatus& status) const {
  return state_->core.device(device, status);
}

void Engine::republish(std::vector<Effect>& effects) const {
  state_->core.republish(effects);
}

bool Engine::wants_health(std::string_view device) const {
  return state_->core.wants_health(device);
}

std::vector<DeviceReason> Engine::why(std::string_view device) const {
  return state_->core.why(device);
}

FleetFit Engine::fit(const StartRollout& start) const {
  return state_->core.fit(start);
}

FleetFit Engine::unfit_for(std::string_view rollout) const {
  return state_->core.unfit_for(rollout);
}

ReleaseUses Engine::uses(const Sha256& manifest) const {
  return state_->core.uses(manifest);
}

std::uint64_t Engine::stale_reports() const {
  return state_->core.stale_reports();
}

const Troubles& Engine::troubles() const {
  return state_->core.troubles();
}

std::string Engine::check() const {
  return state_->core.check();
}

}  // namespace muster::rules
