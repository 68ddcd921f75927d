// What meets a hold: other rollouts, ends, times; nobody is let go by the way, and nobody is forgotten there.
#include <gmock/gmock.h>

#include "tests/unit/engine/meeting_fleet.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class HoldsMeet : public MeetingFleet {};

TEST_F(HoldsMeet, WhoWaitedForAnotherRolloutHoldsAsItsWaveSays) {
  join(2);
  start_rule(held(HoldPoint::before_swap));
  start_rule(model("fix", "3", 5));
  world_.command(AbortRollout{"fix", AbortMode::revert});
  commit_all();
  ASSERT_EQ(wanted("d000"), "reader@2");
  EXPECT_EQ(told("d000"), HoldPoint::before_swap);
}

// Its newest assignment is what a device repairs itself with, and who had failed in it was not told of the release.
TEST_F(HoldsMeet, OneThatFailedBeforeTheReleaseAndComesToItsHoldAfterAllGoesOn) {
  join(2);
  start_rule(held(HoldPoint::before_commit));
  world_.attempt("d000", AttemptState::failed);
  world_.go_on("d001");
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
  ASSERT_EQ(told("d000"), HoldPoint::before_commit);
  world_.command(PauseRollout{"r"});
  world_.go_on("d000");
  EXPECT_EQ(told("d000"), HoldPoint::before_commit) << "a paused rollout assigns nothing";
  world_.command(ResumeRollout{"r", true});
  EXPECT_EQ(told("d000"), HoldPoint::none);
  EXPECT_EQ(standing("d000"), Standing::failed) << "until it shows that it runs the versions";
  const auto epoch = world_.devices["d000"].assigned->epoch;
  world_.report("d000");
  EXPECT_EQ(world_.devices["d000"].assigned->epoch, epoch) << "once";
  world_.commit("d000");
  EXPECT_EQ(standing("d000"), Standing::done);

  world_.attempt("d001", AttemptState::failed);
  EXPECT_EQ(told("d001"), HoldPoint::none);
}

// The wave passes without d-away, whom nobody has let go, and the rollout completes.
TEST_F(HoldsMeet, AHoldStandsAlsoWhereTheWaveHasPassedAndTheRolloutCompleted) {
  join(4);
  auto rule = held(HoldPoint::before_commit);
  rule.waves[0].percent = 50;
  rule.waves[0].name = "first";
  rule.waves.push_back(wave("all", 100));
  start_rule(rule);
  const auto ids = reached();
  ASSERT_EQ(ids.size(), 2u);
  const auto& away = ids[1];
  world_.roll_back(ids[0], "probe_failed", "");
  world_.lose(away);
  world_.tick(120);
  world_.command(ResumeRollout{"r", true});
  for (const auto& id : reached()) {
    if (id != ids[0] && id != away) world_.commit(id);
  }
  ASSERT_EQ(state(), RolloutState::completed) << status().waiting_for;
  join(8);
  bool one = false;
  for (const auto& [id, device] : world_.devices) {
    DeviceStatus device_status;
    ASSERT_TRUE(world_.engine.device(id, device_status));
    if (id == ids[0] || device_status.rollouts.at(0).wave != 0) continue;
    one = one || id != away;
    EXPECT_EQ(told(id), HoldPoint::before_commit) << id;
  }
  ASSERT_TRUE(one);
  world_.see(away);
  start_rule(config());
  EXPECT_EQ(told(away), HoldPoint::before_commit);
  world_.go_on(away);
  ASSERT_EQ(standing(away), Standing::holding);
  EXPECT_THAT(why(away), HasSubstr("'musterctl rollout release r --wave first' lets it go on"));
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", "first"})));
  EXPECT_EQ(told(away), HoldPoint::none);
}

