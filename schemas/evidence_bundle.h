// The evidence bundle of a microcontroller: what it uploads when an order asks for its last events. One header, then
// `event_count` events, the oldest first; all of it little-endian. The same structs lie in the device's flash and in the
// file that an operator fetches. Freestanding C++17, plain data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "schemas/event_codes.h"
#include "schemas/limits.h"

namespace muster {

// One event, as it lies in the ring; every byte belongs to a field. A multiple of every program size.
struct EvidenceEvent {
  std::uint32_t sequence = 0;   // grows by one for each event, from 1; a gap: events that were lost
  std::uint32_t boot = 0;       // the boot id's low bits
  std::uint32_t unix_s = 0;     // 0: the time was not known
  std::uint32_t uptime_ms = 0;  // low bits
  EventCode code = EventCode::none;
  std::uint16_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t crc32 = 0;      // CRC-32 (IEEE 802.3) of the bytes before it
};
static_assert(sizeof(EvidenceEvent) == 32 && offsetof(EvidenceEvent, crc32) == 28, "no padding");

// What ran on one plane when the bundle was made. The manifest is all zero for an empty plane.
struct EvidencePlane {
  std::uint8_t active_manifest[32] = {};
  std::uint32_t security_version = 0;
};

inline constexpr std::uint16_t evidence_bundle_format = 1;

struct EvidenceBundleHeader {
  char magic[4] = {'M', 'E', 'V', 'B'};
  std::uint16_t format = evidence_bundle_format;
  std::uint16_t event_count = 0;
  std::uint64_t boot_id = 0;
  std::uint64_t now_s = 0;         // when it was made; 0: the time was not known
  std::uint32_t stack_unused = 0;  // bytes of the stack that were never used since the start: the high-water mark
  std::uint32_t reset_cause = 0;   // mcu::ResetCause of this start
  EvidencePlane planes[limits::planes_max];  // by wire::Plane
  std::uint32_t uptime_ms = 0;     // when it was made, low bits: places the events of this start in time
};
static_assert(sizeof(EvidencePlane) == 36 && sizeof(EvidenceBundleHeader) == 144, "no padding");
static_assert(sizeof(EvidenceBundleHeader) + 0xffffu * sizeof(EvidenceEvent) <= limits::evidence_bundle_len_max);

}  // namespace muster
