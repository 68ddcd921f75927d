#include "trust/merkle.h"

#include <cstring>

#include "trust/sha256.h"

namespace muster::trust {

namespace {

constexpr std::uint8_t leaf_prefix = 0x00;
constexpr std::uint8_t node_prefix = 0x01;

}  // namespace

Sha256 merkle_leaf(ByteView head, ByteView data) {
  Sha256Stream stream;
  stream.update(ByteView(&leaf_prefix, 1));
  stream.update(head);
  stream.update(data);
  return stream.finish();
}

Sha256 merkle_node(const Sha256& left, const Sha256& right) {
  std::uint8_t joined[1 + 32 + 32];
  joined[0] = node_prefix;
  std::memcpy(joined + 1, left.bytes.data(), 32);
  std::memcpy(joined + 33, right.bytes.data(), 32);
  return sha256(ByteView(joined, sizeof joined));
}

bool merkle_root_from_path(const Sha256& leaf, std::uint32_t index, std::uint32_t count, const std::uint8_t* path,
                           std::size_t path_len, Sha256& root) {
  if (index >= count) return false;
  Sha256 node = leaf;
  std::size_t used = 0;
  // `index` and `last` are the node's place and the last place on the level reached so far. A last node without a
  // sibling rises unchanged.
  for (std::uint32_t last = count - 1; last > 0; last >>= 1, index >>= 1) {
    if (index == last && (index & 1u) == 0) continue;
    if (used == path_len) return false;
    Sha256 sibling;
    std::memcpy(sibling.bytes.data(), path + 32 * used, 32);
    ++used;
    node = (index & 1u) != 0 ? merkle_node(sibling, node) : merkle_node(node, sibling);
  }
  if (used != path_len) return false;
  root = node;
  return true;
}

}  // namespace muster::trust
