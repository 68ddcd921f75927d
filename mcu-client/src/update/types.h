// What the update machine knows: assignments and orders as plain values, and everything that must survive a power cut.
// The structs lie in flash as they are (little-endian), so each starts with its format's number and has no padding.
// Freestanding C++17, no allocation; values.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "mcu-client/include/layout.h"
#include "schemas/bytes.h"
#include "schemas/common_generated.h"
#include "schemas/directive_generated.h"

namespace muster::mcu {

using wire::DeviceState;
using wire::ErrorCode;
using wire::Hold;
using wire::OrderKind;
using wire::Plane;
using wire::RecoveryAction;

[[nodiscard]] constexpr std::uint32_t index_of(Plane plane) {
  return static_cast<std::uint32_t>(plane);
}

// One release of an assignment. A zero manifest: the plane is to be empty.
struct AssignedRelease {
  Sha256 manifest;
  Sha256 envelope;  // the blob to fetch; zero: the broker can not serve it
  std::uint32_t envelope_size = 0;
  Plane plane = Plane::firmware;
  std::uint8_t unused[3] = {};
};

struct Assignment {
  std::uint64_t epoch = 0;
  std::uint64_t issued_s = 0;
  std::uint64_t expires_s = 0;
  std::uint32_t soak_s = 0;
  std::uint8_t count = 0;  // of releases, in activation order
  Hold hold = Hold::none;  // where the attempt waits for the next assignment of the same
  // 1 + the first plane on which it asks to run something in the shadow, which is refused; 0: none.
  std::uint8_t shadow = 0;
  std::uint8_t unused = 0;
  AssignedRelease releases[plane_count];
};

// One attempt at one assignment; the states of wire::AttemptState and one more, which is short and reported as the
// state before it. The numbers lie in flash: rolling_back had its own before there was a hold.
enum class Phase : std::uint8_t {
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
  rolling_back,
  held
};
[[nodiscard]] constexpr wire::AttemptState wire_state(Phase phase) {
  if (phase == Phase::held) return wire::AttemptState::held;
  return phase == Phase::rolling_back ? wire::AttemptState::soaking : static_cast<wire::AttemptState>(phase);
}
static_assert(wire_state(Phase::failed) == wire::AttemptState::failed);

// A plane that the attempt changes.
struct Change {
  Plane plane = Plane::firmware;
  std::uint8_t to = no_slot;    // no_slot: the plane is to be empty
  std::uint8_t from = no_slot;  // what was active before
  bool filled = false;          // `to` holds the release, complete and checked
};

struct PlaneRecord {
  std::uint8_t active = no_slot;
  std::uint8_t previous = no_slot;  // what a rollback brings back; never a release that was not committed
  bool last_swapped = false;        // was part of the last commit
  bool stopgap = false;             // `active` may never have been committed: the bootloader had nothing else
  std::uint32_t floor = 0;          // no release under this security version is activated; only a commit raises it
};

inline constexpr std::uint32_t detail_max = 52;  // bytes of an attempt's detail, with its NUL

// All that the machine keeps durable, orders apart. One record of the settings. A record of another format is not read,
// and with it epochs and floors would be forgotten, so what was added later (hold and shadow of an assignment,
// Phase::held) lies where records of this format have zeros or in a number that none has: firmware on trial reads what
// the firmware before it wrote, and that one, when the trial is over, what it wrote itself.
struct UpdateState {
  std::uint32_t format = 1;
  Phase phase = Phase::idle;
  DeviceState device = DeviceState::healthy;
  RecoveryAction last_action = RecoveryAction::none;
  bool safe_mode_latched = false;  // by the device's own policy
  // The newest directive epoch known then: only a resume after it ends the latch.
  std::uint64_t safe_mode_latched_epoch = 0;
  std::uint64_t newest_signed_s = 0;  // the clock's lower bound
  std::uint64_t boot_id = 0;          // of this start: grows also when the boot log, which counts the starts, was lost
  PlaneRecord planes[plane_count];
  Assignment assignment;  // the newest taken
  Change changes[plane_count];
  std::uint8_t change_count = 0;
  std::uint8_t crashes = 0;  // starts after a crash with this attempt on probation
  ErrorCode error = ErrorCode::none;
  std::uint32_t soak_left_s = 0;
  Plane error_plane = Plane::firmware;
  bool refetching = false;  // the attempt repairs a damaged slot with what was assigned before
  std::uint8_t unused[2] = {};
  std::uint32_t trial_tag = 0;  // of the firmware's newest trial in the boot log, new for every attempt
  char detail[detail_max] = {};
};
static_assert(std::has_unique_object_representations_v<UpdateState>, "no padding");

// --- standing orders ---

inline constexpr std::uint32_t scopes_max = 16;  // device, fleet and groups that this device belongs to
inline constexpr std::uint32_t orders_max = 12;  // standing in all scopes together

// `release` is the first 8 bytes of the manifest digest: enough to tell releases apart, and a collision could only
// freeze one release too many.
struct StandingOrder {
  std::uint64_t epoch = 0;
  std::uint64_t release = 0;
  OrderKind kind = OrderKind::safe_mode;
  Plane plane = Plane::firmware;
  std::uint8_t scope = 0;  // index of its scope
  std::uint8_t unused[5] = {};
};

// The newest directive of every scope. Another record of the settings.
struct Orders {
  std::uint32_t format = 1;
  std::uint32_t count = 0;
  std::uint64_t scope_hash[scopes_max] = {};  // FNV-1a of the scope's text; 0: unused
  std::uint64_t epoch[scopes_max] = {};
  StandingOrder orders[orders_max];
};
static_assert(std::has_unique_object_representations_v<Orders>, "no padding");

[[nodiscard]] inline std::uint64_t short_of(const Sha256& digest) {
  std::uint64_t value = 0;
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}

}  // namespace muster::mcu
