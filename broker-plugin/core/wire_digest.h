// Between Sha256 and its form on the wire. Any thread.
#pragma once

#include <algorithm>

#include "schemas/bytes.h"
#include "schemas/common_generated.h"

namespace muster::broker {

// Zero for an absent digest.
[[nodiscard]] inline Sha256 digest_of(const wire::Digest* digest) {
  Sha256 value;
  if (digest != nullptr) std::copy(digest->bytes()->begin(), digest->bytes()->end(), value.bytes.begin());
  return value;
}

[[nodiscard]] inline wire::Digest wire_digest(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}

}  // namespace muster::broker
