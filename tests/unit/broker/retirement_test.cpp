// What keeps a release from being retired, and what is left of one that is.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/store.h"
#include "tests/unit/broker/lifecycle_fixture.h"

namespace muster::broker::test {
namespace {

const std::string keeps = "rollback: { keep_previous_for: 14d }\n";

class Retirement : public Lifecycle {
 protected:
  // gw-1 has m@1, and "second", whose rule says `more` as well, is to bring it m@2.
  void go_on_to_two(const std::string& yaml, const std::string& more = "") {
    start(yaml);
    one = publish("1", "one");
    two = publish("2", "two");
    EXPECT_TRUE(bench->report({.seq = ++seq, .model = {}}));
    EXPECT_EQ(start_rollout("first", "1").value("error", ""), "");
    commit(one, 1);
    EXPECT_EQ(start_rollout("second", "2", more).value("error", ""), "");
  }
  std::string retire(const SignedRelease& release, const std::string& version) {
    return move(release, version, {State::development, State::retired, "old"}).value("error", "");
  }
  // The time of retired files is over.
  void end_keeping() {
    configure("keep_retired_for: 90d", "keep_retired_for: 0s");
    bench->plugin->reload();
  }

  SignedRelease one, two;
};

TEST_F(Retirement, RetiredFilesGoAfterTheKeepWindowAndTheRestStays) {
  start("keep_retired_for: 90d\n");
  one = publish("1", "one");
  two = publish("2", "shared");
  const auto three = publish("3", "shared");
  for (const auto& [release, version] : {std::pair(&one, "1"), std::pair(&two, "2")})
    EXPECT_EQ(move(*release, version, {State::development, State::retired, "old"}).value("error", ""), "");
  bench->plugin->tick();
  EXPECT_TRUE(has_blob(one.file)) << "within the window";

  // The window is over. The kill comes between the decision and the removal: the record is there, the file too.
  bench->stop();
  configure("keep_retired_for: 90d", "keep_retired_for: 0s");
  {
    auto store = std::move(*Store::open(bench->installation.data_dir));
    EXPECT_TRUE(store->write({{keys::join(keys::files_removed, "m@1"), keys::u64_value(1234)}}).has_value());
  }
  bench->start();
  EXPECT_TRUE(bench->tick_until([&] { return !has_blob(one.file); })) << "cut off, and done again";
  EXPECT_TRUE(bench->tick_until([&] { return shown("2")["files_removed_s"] != 0; }));
  EXPECT_EQ(shown("1")["files_removed_s"], 1234);
  EXPECT_EQ(shown("1")["files"][0]["sha256"], to_hex(one.file)) << "the hashes stay";
  EXPECT_NE(shown("1").value("envelope", ""), "") << "and the manifest";
  // What is shown is known before its record is durable, and only then can the entry be listed.
  EXPECT_TRUE(bench->tick_until([&] { return !audit("release.files_removed").empty(); }));
  const auto entries = audit("release.files_removed");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0]["subject"], "m@2");
  EXPECT_NE(entries[0].value("why", "").find("0 files with 0 bytes"), std::string::npos) << entries[0];
  EXPECT_NE(entries[0].value("why", "").find("1 stay, which another release has too"), std::string::npos);
  EXPECT_TRUE(has_blob(three.file)) << "m@3 has the same file";
  EXPECT_FALSE(bench->port.logged("missing or damaged")) << "what was removed is not missed";

  EXPECT_EQ(move(three, "3", {State::development, State::retired, "old too"}).value("error", ""), "");
  EXPECT_TRUE(bench->tick_until([&] { return !has_blob(three.file); })) << "nobody has it any more";
  bench->stop();
  bench->start();
  EXPECT_FALSE(bench->port.logged("missing or damaged"));
  EXPECT_EQ(shown("3")["state"], "retired");
}

// Neither a hasty operator nor the clock takes the way back that a rule has promised.
TEST_F(Retirement, WhatARuleKeepsForAWayBackIsNotRetired) {
  go_on_to_two("keep_retired_for: 0s\n", keeps);
  commit(two, 2);
  EXPECT_EQ(abort("first", "keep"), "");
  const auto until_s = bench->rollout("second").value("previous_kept_until_s", std::uint64_t{0});
  EXPECT_GE(until_s, now_s() + 14 * 86400 - 60);
  EXPECT_LE(until_s, now_s() + 14 * 86400);
  const auto refused = retire(one, "1");
  EXPECT_TRUE(refused.starts_with("m@1 cannot be retired: these keep what their devices ran before: second until 20"))
      << refused;
  EXPECT_TRUE(refused.ends_with("; 'musterctl rollout abort NAME --keep' ends that")) << refused;
  bench->stop();
  bench->start();
  EXPECT_EQ(retire(one, "1"), refused) << "also after a restart";
  EXPECT_EQ(abort("second", "revert"), "") << "and the way back is there";
  commit(one, 3);
  EXPECT_TRUE(has_blob(one.file));
}

// Of what a device ran without ever having been assigned it, nobody may say that it is in use; its files stay then.
TEST_F(Retirement, FilesOfWhatHadBeenRetiredAlreadyStayForAWayBack) {
  start("keep_retired_for: 90d\n");
  one = publish("1", "one");
  two = publish("2", "two");
  const auto three = publish("3", "three");
  EXPECT_TRUE(bench->report({.seq = ++seq, .model = one.digest}));
  EXPECT_EQ(retire(one, "1"), "");
  EXPECT_EQ(start_rollout("second", "2", keeps).value("error", ""), "");
  commit(two, 1);
  ASSERT_EQ(bench->rollout("second").value("state", ""), "completed");
  end_keeping();
  EXPECT_EQ(retire(three, "3"), "");
  EXPECT_TRUE(bench->tick_until([&] { return !has_blob(three.file); })) << "the removal has had its turns";
  EXPECT_TRUE(has_blob(one.file));
  EXPECT_EQ(shown("1")["files_removed_s"], 0);
}

// A way back leads to a retired release while its files are there; whoever is on it keeps them there.
TEST_F(Retirement, RetiredFilesStayWhileADeviceIsAssignedThem) {
  go_on_to_two("keep_retired_for: 90d\n");
  EXPECT_NE(retire(one, "1").find("these may take devices back to it: second; wait until they are completed"),
            std::string::npos);
  commit(two, 2);
  EXPECT_EQ(abort("first", "keep"), "");
  EXPECT_EQ(retire(one, "1"), "");
  EXPECT_EQ(abort("second", "revert"), "");
  commit(one, 3);
  end_keeping();
  // m@2 is retired after it and gone before it: the removal has had its turns.
  EXPECT_EQ(move(two, "2", {State::development, State::retired, "bad"}).value("error", ""), "");
  EXPECT_TRUE(bench->tick_until([&] { return !has_blob(two.file); }));
  EXPECT_TRUE(has_blob(one.file));
  EXPECT_EQ(shown("1")["files_removed_s"], 0);
}

}  // namespace
}  // namespace muster::broker::test
