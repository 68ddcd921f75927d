// From an envelope that passed the wire verifier to the question whether a role's keys signed it. For trust/ only:
// everybody else opens envelopes (trust/envelope.h). C++17, no allocation, no exceptions; any thread.
#pragma once

#include <cstdint>

#include "schemas/bytes.h"
#include "schemas/envelope_generated.h"
#include "trust/fault.h"
#include "trust/root.h"

namespace muster::trust {

// What is signed for a batch: SHA-256("muster-batch-v1" || 0x00 || leaf_count as 4 bytes big-endian || Merkle root).
[[nodiscard]] Sha256 batch_digest(std::uint32_t leaf_count, const Sha256& merkle_root);

// The leaf of a payload: its kind, as one byte, is hashed before it.
[[nodiscard]] Sha256 payload_leaf(wire::PayloadKind kind, ByteView payload);

// What the envelope's signatures sign. False when its Merkle path does not fit its place.
[[nodiscard]] bool signed_digest(const wire::Envelope& envelope, Sha256& digest);

// None when at least `threshold` different keys of `keys` signed `digest` in this envelope. Keys that do not hold the
// role count for nothing, and no key counts twice. bad_signature when it was such a key's signature that failed, else
// unknown_key.
[[nodiscard]] TrustFault check_threshold(const wire::Envelope& envelope, const Sha256& digest, const RoleKeySet& keys);

}  // namespace muster::trust
