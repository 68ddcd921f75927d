// A rollout that takes its devices back: each is free for others when that is over for it, and operators can end it for
// those that do not get there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/meeting_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class WaysBack : public MeetingFleet {
 protected:
  WaysBack() {
    join(4);
    start_rule(model("r", "2"));
    commit_all();
    world_.command(AbortRollout{"r", AbortMode::revert});
    EXPECT_EQ(status().state, RolloutState::reverting);
  }
  std::vector<Effect> keep() { return world_.command(AbortRollout{"r", AbortMode::keep}, "bob", "no way back"); }
};

TEST_F(WaysBack, KeepEndsThemAndWhoHasNotGoneBackStaysAsItIs) {
  world_.commit("d000");
  const auto effects = keep();
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(status().reverted, 1u);
  EXPECT_THAT(World::why_of(effects, audit::rollout_aborted),
              AllOf(HasSubstr("abort with keep while it was reverting"), HasSubstr("1 went back"),
                    HasSubstr("3 keep what they run"), HasSubstr("no way back")));
  EXPECT_EQ(given("d000"), "reader@1");
  EXPECT_EQ(given("d001"), "reader@2");
  EXPECT_THAT(why("d001"), HasSubstr("it keeps what it has"));
  world_.restart();
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_THAT(why("d001"), HasSubstr("it keeps what it has"));
  EXPECT_FALSE(World::accepted(keep()));
}

TEST_F(WaysBack, OneIsNotWaitedForWhenItIsCancelled) {
  const auto effects = cancel("d001");
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_THAT(World::why_of(effects, audit::device_cancelled), AllOf(HasSubstr("rollout r"), HasSubstr("bad disk")));
  EXPECT_EQ(given("d001"), "reader@2");
  world_.restart();
  for (const auto& [id, device] : world_.devices) {
    EXPECT_EQ(status().state, RolloutState::reverting);
    if (id != "d001") world_.commit(id);
  }
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(status().reverted, 3u);
}

TEST_F(WaysBack, WhoIsNotOnItIsNotTakenOutOfIt) {
  world_.commit("d000");
  EXPECT_THAT(World::reply(cancel("d000")), HasSubstr("is not on its way back"));
  EXPECT_THAT(World::reply(cancel("d001", true)), HasSubstr("goes back already"));
  EXPECT_THAT(World::reply(cancel("nobody")), HasSubstr("no device called"));
  EXPECT_THAT(World::reply(world_.command(AbortRollout{"r", AbortMode::revert})), HasSubstr("abort it with keep"));
  EXPECT_FALSE(World::accepted(world_.command(ReadmitDevice{"r", "d001"})));
  EXPECT_EQ(status().state, RolloutState::reverting);
}

TEST_F(WaysBack, WhatIsFrozenIsNotKept) {
  GiveOrder order;
  order.scope = "device/d001";
  order.kind = OrderKind::freeze;
  order.release = world_.release("reader@2").manifest;
  order.release_name = "reader@2";
  ASSERT_TRUE(World::accepted(world_.command(order)));
  EXPECT_THAT(World::reply(cancel("d001")), HasSubstr("goes back unwaited for"));
  EXPECT_EQ(given("d001"), "reader@1");
  EXPECT_THAT(why("d001"), HasSubstr("it is to go back, and nobody waits for that"));
  EXPECT_THAT(World::reply(keep()), HasSubstr("keep what they run"));
  EXPECT_EQ(status().state, RolloutState::aborted);
}

TEST_F(WaysBack, WhoIsThroughIsFreeForOneThatWaitsForIt) {
  start_rule(model("fix", "3", 10));
  EXPECT_EQ(status("fix").held_by_other, 4u);
  EXPECT_EQ(World::assigned_in(world_.commit("d000")), (std::vector<std::string>{"d000"}));
  EXPECT_EQ(given("d000"), "reader@3");
  EXPECT_EQ(World::assigned_in(cancel("d001")), (std::vector<std::string>{"d001"}));
  EXPECT_EQ(given("d001"), "reader@3");
  EXPECT_EQ(status().reverted, 1u) << "what it did stays in the counts";
  world_.commit("d000");
  world_.commit("d001");
  EXPECT_EQ(status("fix").done, 2u);
  EXPECT_EQ(status().state, RolloutState::reverting);
  keep();
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(status("fix").held_by_other, 0u);
}

TEST_F(WaysBack, WhoCouldNotGoBackIsFreeToo) {
  start_rule(model("fix", "3", 10));
  const auto effects = world_.fail("d000", "verify_failed");
  EXPECT_EQ(World::count_audits(effects, audit::device_not_reverted), 1u);
  EXPECT_EQ(World::assigned_in(effects), (std::vector<std::string>{"d000"}));
  EXPECT_EQ(given("d000"), "reader@3");
}

TEST_F(WaysBack, WhoRunsOutOfItsTimeIsFreeTooAndTheRolloutEnds) {
  start_rule(model("fix", "3", 10));
  world_.commit("d000");
  const auto effects = world_.tick(3600);
  EXPECT_EQ(World::count_audits(effects, audit::device_not_reverted), 3u);
  EXPECT_THAT(World::why_of(effects, audit::rollout_aborted), HasSubstr("1 went back, 3 could not"));
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(given("d001"), "reader@3");
}

TEST_F(WaysBack, ANewRolloutMayHaveThoseThatAreThrough) {
  world_.commit("d000");
  const auto refused = world_.start(model("new", "3"));
  EXPECT_THAT(World::reply(refused), AllOf(HasSubstr("on the way back"), HasSubstr("rollout abort --keep")));
  start_rule(model("one", "3", 0, "device.id == \"d000\""));
  EXPECT_EQ(given("d000"), "reader@3");
  world_.commit("d000");
  EXPECT_EQ(status("one").state, RolloutState::completed);
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(given("d000"), "reader@3");
}

TEST_F(WaysBack, AnOverrideWaitsForItsEndOrMakesIt) {
  const auto override = [&](const std::string& id) {
    return world_.command(OverrideDevice{id, world_.release("reader@3")});
  };
  EXPECT_THAT(World::reply(override("d000")), HasSubstr("take it out with 'rollout cancel'"));
  cancel("d000");
  EXPECT_TRUE(World::accepted(override("d000")));
  EXPECT_EQ(given("d000"), "reader@3");
}

TEST_F(WaysBack, TheStatusSaysWhatEndsThem) {
  EXPECT_THAT(status().waiting_for, HasSubstr("'rollout cancel' or 'rollout abort --keep' ends that"));
}

}  // namespace
}  // namespace muster::rules::test
