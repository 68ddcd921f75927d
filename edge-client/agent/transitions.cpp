#include "edge-client/agent/transitions.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace muster::edge {
namespace {

using P = AttemptPhase;
using A = AttemptTrigger;

// One device's try at one assignment. Up to `staged` nothing that runs has changed, so a try that stops there has
// failed and that is all; from `swapped` on, stopping means going back. A hold waits in `staged` or in `held`.
constexpr AttemptTransition attempts[] = {
    {P::idle, A::assignment_taken, P::fetching},
    {P::fetching, A::files_complete, P::verifying},
    {P::verifying, A::slots_built, P::staged},
    {P::staged, A::swap_begun, P::swapped},
    {P::swapped, A::pointers_flipped, P::probing},
    {P::probing, A::probes_passed, P::soaking},
    {P::soaking, A::soak_over, P::committed},
    // The soak is over and the assignment does not let it commit yet: still on probation.
    {P::soaking, A::hold_begun, P::held},
    {P::held, A::hold_over, P::committed},
    // A shadow runs beside what is active and changes none of it.
    {P::staged, A::shadow_begun, P::shadowing},
    {P::shadowing, A::shadow_over, P::committed},
    // Every plane already runs what is assigned.
    {P::fetching, A::nothing_to_change, P::committed},
    // Not fetched, not verified, not compatible, frozen: nothing was changed.
    {P::fetching, A::refused, P::failed},
    {P::verifying, A::refused, P::failed},
    {P::staged, A::refused, P::failed},
    {P::shadowing, A::refused, P::failed},
    // A swap, a probe or the soak failed, an order forbids it, or a newer assignment is waiting.
    {P::swapped, A::went_wrong, P::rolling_back},
    {P::probing, A::went_wrong, P::rolling_back},
    {P::soaking, A::went_wrong, P::rolling_back},
    {P::held, A::went_wrong, P::rolling_back},
    // A directive, the recovery policy or a damaged slot sends a settled device back.
    {P::idle, A::sent_back, P::rolling_back},
    {P::committed, A::sent_back, P::rolling_back},
    {P::rolled_back, A::sent_back, P::rolling_back},
    {P::failed, A::sent_back, P::rolling_back},
    {P::rolling_back, A::pointers_back, P::rolled_back},
    {P::rolling_back, A::cannot_go_back, P::failed},
    // The next assignment; before the swap it simply replaces the one in work.
    {P::fetching, A::assignment_taken, P::fetching},
    {P::verifying, A::assignment_taken, P::fetching},
    {P::staged, A::assignment_taken, P::fetching},
    {P::shadowing, A::assignment_taken, P::fetching},
    {P::committed, A::assignment_taken, P::fetching},
    {P::rolled_back, A::assignment_taken, P::fetching},
    {P::failed, A::assignment_taken, P::fetching},
    // The agent was started again: what is only staged is checked again, what was swapped goes on where it stood.
    {P::fetching, A::restarted, P::fetching},
    {P::verifying, A::restarted, P::fetching},
    {P::staged, A::restarted, P::fetching},
    {P::shadowing, A::restarted, P::fetching},
    {P::swapped, A::restarted, P::swapped},
    {P::probing, A::restarted, P::probing},
    {P::soaking, A::restarted, P::soaking},
    {P::held, A::restarted, P::held},
    {P::rolling_back, A::restarted, P::rolling_back},
    // The active slot is damaged and there is nothing to go back to: fetch the assigned release again.
    {P::committed, A::slot_lost, P::fetching},
    {P::rolled_back, A::slot_lost, P::fetching},
    {P::failed, A::slot_lost, P::fetching},
};

using S = DeviceState;
using D = DeviceTrigger;

// The device as a whole. Safe mode gives way to nothing but its own end.
constexpr DeviceTransition devices[] = {
    {S::healthy, D::degrade, S::degraded},
    {S::recovering, D::degrade, S::degraded},
    {S::rolled_back, D::degrade, S::degraded},
    {S::degraded, D::degrade, S::degraded},
    {S::healthy, D::restart, S::recovering},
    {S::degraded, D::restart, S::recovering},
    {S::rolled_back, D::restart, S::recovering},
    {S::recovering, D::restart, S::recovering},
    {S::degraded, D::cleared, S::healthy},
    {S::recovering, D::cleared, S::healthy},
    {S::healthy, D::safe_mode_entered, S::safe_mode},
    {S::degraded, D::safe_mode_entered, S::safe_mode},
    {S::recovering, D::safe_mode_entered, S::safe_mode},
    {S::rolled_back, D::safe_mode_entered, S::safe_mode},
    {S::safe_mode, D::safe_mode_left, S::healthy},
    {S::healthy, D::release_rolled_back, S::rolled_back},
    {S::degraded, D::release_rolled_back, S::rolled_back},
    {S::recovering, D::release_rolled_back, S::rolled_back},
    {S::rolled_back, D::release_rolled_back, S::rolled_back},
    {S::safe_mode, D::release_rolled_back, S::safe_mode},
    {S::healthy, D::release_committed, S::healthy},
    {S::degraded, D::release_committed, S::healthy},
    {S::recovering, D::release_committed, S::healthy},
    {S::rolled_back, D::release_committed, S::healthy},
    {S::safe_mode, D::release_committed, S::safe_mode},
};

constexpr std::array<std::string_view, attempt_phase_count> phase_names = {
    "idle",      "fetching",    "verifying", "staged", "swapped",   "probing",     "soaking",
    "committed", "rolled_back", "failed",    "held",   "shadowing", "rolling_back"};
constexpr std::array<std::string_view, attempt_trigger_count> attempt_trigger_names = {
    "assignment taken", "nothing to change", "files complete", "slots built", "swap begun",
    "pointers flipped", "probes passed",     "soak over",      "hold begun",  "hold over",
    "shadow begun",     "shadow over",       "refused",        "went wrong",  "sent back",
    "pointers back",    "cannot go back",    "agent started",  "slot lost"};
constexpr std::array<std::string_view, device_trigger_count> device_trigger_names = {
    "degrade",        "restart workload",    "condition cleared", "safe mode entered",
    "safe mode left", "release rolled back", "release committed"};

void add_line(std::string& text, std::string_view from, std::string_view to, std::string_view on) {
  text.append("    ").append(from).append(" --> ").append(to).append(": ").append(on).append("\n");
}

}  // namespace

