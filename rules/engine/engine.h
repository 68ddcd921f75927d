// The rollout engine: takes events, changes its state, returns effects in order. Pure — no I/O, clock, thread or random
// device: the same events give the same effects, byte for byte, and the simulator, the golden scenarios and a restart
// depend on that. One thread at a time; the broker calls it on its only thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/effect.h"
#include "rules/engine/event.h"
#include "rules/engine/failure_cause.h"
#include "rules/engine/fleet_fit.h"
#include "rules/engine/status.h"

namespace muster::rules {

class Engine {
 public:
  Engine();
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Rebuilds the state from everything that was persisted, in any order. REQUIRES: a new engine. Returns an empty
  // string, or one sentence that names the damaged record; the engine must then not be used. All devices count as not
  // connected.
  [[nodiscard]] std::string restore(const std::vector<std::pair<std::string, std::string>>& records);

  // Adds its effects to `effects`. REQUIRES: event.now_s not before the last event's.
  void step(const Event& event, std::vector<Effect>& effects);

  // --- looking, for status topics and the control API; nothing changes ---
  [[nodiscard]] std::vector<std::string> rollouts() const;  // by start time
  [[nodiscard]] const RolloutStatus* status(
      std::string_view rollout) const;  // null: unknown; valid until the next step
  [[nodiscard]] std::string rule_text(std::string_view rollout) const;
  [[nodiscard]] std::vector<std::string> devices() const;  // sorted
  [[nodiscard]] bool device(std::string_view device, DeviceStatus& status) const;
  // What each rollout that could concern the device has to say about it, newest first; empty for an unknown device.
  [[nodiscard]] std::vector<DeviceReason> why(std::string_view device) const;
  // What StartRollout with this would find: whether it could start, whom it would take, who cannot run its releases.
  [[nodiscard]] FleetFit fit(const StartRollout& start) const;
  // Who matches a running rollout's targets and cannot run its releases, now: the other fields stay empty.
  [[nodiscard]] FleetFit unfit_for(std::string_view rollout) const;
  // What may still assign the release, or names it in an assignment.
  [[nodiscard]] ReleaseUses uses(const Sha256& manifest) const;
  // Every current standing order set and assignment, as effects: what a host publishes again after a restart.
  void republish(std::vector<Effect>& effects) const;
  // True when some rollout that the device is in judges its health: otherwise a DeviceHealth event changes nothing.
  [[nodiscard]] bool wants_health(std::string_view device) const;
  // How many reports were dropped because they were not newer than the last one of their device.
  [[nodiscard]] std::uint64_t stale_reports() const;
  [[nodiscard]] const Troubles& troubles() const;
  // Counts everything again, over all devices, and compares with the counts kept along the way; empty, or what differs.
  // For tests and assertions: it costs as much as there are devices.
  [[nodiscard]] std::string check() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::rules
