// The audit chain: bytes as documented, and every change of the past visible.
#include "broker-plugin/core/audit.h"

#include <gtest/gtest.h>

#include <vector>

#include "trust/sha256.h"

namespace muster::broker {
namespace {

TEST(Audit, CanonicalBytesAreThoseOfTheDocument) {
  const AuditEntry entry{1, 258, "alice", "a", "", "\xc3\xa4", {}};
  const Bytes expected = {0,   0,   0,   0,   0,   0, 0, 1, 0, 0,   0, 0, 0, 0, 1, 2, 0, 0, 0,    5,
                          'a', 'l', 'i', 'c', 'e', 0, 0, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xa4};
  EXPECT_EQ(canonical_bytes(entry), expected);
  Bytes hashed(32, 0);
  hashed.insert(hashed.end(), expected.begin(), expected.end());
  EXPECT_EQ(chain_hash({}, entry), trust::sha256(ByteView(hashed)));
}

TEST(Audit, ChainNumbersWithoutGapsAndDependsOnThePast) {
  AuditTail one, other;
  std::vector<AuditEntry> entries(3);
  for (auto& entry : entries) append_to_chain(one, entry);
  EXPECT_EQ(entries[2].seq, 3u);
  EXPECT_EQ(one.seq, 3u);
  entries[0].why = "something else";
  for (auto& entry : entries) append_to_chain(other, entry);
  EXPECT_NE(one.hash, other.hash) << "a change of the first entry must show in the last";
}

TEST(Audit, FieldsCannotFlowIntoEachOther) {
  EXPECT_NE(chain_hash({}, {1, 1, "ab", "c", "", "", {}}), chain_hash({}, {1, 1, "a", "bc", "", "", {}}));
}

TEST(Audit, StoredEntriesComeBackWhole) {
  AuditTail tail;
  AuditEntry entry{0, 77, "bob", "rollout.started", "r", "why not", {}};
  append_to_chain(tail, entry);
  const auto stored = encode_entry(entry);
  const auto back = decode_entry(stored);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(encode_entry(*back), stored);
  EXPECT_EQ(back->why, "why not");
  for (std::size_t len = 0; len < stored.size(); ++len)
    EXPECT_FALSE(decode_entry(stored.substr(0, len)).has_value()) << len;
  EXPECT_FALSE(decode_entry(stored + "x").has_value());
}

TEST(Audit, HeadsComeBackWhole) {
  const AuditHeadRecord head{{9, trust::sha256(ByteView(std::string_view("x")))}, {1, 2, 3}};
  const auto back = decode_head(encode_head(head));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->tail.seq, 9u);
  EXPECT_EQ(back->tail.hash, head.tail.hash);
  EXPECT_EQ(back->envelope, head.envelope);
  EXPECT_FALSE(decode_head("short").has_value());
}

}  // namespace
}  // namespace muster::broker
