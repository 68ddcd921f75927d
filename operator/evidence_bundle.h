// A microcontroller's evidence bundle (schemas/evidence_bundle.h), read from bytes that any device may have sent: its
// header and events, checked. Pure; any thread.
#pragma once

#include <optional>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"
#include "schemas/evidence_bundle.h"

namespace muster::ctl {

struct BundleEvent {
  EvidenceEvent event;
  bool intact = false;  // its check sum is right
};

struct McuBundle {
  EvidenceBundleHeader header;
  std::vector<BundleEvent> events;  // oldest first

  // When the event was: its own time, or reckoned back from when the bundle was made if it was in the same start.
  // Nothing when neither is known; `reckoned` says which it is.
  [[nodiscard]] std::optional<std::uint64_t> time_of(const EvidenceEvent& event, bool& reckoned) const;
};

// CRC-32 (IEEE 802.3, reflected, as in zlib) of the event's bytes before its own check sum.
[[nodiscard]] std::uint32_t check_sum_of(const EvidenceEvent& event);

// An error of kind invalid for anything that is not such a bundle, or not one of a format that this musterctl knows.
[[nodiscard]] tl::expected<McuBundle, Error> decode_bundle(ByteView bytes);

}  // namespace muster::ctl
