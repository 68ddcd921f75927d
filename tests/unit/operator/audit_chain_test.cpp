// The checker must find every way in which a record can be tampered with.
#include "operator/audit_chain.h"

#include <gtest/gtest.h>

#include "trust/sha256.h"

namespace muster::ctl {
namespace {

// Entries 1 to `count`, chained as the broker does.
std::vector<AuditEntry> record(std::size_t count) {
  std::vector<AuditEntry> entries;
  Sha256 previous;
  for (std::size_t i = 1; i <= count; ++i) {
    AuditEntry entry{
        i, 1800000000 + i, "alice", "rollout.paused", "reader-" + std::to_string(i), "because " + std::to_string(i * 7),
        {}};
    entry.hash = audit_hash(previous, entry);
    previous = entry.hash;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// What the chain says of the first entry that it does not take.
std::optional<std::string> check(const std::vector<AuditEntry>& entries, AuditChain& chain) {
  for (const auto& entry : entries) {
    if (auto wrong = chain.add(entry)) return wrong;
  }
  return std::nullopt;
}
std::optional<std::string> check(const std::vector<AuditEntry>& entries) {
  AuditChain chain;
  return check(entries, chain);
}

TEST(AuditChain, HashesTheBytesThatTheControlApiSays) {
  // Written out by hand from docs/control-api.md, so that a change of the format on both sides is noticed.
  std::string bytes(32, '\0');
  bytes += std::string("\0\0\0\0\0\0\0\x01", 8) + std::string("\0\0\0\0\0\0\0\x2a", 8);
  bytes += std::string("\0\0\0\x05", 4) + "alice" + std::string("\0\0\0\x02", 4) + "do" + std::string("\0\0\0\0", 4) +
           std::string("\0\0\0\x03", 4) + "\xc3\xa4!";
  const AuditEntry entry{1, 42, "alice", "do", "", "ä!", {}};
  EXPECT_EQ(audit_hash({}, entry), trust::sha256(ByteView(std::string_view(bytes))));
}

TEST(AuditChain, TakesAnIntactRecord) {
  const auto entries = record(40);
  AuditChain chain;
  EXPECT_FALSE(check(entries, chain));
  EXPECT_EQ(chain.seq(), 40u);
  EXPECT_EQ(chain.head(), entries.back().hash);
  EXPECT_EQ(chain.hash_at(7), entries[6].hash);
  EXPECT_FALSE(chain.hash_at(0));
  EXPECT_FALSE(chain.hash_at(41));
}

TEST(AuditChain, FindsAnyFieldAlteredInAnyEntry) {
  const auto good = record(6);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int field = 0; field < 6; ++field) {
      auto entries = good;
      auto& entry = entries[i];
      if (field == 0) entry.time_s += 1;
      if (field == 1) entry.who = "bob";
      if (field == 2) entry.what = "rollout.resumed";
      if (field == 3) entry.subject += "x";
      if (field == 4) entry.why.clear();
      if (field == 5) entry.hash.bytes[31] ^= 1;
      const auto wrong = check(entries);
      ASSERT_TRUE(wrong) << "entry " << i << " field " << field;
      EXPECT_NE(wrong->find("entry " + std::to_string(i + 1)), std::string::npos) << *wrong;
    }
  }
}

TEST(AuditChain, FindsAnAlteredEntryEvenWithAFittingHash) {
  auto entries = record(5);
  entries[1].why = "nothing happened";
  entries[1].hash = audit_hash(entries[0].hash, entries[1]);
  const auto wrong = check(entries);
  ASSERT_TRUE(wrong);
  EXPECT_NE(wrong->find("entry 3"), std::string::npos) << *wrong;
}

TEST(AuditChain, FindsEntriesCutOutOfTheFrontAndTheMiddle) {
  auto front = record(5);
  front.erase(front.begin());
  EXPECT_EQ(check(front), "entry 1 is missing");
  auto middle = record(9);
  middle.erase(middle.begin() + 3, middle.begin() + 6);
  EXPECT_EQ(check(middle), "entries 4 to 6 are missing");
}

TEST(AuditChain, FindsReorderedAndRepeatedEntries) {
  auto swapped = record(5);
  std::swap(swapped[1], swapped[2]);
  EXPECT_EQ(check(swapped), "entry 2 is missing");
  auto repeated = record(3);
  repeated.insert(repeated.begin() + 1, repeated.front());
  EXPECT_EQ(check(repeated), "entry 1 stands where entry 2 should");
  auto renumbered = record(5);
  std::swap(renumbered[1], renumbered[2]);
  std::swap(renumbered[1].seq, renumbered[2].seq);
  ASSERT_TRUE(check(renumbered));
}

TEST(AuditChain, TheSignedHeadFindsACutEndAndARecordWrittenAnew) {
  const auto entries = record(8);
  AuditChain whole, cut;
  ASSERT_FALSE(check(entries, whole));
  ASSERT_FALSE(check({entries.begin(), entries.begin() + 5}, cut));
  EXPECT_FALSE(check_heads(whole, 8, entries[7].hash, std::nullopt));
  EXPECT_FALSE(check_heads(whole, 6, entries[5].hash, std::nullopt)) << "newer entries may wait for their signature";
  EXPECT_TRUE(check_heads(cut, 8, entries[7].hash, std::nullopt));
  EXPECT_TRUE(check_heads(whole, 8, entries[6].hash, std::nullopt));
}

TEST(AuditChain, AnEarlierHeadMustStillBeThere) {
  const auto entries = record(8);
  AuditChain whole;
  ASSERT_FALSE(check(entries, whole));
  const auto head = [&](std::uint64_t seq, const Sha256& hash) {
    return check_heads(whole, 8, entries[7].hash, ExpectedHead{seq, hash});
  };
  EXPECT_FALSE(head(3, entries[2].hash));
  EXPECT_FALSE(head(0, entries[2].hash));
  EXPECT_TRUE(head(3, entries[3].hash));
  EXPECT_TRUE(head(9, entries[7].hash));
  EXPECT_TRUE(head(0, Sha256{}));
}

TEST(AuditChain, ReadsExpectedHeads) {
  const std::string hash(64, 'a');
  EXPECT_EQ(parse_expected_head("12:" + hash)->seq, 12u);
  EXPECT_EQ(parse_expected_head(hash)->seq, 0u);
  for (const std::string& text : {std::string(), std::string("12"), "12:" + hash.substr(1), "0:" + hash, "x:" + hash,
                                  "-1:" + hash, "1 :" + hash, ":" + hash}) {
    EXPECT_FALSE(parse_expected_head(text)) << text;
  }
}

}  // namespace
}  // namespace muster::ctl
