// The journal: whole or refused, whatever happened to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge-client/shell/data_folder.h"
#include "edge-client/shell/journal.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/power.h"

namespace muster::edge {
namespace {

using testing::HasSubstr;

class JournalFile : public testing::Test {
 protected:
  JournalFile() {
    DurableState state;
    state.boot_id = 41;
    state.attempt.detail = "something that happened";
    state.scopes.push_back({"fleet", 7, {{OrderKind::freeze, 7, Plane::model, Sha256{{1, 2, 3}}, "why", "who"}}});
    EXPECT_TRUE(Journal(path).save(encode(state)));
  }
  void expect_damage() {
    const auto loaded = Journal(path).load();
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().kind, ErrorKind::invalid);
    EXPECT_THAT(loaded.error().message, HasSubstr("--reset-journal"));
    EXPECT_THAT(loaded.error().message, HasSubstr(path));
  }
  Folder folder;
  std::string path = folder.file("journal");
};

TEST_F(JournalFile, ComesBackAsItWas) {
  const auto loaded = Journal(path).load();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->boot_id, 41u);
  EXPECT_EQ((*loaded)->scopes.at(0).orders.at(0).reason, "why");
}

TEST_F(JournalFile, NoneIsNoDamage) {
  std::filesystem::remove(path);
  const auto loaded = Journal(path).load();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(JournalFile, EveryTruncationIsDamage) {
  const auto whole = folder.read("journal");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    folder.write("journal", whole.substr(0, size));
    SCOPED_TRACE(size);
    expect_damage();
  }
  folder.write("journal", whole + "x");
  expect_damage();
}

// Whole and in order, but with a number for its format that nobody has used yet.
TEST_F(JournalFile, ThatOfAnotherVersionIsNotCalledDamaged) {
  auto state = encode({});
  state[0] = 200;
  ASSERT_TRUE(Journal(path).save(state));
  expect_damage();
  EXPECT_THAT(Journal(path).load().error().message, HasSubstr("was written by another version of Muster"));
}

TEST_F(JournalFile, AFlippedBitInAnyByteIsDamage) {
  const auto whole = folder.read("journal");
  // Another bit in each byte.
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 9) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    folder.write("journal", flipped);
    SCOPED_TRACE("bit " + std::to_string(bit));
    expect_damage();
  }
}

TEST_F(JournalFile, ACutAtAnyMomentLeavesTheOldOrTheNew) {
  for (std::size_t stops = 1;; ++stops) {
    SCOPED_TRACE("stop " + std::to_string(stops));
    DurableState state;
    state.boot_id = 100;
    ASSERT_TRUE(Journal(path).save(encode(state)));
    const bool finished = finishes_within(stops, [&] {
      DurableState next;
      next.boot_id = 101;
      static_cast<void>(Journal(path).save(encode(next)).has_value());
    });
    const auto loaded = Journal(path).load();
    ASSERT_TRUE(loaded && *loaded) << (loaded ? "" : loaded.error().message);
    EXPECT_TRUE((*loaded)->boot_id == 100 || (*loaded)->boot_id == 101);
    if (!finished) continue;
    EXPECT_EQ((*loaded)->boot_id, 101u);
    break;
  }
}

TEST(DataFolderLock, IsHeldByOneAtATime) {
  Folder folder;
  {
    const auto first = DataFolder::lock(folder.file("data"));
    ASSERT_TRUE(first.has_value());
    const auto second = DataFolder::lock(folder.file("data"));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().kind, ErrorKind::exists);
  }
  EXPECT_TRUE(DataFolder::lock(folder.file("data")).has_value());
}

}  // namespace
}  // namespace muster::edge