TEST_F(HoldsMeet, WhatWasHeldBackIsNotWhatAnotherRolloutGoesBackTo) {
  join(2);
  start_rule(held(HoldPoint::before_commit));
  for (const auto* id : {"d000", "d001"}) world_.go_on(id);
  ASSERT_EQ(running("d000"), "reader@2");
  ASSERT_EQ(standing("d000"), Standing::holding);
  start_rule(model("fix", "3", 5));
  world_.command(AbortRollout{"fix", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1") << "nobody let reader@2 go on";
}

TEST_F(HoldsMeet, OneThatComesToItsHoldTooLateIsHeldAndReleasedAsTheOthers) {
  join(2);
  start_rule(held(HoldPoint::before_swap));
  world_.tick(601);
  ASSERT_EQ(standing("d000"), Standing::failed);
  world_.go_on("d000");
  start_rule(config());
  EXPECT_EQ(told("d000"), HoldPoint::before_swap) << "another rollout lets nobody go";
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
  EXPECT_EQ(told("d000"), HoldPoint::none);
  world_.commit("d000");
  EXPECT_EQ(standing("d000"), Standing::done);
  EXPECT_EQ(status().failed, 1u);
}

TEST_F(HoldsMeet, WhatFailedInAHeldWaveIsNotGivenAgainByItsRelease) {
  join(2);
  start_rule(held(HoldPoint::before_swap));
  world_.roll_back("d000", "probe_failed", "");
  world_.go_on("d001");
  const auto epoch = world_.devices["d000"].assigned->epoch;
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
  EXPECT_EQ(told("d001"), HoldPoint::none);
  EXPECT_EQ(world_.devices["d000"].assigned->epoch, epoch);
  EXPECT_EQ(standing("d000"), Standing::failed);
}

TEST_F(HoldsMeet, TheTimeInAHoldIsNotThatOfTheAttemptThatFollowsIt) {
  join(2);
  start_rule(held(HoldPoint::before_swap));
  for (const auto* id : {"d000", "d001"}) world_.go_on(id);
  world_.tick(86'400);
  start_rule(config());
  world_.attempt("d000", AttemptState::fetching);
  world_.tick(1);
  EXPECT_EQ(standing("d000"), Standing::assigned) << "another rollout's files are fetched";
  for (const auto* id : {"d000", "d001"}) world_.go_on(id);
  ASSERT_EQ(standing("d000", "c"), Standing::holding);
  world_.tick(86'400);
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
  for (const auto* id : {"d000", "d001"}) world_.attempt(id, AttemptState::swapped);
  world_.tick(1);
  EXPECT_EQ(standing("d000"), Standing::assigned);
  EXPECT_EQ(standing("d000", "c"), Standing::assigned);
}

TEST_F(HoldsMeet, AReleaseThatChangesNothingGivesNothing) {
  join(1);
  start_rule(held(HoldPoint::before_commit));
  auto other = config();
  other.waves[0].hold = HoldPoint::before_swap;
  start_rule(other);
  world_.go_on("d000");
  ASSERT_EQ(standing("d000"), Standing::holding);
  const auto effects = world_.command(ReleaseHold{"r", {}});
  EXPECT_TRUE(World::assigned_in(effects).empty());
  EXPECT_THAT(World::reply(effects), HasSubstr("1 stays held for another rollout"));
  EXPECT_TRUE(World::assigned_in(world_.command(ReleaseHold{"c", {}})) == std::vector<std::string>{"d000"});
  EXPECT_EQ(told("d000"), HoldPoint::none);
}

// The end of an attempt that is not the newest any more: the device ran the release already, and had nothing to stop
// at. What it was assigned meanwhile has it hold all the same, and somebody has to be able to let it go (seed 9613).
TEST_F(HoldsMeet, WhatCameOfAnEarlierAttemptLeavesNobodyInTheHoldOfANewerOne) {
  for (const bool is_there : {false, true}) {
    SCOPED_TRACE(is_there ? "released when it is there" : "released on its way");
    world_ = World();
    for (const auto* version : {"1", "2"}) {
      world_.add_release(Plane::model, "reader", version);
      world_.add_release(Plane::config, "sorter", version);
    }
    join(1);
    auto& device = world_.devices["d000"];
    device.report.active[1] = world_.release("reader@2").manifest;
    world_.report("d000");
    start_rule(held(HoldPoint::before_swap));
    ASSERT_EQ(told("d000"), HoldPoint::before_swap);
    device.report.attempt = AttemptState::committed;
    device.report.attempt_epoch = device.assigned->epoch;
    start_rule(config());
    ASSERT_EQ(told("d000"), HoldPoint::before_swap);
    world_.report("d000");
    EXPECT_EQ(standing("d000"), Standing::assigned);
    if (is_there) {
      world_.go_on("d000");
      EXPECT_EQ(standing("d000"), Standing::holding);
      EXPECT_EQ(standing("d000", "c"), Standing::holding);
      EXPECT_THAT(status().waiting_for, HasSubstr("'musterctl rollout release r' lets them go on"));
      EXPECT_THAT(why("d000"), HasSubstr("'musterctl rollout release r' lets it go on"));
    }
    ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"r", {}})));
    ASSERT_EQ(told("d000"), HoldPoint::none) << "it stands before its swap, and nobody can let it go";
    world_.commit("d000");
    EXPECT_EQ(standing("d000"), Standing::done);
    EXPECT_EQ(standing("d000", "c"), Standing::done);
  }
}

