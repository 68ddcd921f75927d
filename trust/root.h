// The trust root as a device holds it: which public keys hold which role, and how it moves to a newer version.
// The document is data signed by `root` keys (schemas/root.fbs); after TUF (Samuel et al., CCS 2010) and Uptane.
// C++17, no allocation, no exceptions; a TrustRoot is a value, used by one thread at a time.
#pragma once

#include <array>
#include <cstdint>

#include "schemas/bytes.h"
#include "schemas/limits.h"
#include "schemas/root_generated.h"
#include "trust/fault.h"

namespace muster::trust {

using KeyIdBytes = std::array<std::uint8_t, 16>;
using PublicPoint = std::array<std::uint8_t, 65>;  // 0x04 || x || y

struct TrustedKey {
  KeyIdBytes id{};
  PublicPoint point{};
};

struct RoleKeySet {
  std::uint8_t threshold = 0;  // 0: nobody holds the role
  std::uint8_t key_count = 0;
  std::array<TrustedKey, limits::root_keys_max> keys{};
};

struct TrustRoot {
  std::uint32_t version = 0;  // 0: nothing pinned yet; every verification fails
  std::uint64_t expires_s = 0;
  std::array<RoleKeySet, 3> roles{};  // by wire::Role

  [[nodiscard]] const RoleKeySet& role(wire::Role which) const { return roles[static_cast<std::size_t>(which)]; }
};

// The id of a public key: the first 16 bytes of SHA-256(point).
[[nodiscard]] KeyIdBytes key_id_of(const PublicPoint& point);

// Pins a root: the document inside `envelope` must carry a threshold of its own root keys' signatures. Used once, at
// provisioning, with bytes that came by a trusted way.
[[nodiscard]] TrustFault pin_root(ByteView envelope, TrustRoot& root);

// One step of a walk along a chain: the document inside `envelope` (8-aligned) must be version + 1 and signed by a
// threshold of both the old root keys and its own; one at or below the pinned version changes nothing and is no fault.
[[nodiscard]] TrustFault advance_root_by(ByteView envelope, TrustRoot& root);

// Walks a retained chain from the pinned version upwards: each next document must be version + 1 and signed by a threshold
// of both the old root keys and its own. Documents at or below the pinned version are skipped. `root` is left at the newest
// version reached; a fault says why the walk stopped early, with `root` at the last good one.
[[nodiscard]] TrustFault advance_root(ByteView chain, TrustRoot& root);

}  // namespace muster::trust
