#include "trust/signing/merkle_tree.h"

#include <cassert>
#include <utility>

#include "trust/merkle.h"

namespace muster::trust {

MerkleTree::MerkleTree(std::vector<Sha256> leaves) {
  assert(!leaves.empty());
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const auto& below = levels_.back();
    std::vector<Sha256> level;
    level.reserve((below.size() + 1) / 2);
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) level.push_back(merkle_node(below[i], below[i + 1]));
    if (below.size() % 2 != 0) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

std::vector<Sha256> MerkleTree::path(std::size_t index) const {
  assert(index < levels_.front().size());
  std::vector<Sha256> path;
  for (const auto& level : levels_) {
    const std::size_t sibling = index ^ 1u;
    if (sibling < level.size()) path.push_back(level[sibling]);
    index >>= 1;
  }
  return path;
}

}  // namespace muster::trust
