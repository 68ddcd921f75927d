// Merkle trees as RFC 6962, section 2.1, hashes them, and from a leaf and its path back to the root. Building whole
// trees is for signers: trust/signing/merkle_tree.h. C++17, no allocation, no exceptions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "schemas/bytes.h"

namespace muster::trust {

// SHA-256(0x00 || head || data). `head` is what belongs to the leaf but does not lie beside its data: our payload kind.
[[nodiscard]] Sha256 merkle_leaf(ByteView head, ByteView data);

// SHA-256(0x01 || left || right).
[[nodiscard]] Sha256 merkle_node(const Sha256& left, const Sha256& right);

// The root that follows from `leaf` standing at `index` of `count` leaves with the siblings `path`, leaf upwards:
// `path_len` digests of 32 bytes that lie one after the other. False (and `root` untouched) when index ≥ count or when
// the path is shorter or longer than that place in such a tree needs (RFC 9162, section 2.1.3.2).
[[nodiscard]] bool merkle_root_from_path(const Sha256& leaf, std::uint32_t index, std::uint32_t count,
                                         const std::uint8_t* path, std::size_t path_len, Sha256& root);

}  // namespace muster::trust