std::optional<AttemptPhase> next_phase(AttemptPhase from, AttemptTrigger on) {
  const auto found = std::find_if(std::begin(attempts), std::end(attempts),
                                  [&](const auto& t) { return t.from == from && t.on == on; });
  if (found == std::end(attempts)) return std::nullopt;
  return found->to;
}

std::optional<DeviceState> next_state(DeviceState from, DeviceTrigger on) {
  const auto found =
      std::find_if(std::begin(devices), std::end(devices), [&](const auto& t) { return t.from == from && t.on == on; });
  if (found == std::end(devices)) return std::nullopt;
  return found->to;
}

std::pair<const AttemptTransition*, const AttemptTransition*> attempt_table() {
  return {std::begin(attempts), std::end(attempts)};
}

std::pair<const DeviceTransition*, const DeviceTransition*> device_table() {
  return {std::begin(devices), std::end(devices)};
}

std::string_view name_of(AttemptPhase phase) {
  return phase_names[static_cast<std::size_t>(phase)];
}
std::string_view name_of(AttemptTrigger trigger) {
  return attempt_trigger_names[static_cast<std::size_t>(trigger)];
}
std::string_view name_of(DeviceTrigger trigger) {
  return device_trigger_names[static_cast<std::size_t>(trigger)];
}

bool is_on_probation(AttemptPhase phase) {
  return phase == P::swapped || phase == P::probing || phase == P::soaking || phase == P::held;
}

wire::AttemptState wire_state(AttemptPhase phase) {
  if (phase == AttemptPhase::rolling_back) return wire::AttemptState::probing;
  return static_cast<wire::AttemptState>(phase);
}
static_assert(static_cast<int>(AttemptPhase::failed) == static_cast<int>(wire::AttemptState::failed));
static_assert(static_cast<int>(AttemptPhase::soaking) == static_cast<int>(wire::AttemptState::soaking));
static_assert(static_cast<int>(AttemptPhase::shadowing) == static_cast<int>(wire::AttemptState::shadowing));

std::string states_as_mermaid() {
  std::string text = "One attempt at one assignment:\n\n```mermaid\nstateDiagram-v2\n    [*] --> idle\n";
  for (const auto& t : attempts) add_line(text, name_of(t.from), name_of(t.to), name_of(t.on));
  text += "```\n\nThe device:\n\n```mermaid\nstateDiagram-v2\n    [*] --> healthy\n";
  for (const auto& t : devices) {
    add_line(text, wire::EnumNameDeviceState(t.from), wire::EnumNameDeviceState(t.to), name_of(t.on));
  }
  text += "```\n";
  return text;
}

}  // namespace muster::edge
