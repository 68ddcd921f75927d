// The last events of a device in NOR flash: fixed-size records, appended; when the area is full, its oldest erase unit
// goes. A power cut loses at most the event being written, or the unit that was about to go. Freestanding C++17, no
// allocation; the client's thread.
#pragma once

#include <cstdint>

#include "mcu-client/src/flash/flash.h"
#include "schemas/evidence_bundle.h"

namespace muster::mcu {

static_assert(sizeof(EvidenceEvent) % program_size_max == 0, "programmed as it lies");

class EventRing {
 public:
  EventRing(const Flash& flash, const Area& area) : flash_(flash), area_(area) {}

  // Reads the area once and finds its newest event; anything may lie there. Call it before anything else. ok, or what
  // the port says.
  [[nodiscard]] int mount();
  // Sets sequence and check sum of `event` and makes it durable.
  [[nodiscard]] int append(EvidenceEvent& event);

  // The newest start that an event speaks of, low bits of its boot id, as mount() found it; 0 without events.
  [[nodiscard]] std::uint32_t boot() const { return boot_; }

  // From the oldest to the newest: start with cursor 0, call until it returns err_not_found. A cursor is good until the
  // next append.
  [[nodiscard]] int next(std::uint32_t& cursor, EvidenceEvent& event) const;

 private:
  const Flash& flash_;
  const Area area_;
  std::uint32_t newest_ = 0;  // its sequence; 0: no event
  std::uint32_t boot_ = 0;
  std::uint32_t end_ = 0;  // where the next event goes; at the start of a unit: that one is erased first

  // 1 when a whole event lies at `at`, else 0; negative: what the port says.
  [[nodiscard]] int read(std::uint32_t at, EvidenceEvent& event) const;
};

}  // namespace muster::mcu
