// Everything the agent must still know after a power cut, and its form in bytes. The shell's journal keeps the bytes
// safe; what they mean is decided here. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edge-client/agent/transitions.h"
#include "edge-client/agent/types.h"

namespace muster::edge {

// One release as a plane remembers it; a zero manifest is none.
struct SlotRef {
  Sha256 manifest;
  std::string name, version;
  std::uint32_t security_version = 0;

  [[nodiscard]] bool empty() const { return manifest.is_zero(); }
};

struct PlaneRecord {
  SlotRef active;
  SlotRef previous;                  // what a rollback brings back; never a release that was not committed
  std::uint32_t security_floor = 0;  // no release under it is activated; only a commit raises it
};

// A plane that the attempt changes. While a shadow runs: one that it is for, and nothing is changed.
struct PlaneChange {
  Plane plane = Plane::model;
  SlotRef to, from;
};

// One flip on the way back. `to_previous` is what `previous` is to hold afterwards.
struct BackStep {
  Plane plane = Plane::model;
  SlotRef to, to_previous;
};

// What an attempt is to bring about.
enum class AttemptAim : std::uint8_t {
  change,        // every plane holds what is assigned
  shadow,        // the assignment's shadow has run: `changes` are its releases, which are staged and never swapped
  repair,        // what was committed is there again, after its slot was lost: no hold is waited for
  repair_first,  // likewise, and after that the shadow
};

// The newest assignment taken, and how far the device got with it.
struct AttemptRecord {
  AttemptPhase phase = AttemptPhase::idle;
  Assignment assignment;
  AttemptAim aim = AttemptAim::change;
  std::vector<PlaneChange> changes;  // in activation order
  std::uint32_t swap_begun = 0;      // changes[0, swap_begun) may have been flipped
  std::vector<BackStep> back;        // while rolling_back
  std::uint32_t crashes = 0;         // starts after a crash, with this attempt on probation or its shadow running
  std::uint32_t soak_left_s = 0;     // or that the shadow is still to run
  std::uint64_t wait_ends_s = 0;     // when it gives up waiting for a release's conditions; 0: it has not had to wait
  ErrorCode error = ErrorCode::none;
  Plane error_plane = Plane::model;
  std::string detail;
};

// The newest directive of one scope. A safe mode order in it stands until a resume order with a larger epoch does.
struct ScopeRecord {
  std::string scope;
  std::uint64_t epoch = 0;
  std::vector<StandingOrder> orders;
};

struct DurableState {
  std::uint64_t boot_id = 0;          // of the last start
  bool stopped_in_order = true;       // false while running
  std::uint64_t newest_signed_s = 0;  // the newest time in anything signed that was accepted
  DeviceState state = DeviceState::healthy;
  RecoveryAction last_action = RecoveryAction::none;
  bool safe_mode_latched = false;  // by the device's own policy
  std::uint64_t safe_mode_latched_epoch =
      0;  // newest directive epoch known then: only a resume after it ends the latch
  std::array<PlaneRecord, plane_count> planes{};
  std::vector<Plane> last_swapped;  // planes of the last commit, in activation order
  AttemptRecord attempt;
  std::vector<ScopeRecord> scopes;  // at most limits::scopes_max
};

// A slot of a plane, by its release's manifest.
struct SlotKey {
  Plane plane = Plane::model;
  Sha256 manifest;
  friend bool operator==(const SlotKey&, const SlotKey&) = default;
};

// The slots that the state speaks of, each once: whoever starts an agent has to look at all of them first.
[[nodiscard]] std::vector<SlotKey> slots_spoken_of(const DurableState& state);

[[nodiscard]] Bytes encode(const DurableState& state);
// Nothing when the bytes are not exactly one encoded state of this format, or of the one before it.
[[nodiscard]] std::optional<DurableState> decode(ByteView bytes);

}  // namespace muster::edge