TEST_F(HoldsMeet, WhoWasDoneBeforeTheNextAssignmentHoldsNowhere) {
  join(1);
  world_.devices["d000"].report.active[1] = world_.release("reader@2").manifest;
  world_.report("d000");
  start_rule(held(HoldPoint::before_swap));
  world_.commit("d000");
  ASSERT_EQ(standing("d000"), Standing::done);
  start_rule(config());
  EXPECT_EQ(told("d000"), HoldPoint::none);
}

// One assignment brings the releases of both, so the device holds for both. It is let go and says nothing any more,
// however often it connects: its time runs out for both.
TEST_F(HoldsMeet, WhoIsLetGoHoldsForNobodyAnyMore) {
  join(1);
  start_rule(model("r", "2"));
  auto other = config();
  other.waves[0].hold = HoldPoint::before_commit;
  start_rule(other);
  world_.go_on("d000");
  ASSERT_EQ(standing("d000", "r"), Standing::holding);
  ASSERT_EQ(standing("d000", "c"), Standing::holding);
  ASSERT_TRUE(World::accepted(world_.command(ReleaseHold{"c", ""})));
  EXPECT_EQ(standing("d000", "r"), Standing::assigned);
  EXPECT_EQ(standing("d000", "c"), Standing::assigned);
  const auto timeout_s = other.attempt_timeout_s;
  for (std::uint64_t passed_s = 0; passed_s <= timeout_s + 60; passed_s += 20) {
    world_.lose("d000");
    world_.see("d000");
    world_.tick(20);
  }
  EXPECT_EQ(standing("d000", "r"), Standing::failed);
  EXPECT_EQ(standing("d000", "c"), Standing::failed);
}

// The way back is a matter of minutes, whoever has yet to let go another plane.
TEST_F(HoldsMeet, AHoldOfAnotherRolloutKeepsNobodyFromGoingBack) {
  for (const auto hold : {HoldPoint::before_swap, HoldPoint::before_commit}) {
    SCOPED_TRACE(name_of(hold));
    world_ = World();
    for (const auto* version : {"1", "2"}) {
      world_.add_release(Plane::model, "reader", version);
      world_.add_release(Plane::config, "sorter", version);
    }
    join(2);
    auto bad = model("r", "2");
    bad.waves[0].gate = Gate::manual;
    start_rule(bad);
    commit_all();
    auto other = config();
    other.waves[0].hold = hold;
    start_rule(other);
    world_.go_on("d000");
    ASSERT_EQ(standing("d000", "c"), Standing::holding);
    world_.command(AbortRollout{"r", AbortMode::revert});
    EXPECT_EQ(wanted("d000"), "reader@1");
    EXPECT_EQ(told("d000"), HoldPoint::none);
    EXPECT_EQ(told("d001"), HoldPoint::none);
    EXPECT_THAT(given("d000"), Not(HasSubstr("sorter@2"))) << "nor is it let go by the way";
    world_.restart();
    commit_all();
    EXPECT_EQ(state(), RolloutState::aborted);
    EXPECT_THAT(given("d000"), HasSubstr("sorter@2"));
    EXPECT_EQ(told("d000"), hold);
  }
}

}  // namespace
}  // namespace muster::rules::test
