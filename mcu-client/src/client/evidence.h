// The device's memory of what happened: events into the flash ring, and the ring as one bundle to the broker when an
// order asks for it. Freestanding C++17, no allocation; the client's thread.
#pragma once

#include <cstdint>

#include "mcu-client/src/flash/event_ring.h"
#include "schemas/bytes.h"
#include "schemas/event_codes.h"
#include "schemas/evidence_bundle.h"

namespace muster::mcu {

class Evidence {
 public:
  Evidence(const Flash& flash, const Area& area) : ring_(flash, area) {}

  [[nodiscard]] int mount() { return ring_.mount(); }
  // The start that the newest event of mount() speaks of, low bits; 0: none.
  [[nodiscard]] std::uint32_t last_boot() const { return ring_.boot(); }
  // Durable when it returns. What the flash does not take is lost: evidence is never worth a reset.
  void note(EventCode code, std::uint64_t boot_id, std::uint64_t now_s, std::uint64_t uptime_ms, std::uint32_t a = 0,
            std::uint32_t b = 0, std::uint32_t c = 0);

  // Everything that the ring holds now is to be uploaded; `header` without its count. An upload under way begins anew.
  void begin_upload(const EvidenceBundleHeader& header);
  [[nodiscard]] bool uploading() const { return total_ != 0; }
  // The next piece, or the last once more when its acknowledgement stays away (five times, then the upload is given
  // up); at most `capacity` bytes of it: its size; err_not_found when nothing is to be sent now, err_damaged when the
  // ring has lost the bundle's first events meanwhile (the upload has begun anew). `capacity` is at least the header's
  // size.
  [[nodiscard]] int piece(std::uint8_t* to, std::uint32_t capacity, std::uint64_t now_ms, std::uint32_t& offset);
  // The broker has everything of `bundle` before `offset`.
  void acknowledged(const Sha256& bundle, std::uint64_t offset);
  // What was sent and not acknowledged is to be sent again.
  void disconnected() { sent_ = acknowledged_; }
  [[nodiscard]] const Sha256& bundle() const { return digest_; }
  [[nodiscard]] std::uint32_t total() const { return total_; }

 private:
  // Calls `each(event)` for the bundle's events from the `skip`-th on, until it says false. False when the first is
  // gone.
  template <typename Each>
  [[nodiscard]] bool events(std::uint32_t skip, const Each& each) const;

  EventRing ring_;
  EvidenceBundleHeader header_;
  Sha256 digest_;
  std::uint32_t first_ = 0, last_ = 0;  // sequences of the bundle's events
  std::uint32_t total_ = 0;             // bytes of the bundle; 0: none is being uploaded
  std::uint32_t sent_ = 0, acknowledged_ = 0;
  std::uint32_t tries_ = 0;  // since the last acknowledgement
  std::uint64_t sent_ms_ = 0;
};

}  // namespace muster::mcu
