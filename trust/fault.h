// Why something signed was refused. Values, not exceptions; the names are labels of counters and words of log lines.
// Freestanding C++17; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/common_generated.h"

namespace muster::trust {

enum class TrustFault : std::uint8_t {
  none,
  malformed,       // not a valid envelope, payload or chain (the wire verifier refused it)
  wrong_kind,      // a valid envelope of something else
  unknown_key,     // signed by keys that do not hold the role, or too few of them
  bad_signature,   // the mathematics says no
  expired,         // its expiry lies before the time given
  replayed,        // its epoch or version is not newer than the one already accepted
  wrong_subject,   // names another device or scope than the one it came for
};

[[nodiscard]] std::string_view name_of(TrustFault fault);  // its data() ends with a NUL
// The same in the words of a device's reports and evidence.
[[nodiscard]] wire::ErrorCode code_of(TrustFault fault);

}  // namespace muster::trust
