// Single devices that are taken out of a rollout, and let in again.
#include "schemas/limits.h"
#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Exclude, ACancelledDeviceIsNoTargetAndIsNotWaitedFor) {
  join(4);
  start_waves({100});
  for (const auto* id : {"d001", "d002", "d003"}) world_.commit(id);
  EXPECT_EQ(state(), RolloutState::running);
  const auto effects = cancel("d000");
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_THAT(World::reply(effects), HasSubstr("assigned in wave w100 (100 %); it keeps what it has, and comes back in "
                                               "only when it is readmitted"));
  EXPECT_EQ(World::count_audits(effects, audit::device_cancelled), 1u);
  EXPECT_EQ(state(), RolloutState::completed);
  const auto& status = world_.status("r");
  EXPECT_EQ(status.targets, 3u);
  EXPECT_EQ(status.reached, 4u);
  EXPECT_EQ(status.waves[0].devices, 3u);
  EXPECT_EQ(status.cancelled_count, 1u);
  ASSERT_EQ(status.cancelled.size(), 1u);
  EXPECT_EQ(status.cancelled[0], (CancelledDevice{"d000", false, "alice", "bad disk", world_.now_s}));
  EXPECT_EQ(standing("d000"), Standing::cancelled);
  EXPECT_THAT(why("d000"), HasSubstr("it keeps what it has; it was taken out of the rollout by alice: bad disk"));
  // Neither its end nor new facts nor a restart bring it back.
  world_.roll_back("d000", "probe_failed", "");
  world_.restart();
  move("d000", "us");
  EXPECT_EQ(world_.status("r").failed, 0u);
  EXPECT_EQ(world_.status("r").targets, 3u);
  EXPECT_EQ(standing("d000"), Standing::cancelled);
  world_.tick(10'000);
  EXPECT_EQ(state(), RolloutState::completed);

  EXPECT_THAT(World::reply(readmit("d000")), HasSubstr("readmitted device d000 to rollout r: assigned in wave w100"));
  world_.commit("d000");
  EXPECT_EQ(world_.status("r").done, 4u);
  EXPECT_EQ(world_.status("r").targets, 4u);
}

TEST_F(Exclude, OneThatWasNotReachedIsForgottenUntilItIsReadmitted) {
  join(10);
  start_waves({10, 100});
  const auto first = reached();
  std::string other = "d000";
  while (std::find(first.begin(), first.end(), other) != first.end()) other = "d001";
  cancel(other);
  EXPECT_EQ(world_.status("r").targets, 9u);
  EXPECT_EQ(why(other), "it was taken out of the rollout by alice: bad disk");
  world_.restart();
  commit_reached();
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(world_.status("r").done, 9u);
  EXPECT_EQ(wanted(other), "nothing");
  readmit(other);
  EXPECT_EQ(wanted(other), "reader@2");
}

TEST_F(Exclude, CancelledWithRevertItGoesBackAndThenItIsFreeForOthers) {
  join(4);
  start_waves({100});
  commit_reached();
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.add_release(Plane::model, "reader", "3");
  auto rule = World::rule("s", "device.id == \"d000\"", {{Plane::model, "reader", "3"}}, {all});
  world_.command(PauseRollout{"r"});
  EXPECT_FALSE(World::accepted(world_.start(rule)));  // r holds it
  EXPECT_THAT(World::reply(cancel("d000", true)), HasSubstr("it goes back to its earlier versions"));
  EXPECT_EQ(wanted("d000"), "reader@1");
  EXPECT_EQ(standing("d000"), Standing::reverting);
  EXPECT_FALSE(World::accepted(world_.start(rule)));  // still on its way
  world_.restart();
  world_.commit("d000");
  EXPECT_EQ(running("d000"), "reader@1");
  EXPECT_EQ(standing("d000"), Standing::cancelled);
  EXPECT_TRUE(World::accepted(world_.start(rule)));
  EXPECT_EQ(wanted("d000"), "reader@3");
  EXPECT_THAT(World::reply(readmit("d000")), HasSubstr("to rollout r: waiting in wave w100"));
  world_.command(ResumeRollout{"r"});
  EXPECT_EQ(wanted("d000"), "reader@3");  // what a newer rollout has taken is its own
}

