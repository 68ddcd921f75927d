// What the engine keeps of one device: 128 bytes and shared, interned texts. Plain data; Fleet and the engine's core
// change it.
#pragma once

#include <array>
#include <cstdint>

#include "rules/engine/event.h"
#include "rules/engine/pool.h"

namespace muster::rules {

using DeviceIndex = Handle;         // of the device's id in Fleet; 0: none
using MemberIndex = std::uint32_t;  // in Members; 0: none

// The order in which planes are activated, as a permutation in base 4: the first plane in the lowest two bits.
using Sequence = std::uint8_t;
inline constexpr Sequence default_sequence = 0 | (1 << 2) | (2 << 4);
[[nodiscard]] constexpr std::size_t plane_at(Sequence sequence, std::size_t place) {
  return (sequence >> (2 * place)) & 3u;
}

template <typename T>
using PerPlane = std::array<T, plane_count>;

// A device's word on an epoch is believed only up to here, a bound that no real epoch reaches.
inline constexpr std::uint64_t believable_epoch_max = std::uint64_t{1} << 48;

struct Device {
  std::uint64_t boot_id = 0, seq = 0;
  std::uint64_t last_seen_s = 0;
  std::uint64_t link_since_s = 0;  // since when it is connected, or not; 0: unknown since the restart
  std::uint64_t attempt_epoch = 0;
  std::uint64_t assigned_epoch = 0;  // 0: never assigned; only grows
  Handle facts = 0, error = 0, detail = 0;
  Handle versions = 0;               // what it says of `active`: pack_versions; 0: nothing
  PerPlane<Handle> active{};         // digests; the zero digest has a handle of its own
  PerPlane<std::uint32_t> floor{};   // security floors
  PerPlane<Handle> assigned{};       // digests; 0: nothing was ever assigned on that plane
  PerPlane<std::uint32_t> holder{};  // the rollout (its number) that assigned the plane last; 0: none
  MemberIndex first_member = 0;
  std::uint32_t cause = 0;   // the rollout (its number) behind the newest assignment
  std::uint32_t soak_s = 0;  // of the newest assignment
  DeviceState state = DeviceState::healthy;
  AttemptState attempt = AttemptState::idle;
  Sequence sequence = default_sequence;
  HoldPoint hold : 2 = HoldPoint::none;  // of the newest assignment
  bool shadow : 1 = false;               // its newest assignment runs the releases of its cause in the shadow
  bool live : 1 = false;                 // this place is in use
  bool reported : 1 = false;
  bool connected : 1 = false;
  bool waits : 1 = false;    // its attempt does, for what the release asks of the device
  bool persist : 1 = false;  // to be persisted at the end of this step
  bool assign : 1 = false;   // to be assigned at the end of this step
};
static_assert(sizeof(Device) <= 136, "a million devices are kept in memory");

// It has come as far as its newest assignment lets it.
[[nodiscard]] inline bool waits_in_hold(const Device& device) {
  return device.attempt_epoch == device.assigned_epoch &&
         (device.attempt == AttemptState::held ||
          (device.attempt == AttemptState::staged && device.hold == HoldPoint::before_swap));
}

// Its attempt is over, and it does not run what it was to bring.
[[nodiscard]] inline bool has_ended_badly(const Device& device) {
  return device.attempt == AttemptState::rolled_back || device.attempt == AttemptState::failed;
}

}  // namespace muster::rules
