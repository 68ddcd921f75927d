// A root whose private keys everybody knows: the numbers 1, 2 and 3, so that their public points are the first
// multiples of P-256's generator (FIPS 186-4, D.1.2.3) and kept inputs stay rightly signed for ever. Tests only; any
// thread.
#pragma once

#include <array>

#include "schemas/bytes.h"
#include "trust/root.h"

namespace muster::fuzz {

enum class FixedKey { root = 0, release = 1, control = 2 };

[[nodiscard]] trust::PublicPoint fixed_point(FixedKey key);
// Version 1, never expires, one key a role.
[[nodiscard]] const trust::TrustRoot& fixed_root();

}  // namespace muster::fuzz