TEST_F(Exclude, ARolloutThatWaitsForTheDeviceGetsItWhenItIsCancelled) {
  join(4);
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.add_release(Plane::model, "reader", "3");
  auto r = World::rule("r", "device.region == \"de\"", {{Plane::model, "reader", "2"}}, {all});
  auto s = World::rule("s", "device.region == \"us\"", {{Plane::model, "reader", "3"}}, {all});
  ASSERT_TRUE(World::accepted(world_.start(r)));
  ASSERT_TRUE(World::accepted(world_.start(s)));
  move("d000", "us");
  EXPECT_EQ(standing("d000", "s"), Standing::held_by_other);
  cancel("d000");
  EXPECT_EQ(wanted("d000"), "reader@3");
  EXPECT_EQ(standing("d000", "s"), Standing::assigned);
}

TEST_F(Exclude, AWaveThatLostAllItsDevicesGetsOthers) {
  join(10);
  start_waves({10, 100}, Gate::manual);
  const auto canary = reached();
  ASSERT_EQ(canary.size(), 1u);
  cancel(canary[0]);
  EXPECT_EQ(world_.status("r").waves[0].devices, 1u);
  EXPECT_EQ(reached().size(), 2u);
  for (const auto& id : reached()) {
    if (id != canary[0]) world_.commit(id);
  }
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
}

TEST_F(Exclude, ItsVotesAndFailuresStayCountedAndItGivesNoMore) {
  join(20);
  rail_.tolerate_ppm = 500'000;
  start({rail_}, Gate::manual);
  commit_reached();
  world_.tick(window_s);
  const auto ids = reached();
  say(ids[0], 90);
  ASSERT_EQ(verdict().voted, 1u);
  cancel(ids[0]);
  cancel(ids[1]);
  world_.tick(window_s);
  say(ids[1], 90);
  EXPECT_EQ(verdict().voted, 1u);
  EXPECT_EQ(verdict().exceeded, 1u);
  world_.restart();
  EXPECT_EQ(verdict().voted, 1u);
  world_.roll_back(ids[2], "probe_failed", "");
  EXPECT_EQ(world_.status("r").failed, 1u);
  cancel(ids[2]);
  EXPECT_EQ(world_.status("r").failed, 1u);
  EXPECT_EQ(state(), RolloutState::halted);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  EXPECT_EQ(world_.status("r").waves[0].devices, ids.size() - 3);
}

TEST_F(Exclude, AnAbortLeavesACancelledDeviceAlone) {
  join(4);
  start_waves({100});
  commit_reached();
  cancel("d000");
  const auto effects = world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_THAT(World::assigned_in(effects), ElementsAre("d001", "d002", "d003"));
  EXPECT_FALSE(World::accepted(readmit("d000")));
}

TEST_F(Exclude, CancellingIsRefusedWithTheWayOut) {
  join(80);
  start_waves({10, 100});
  EXPECT_THAT(World::reply(cancel("nobody")), HasSubstr("no device called \"nobody\" has ever reported"));
  EXPECT_THAT(World::reply(readmit("d000")), HasSubstr("is not cancelled; cancelled are: none"));
  EXPECT_TRUE(World::accepted(cancel("d000")));
  EXPECT_THAT(World::reply(cancel("d000")), HasSubstr("is cancelled already by alice: bad disk"));
  for (std::size_t i = 1; i < limits::cancelled_devices_max; ++i) {
    const auto number = std::to_string(i);
    EXPECT_TRUE(World::accepted(cancel("d" + std::string(3 - number.size(), '0') + number)));
  }
  EXPECT_THAT(World::reply(cancel("d079")), HasSubstr("the most one rollout keeps; stop a group"));
  EXPECT_EQ(world_.status("r").cancelled.size(), cancelled_shown_max);
  EXPECT_EQ(world_.status("r").cancelled_count, limits::cancelled_devices_max);
  world_.restart();
  EXPECT_EQ(world_.status("r").cancelled_count, limits::cancelled_devices_max);
  EXPECT_TRUE(World::accepted(readmit("d000")));
  EXPECT_TRUE(World::accepted(cancel("d079")));
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto only_us = World::rule("q", "device.region == \"nowhere\"", {{Plane::model, "reader", "1"}}, {all});
  ASSERT_TRUE(World::accepted(world_.start(only_us)));
  EXPECT_THAT(World::reply(world_.command(CancelDevice{"q", "d001", false})),
              AllOf(HasSubstr("device d001 is none of rollout q: it is no target"), Not(HasSubstr("cancelled"))));
}

}  // namespace
}  // namespace muster::rules::test
