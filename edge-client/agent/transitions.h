// The two state machines of a device as tables to be read aloud: one attempt at one assignment, and the device itself.
// Nothing else decides what may follow what; a pair that is not in the table is a bug and loud (see Agent::advance).
// Pure; any thread. The diagram in edge-client/README.md is printed from these tables by `muster-edge --print-states`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "schemas/common_generated.h"

namespace muster::edge {

// wire::AttemptState, with its numbers, and one more: on the way back, which is short and not reported as a state of
// its own.
enum class AttemptPhase : std::uint8_t {
  idle,
  fetching,
  verifying,
  staged,
  swapped,
  probing,
  soaking,
  committed,
  rolled_back,
  failed,
  held,
  shadowing,
  rolling_back,
};
inline constexpr std::size_t attempt_phase_count = 13;

enum class AttemptTrigger : std::uint8_t {
  assignment_taken,
  nothing_to_change,
  files_complete,
  slots_built,
  swap_begun,
  pointers_flipped,
  probes_passed,
  soak_over,
  hold_begun,
  hold_over,
  shadow_begun,
  shadow_over,
  refused,
  went_wrong,
  sent_back,
  pointers_back,
  cannot_go_back,
  restarted,
  slot_lost,
};
inline constexpr std::size_t attempt_trigger_count = 19;

struct AttemptTransition {
  AttemptPhase from;
  AttemptTrigger on;
  AttemptPhase to;
};

using wire::DeviceState;
inline constexpr std::size_t device_state_count = 5;

enum class DeviceTrigger : std::uint8_t {
  degrade,
  restart,
  cleared,
  safe_mode_entered,
  safe_mode_left,
  release_rolled_back,
  release_committed,
};
inline constexpr std::size_t device_trigger_count = 7;

struct DeviceTransition {
  DeviceState from;
  DeviceTrigger on;
  DeviceState to;
};

// Nothing when the table has no such line.
[[nodiscard]] std::optional<AttemptPhase> next_phase(AttemptPhase from, AttemptTrigger on);
[[nodiscard]] std::optional<DeviceState> next_state(DeviceState from, DeviceTrigger on);

[[nodiscard]] std::pair<const AttemptTransition*, const AttemptTransition*> attempt_table();
[[nodiscard]] std::pair<const DeviceTransition*, const DeviceTransition*> device_table();

[[nodiscard]] std::string_view name_of(AttemptPhase phase);
[[nodiscard]] std::string_view name_of(AttemptTrigger trigger);
[[nodiscard]] std::string_view name_of(DeviceTrigger trigger);

// Swapped and not committed: what goes wrong now goes back.
[[nodiscard]] bool is_on_probation(AttemptPhase phase);

// The workload runs reduced in these states.
[[nodiscard]] constexpr bool is_reduced(DeviceState state) {
  return state == DeviceState::degraded || state == DeviceState::safe_mode;
}

// As reports carry it: a device on its way back is still on probation.
[[nodiscard]] wire::AttemptState wire_state(AttemptPhase phase);

// Both tables as Mermaid state diagrams, in Markdown fences.
[[nodiscard]] std::string states_as_mermaid();

}  // namespace muster::edge
