// A digest in a message → ours. Pure; any thread.
#pragma once

#include <algorithm>

#include "schemas/bytes.h"
#include "schemas/common_generated.h"

namespace muster::ctl {

// REQUIRES: not null, as where the schema requires one.
[[nodiscard]] inline Sha256 digest_of(const wire::Digest* digest) {
  Sha256 result;
  std::copy_n(digest->bytes()->data(), result.bytes.size(), result.bytes.begin());
  return result;
}

}  // namespace muster::ctl
