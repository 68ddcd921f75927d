// A whole Merkle tree, as the signer of a batch needs it: its root and the path of every leaf. Linux (allocates 64
// bytes a leaf); immutable once made, then any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "schemas/bytes.h"

namespace muster::trust {

class MerkleTree {
 public:
  // REQUIRES: at least one leaf. Costs one hash less than there are leaves.
  explicit MerkleTree(std::vector<Sha256> leaves);

  [[nodiscard]] const Sha256& root() const { return levels_.back().front(); }
  // The siblings of a leaf, leaf upwards. REQUIRES: index is below the number of leaves.
  [[nodiscard]] std::vector<Sha256> path(std::size_t index) const;

 private:
  std::vector<std::vector<Sha256>> levels_;  // leaves first; a last node without a sibling rises unchanged
};

}  // namespace muster::trust
