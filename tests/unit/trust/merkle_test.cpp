#include "trust/merkle.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "trust/sha256.h"
#include "trust/signing/merkle_tree.h"

namespace muster::trust {
namespace {

// RFC 6962, section 2.1, as it is written there: the twin that the code is compared with.
std::size_t largest_power_of_two_below(std::size_t n) {
  std::size_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
Sha256 naive_root(const std::vector<Sha256>& leaves) {
  if (leaves.size() == 1) return leaves.front();
  const auto k = static_cast<std::ptrdiff_t>(largest_power_of_two_below(leaves.size()));
  return merkle_node(naive_root({leaves.begin(), leaves.begin() + k}), naive_root({leaves.begin() + k, leaves.end()}));
}
std::vector<Sha256> naive_path(std::size_t index, const std::vector<Sha256>& leaves) {
  if (leaves.size() == 1) return {};
  const auto k = largest_power_of_two_below(leaves.size());
  const std::vector<Sha256> left(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(k));
  const std::vector<Sha256> right(leaves.begin() + static_cast<std::ptrdiff_t>(k), leaves.end());
  auto path = index < k ? naive_path(index, left) : naive_path(index - k, right);
  path.push_back(index < k ? naive_root(right) : naive_root(left));
  return path;
}

std::vector<Sha256> leaves_of(std::size_t count) {
  std::vector<Sha256> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    const auto text = "leaf " + std::to_string(i);
    leaves.push_back(merkle_leaf({}, ByteView(std::string_view(text))));
  }
  return leaves;
}

const std::uint8_t* raw(const std::vector<Sha256>& path) {
  static_assert(sizeof(Sha256) == 32);
  return path.empty() ? nullptr : path.front().bytes.data();
}

TEST(Merkle, RootsAreThoseOfCertificateTransparency) {
  // The leaves and roots that RFC 6962's reference implementation tests itself with.
  const std::vector<Bytes> data = {
      {},
      {0x00},
      {0x10},
      {0x20, 0x21},
      {0x30, 0x31},
      {0x40, 0x41, 0x42, 0x43},
      {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57},
      {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f}};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  std::vector<Sha256> leaves;
  for (std::size_t i = 0; i < data.size(); ++i) {
    leaves.push_back(merkle_leaf({}, data[i]));
    EXPECT_EQ(to_hex(MerkleTree(leaves).root()), roots[i]) << i + 1 << " leaves";
  }
}

TEST(Merkle, TheHeadIsHashedBeforeTheData) {
  const Bytes head = {1, 2};
  const Bytes data = {3, 4, 5};
  EXPECT_EQ(merkle_leaf(head, data), merkle_leaf({}, Bytes{1, 2, 3, 4, 5}));
  EXPECT_EQ(merkle_leaf(head, data), sha256(Bytes{0, 1, 2, 3, 4, 5}));
}

TEST(Merkle, TreesOfEverySizeAgreeWithTheDefinition) {
  for (std::size_t count = 1; count <= 70; ++count) {
    const auto leaves = leaves_of(count);
    const MerkleTree tree(leaves);
    ASSERT_EQ(tree.root(), naive_root(leaves)) << count;
    for (std::size_t i = 0; i < count; ++i) {
      const auto path = tree.path(i);
      ASSERT_EQ(path, naive_path(i, leaves)) << i << " of " << count;
      Sha256 root;
      ASSERT_TRUE(merkle_root_from_path(leaves[i], static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(count),
                                        raw(path), path.size(), root));
      EXPECT_EQ(root, tree.root()) << i << " of " << count;
    }
  }
}

TEST(Merkle, APathOfAnotherLengthIsRefused) {
  for (std::uint32_t count = 1; count <= 33; ++count) {
    const auto leaves = leaves_of(count);
    const MerkleTree tree(leaves);
    for (std::uint32_t i = 0; i < count; ++i) {
      auto path = tree.path(i);
      Sha256 root;
      path.push_back(leaves[0]);
      EXPECT_FALSE(merkle_root_from_path(leaves[i], i, count, raw(path), path.size(), root)) << i << " of " << count;
      path.pop_back();
      if (!path.empty()) {
        EXPECT_FALSE(merkle_root_from_path(leaves[i], i, count, raw(path), path.size() - 1, root))
            << i << " of " << count;
      }
      EXPECT_TRUE(root.is_zero()) << "untouched";
    }
  }
}

TEST(Merkle, ALeafOutsideTheTreeIsRefused) {
  const auto leaves = leaves_of(1);
  Sha256 root;
  EXPECT_FALSE(merkle_root_from_path(leaves[0], 0, 0, nullptr, 0, root));
  EXPECT_FALSE(merkle_root_from_path(leaves[0], 1, 1, nullptr, 0, root));
  EXPECT_TRUE(merkle_root_from_path(leaves[0], 0, 1, nullptr, 0, root));
}

TEST(Merkle, ALeafIsNoNodeAndNoOtherLeaf) {
  const auto leaves = leaves_of(9);
  const MerkleTree tree(leaves);
  for (std::uint32_t i = 0; i < 9; ++i) {
    const auto path = tree.path(i);
    for (std::uint32_t k = 0; k < 9; ++k) {
      if (k == i) continue;
      Sha256 root;
      const bool fits = merkle_root_from_path(leaves[i], k, 9, raw(path), path.size(), root);
      EXPECT_FALSE(fits && root == tree.root()) << i << " in the place of " << k;
    }
  }
}

TEST(Sha256, KnownAnswersWhateverThePieces) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(ByteView(std::string_view("abc")))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Bytes data(1000);
  for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
  for (int round = 0; round < 100; ++round) {
    Sha256Stream stream;
    for (std::size_t at = 0; at < data.size();) {
      const auto len = std::min<std::size_t>(random() % 100, data.size() - at);
      stream.update(ByteView(data.data() + at, len));
      at += len;
    }
    EXPECT_EQ(stream.finish(), sha256(data));
  }
}

}  // namespace
}  // namespace muster::trust
