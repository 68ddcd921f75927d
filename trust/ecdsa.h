// Checks one ECDSA signature on curve P-256 (FIPS 186-4, SEC 1). C++17, no exceptions; any thread. Allocates nothing
// itself; mbedTLS takes memory for its big numbers from mbedtls_calloc, which on an MCU is a fixed buffer.
#pragma once

#include <cstdint>

#include "schemas/bytes.h"
#include "trust/root.h"

namespace muster::trust {

// True when the 64 bytes `signature` (r || s, big-endian) sign `digest` under `point`. False also when r or s is 0 or
// not below the group order, or when `point` is not on the curve.
[[nodiscard]] bool ecdsa_p256_verify(const PublicPoint& point, const Sha256& digest, const std::uint8_t* signature);

}  // namespace muster::trust
