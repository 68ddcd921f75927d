// What meets a rehearsal in the middle: operators, orders, pace, windows, restarts, devices that leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/rehearsal_fleet.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(Rehearsals, APauseKeepsFromEachStepAndEndsNone) {
  start_two();
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@2");
  EXPECT_THAT(why(a_), HasSubstr("it was done and is to go back, and the rollout is paused"));
  world_.command(ResumeRollout{"r"});
  EXPECT_EQ(wanted(a_), "reader@1");
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@1");
  world_.command(ResumeRollout{"r"});
  EXPECT_EQ(wanted(a_), "reader@2");
}

TEST_F(Rehearsals, AnOrderThatPausesUpdatesKeepsFromEachStep) {
  start_two();
  world_.command(order("device/" + a_, OrderKind::pause_updates));
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@2");
  EXPECT_THAT(says(), HasSubstr("updates are paused in device/" + a_));
  world_.command(order("device/" + a_, OrderKind::resume));
  EXPECT_EQ(wanted(a_), "reader@1");
}

TEST_F(Rehearsals, AFreezeOfTheNewReleaseKeepsFromGoingForwardAgainAndNotFromGoingBack) {
  start_two();
  world_.command(order("device/" + a_, OrderKind::freeze, "reader@2"));
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@1");
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_THAT(why(a_), HasSubstr("is frozen in device/" + a_));
  EXPECT_THAT(says(), HasSubstr("thaw it"));
  world_.command(order("device/" + a_, OrderKind::thaw, "reader@2"));
  EXPECT_EQ(wanted(a_), "reader@2");
}

TEST_F(Rehearsals, AnAbortWithRevertTakesBackWhoeverIsInTheMiddle) {
  start_two();
  world_.commit(a_);
  world_.commit(b_);
  world_.commit(b_);  // b is on its second way forward, a on its way back
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_EQ(wanted(b_), "reader@1");
  EXPECT_EQ(standing(a_), Standing::reverting);
  world_.commit(a_);
  world_.commit(b_);
  EXPECT_EQ(state(), RolloutState::aborted);
  EXPECT_EQ(running(a_), "reader@1");
}

TEST_F(Rehearsals, AnAbortWithKeepLeavesWhoIsBackThere) {
  start_two();
  take_all_steps(b_);
  world_.commit(a_);
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  ASSERT_EQ(running(a_), "reader@1");
  world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_EQ(state(), RolloutState::aborted);
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_EQ(wanted(b_), "reader@2") << "it is done";
  world_.commit(a_);
  EXPECT_EQ(standing(a_), Standing::reverted);
}

TEST_F(Rehearsals, ACancelledDeviceStaysWhereItIs) {
  start_two();
  world_.commit(a_);
  EXPECT_TRUE(World::accepted(cancel(a_)));
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@1") << "it has finished its way back and goes no further";
  EXPECT_EQ(standing(a_), Standing::cancelled);
  take_all_steps(b_);
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_TRUE(World::accepted(readmit(a_)));
  world_.commit(a_);
  EXPECT_EQ(standing(a_), Standing::done) << "the rehearsal is over";
}

TEST_F(Rehearsals, OneOfAStoppedGroupGoesBackAndIsSetAside) {
  start_two();
  world_.commit(a_);
  EXPECT_TRUE(World::accepted(stop("region=" + world_.devices[a_].report.facts.region)));
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_EQ(standing(a_), Standing::waiting);
  EXPECT_THAT(why(a_), HasSubstr("is stopped"));
  EXPECT_TRUE(World::accepted(go_on("region=" + world_.devices[a_].report.facts.region)));
  EXPECT_EQ(wanted(a_), "reader@2");
  take_all_steps(a_);
  EXPECT_EQ(standing(a_), Standing::done) << "anew, with the whole rehearsal";
}

TEST_F(Rehearsals, AStopWithRevertTakesBackWhoeverIsInTheMiddle) {
  start_two();
  world_.commit(a_);
  world_.commit(a_);
  EXPECT_TRUE(World::accepted(stop("region=" + world_.devices[a_].report.facts.region, true)));
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_EQ(standing(a_), Standing::reverting);
}

TEST_F(Rehearsals, AnOverrideWaitsForTheEndOfIt) {
  start_two();
  world_.commit(a_);
  const auto effects = world_.command(OverrideDevice{a_, world_.release("reader@1")});
  EXPECT_FALSE(World::accepted(effects));
  EXPECT_THAT(World::reply(effects), HasSubstr("it is rehearsing in rollout r"));
}

TEST_F(Rehearsals, OneThatIsNoTargetAnyMoreLeavesOnceItIsBack) {
  join(4);
  auto made = rule(2);
  made.targets_text = "device.region in [\"de\", \"us\"]";
  made.targets = World::compile(made.targets_text);
  start_rule(made);
  const auto id = reached()[0];
  world_.commit(id);
  move(id, "fr");
  EXPECT_EQ(standing(id), Standing::rehearsing) << "what has begun is finished";
  world_.commit(id);
  EXPECT_EQ(wanted(id), "reader@1");
  EXPECT_EQ(world_.status("r").waves[0].devices, 1u);
  EXPECT_THAT(why(id), HasSubstr("it is no target"));
  auto other = World::rule("other", "device.region == \"fr\"", {{Plane::model, "reader", "2"}}, {made.waves[1]});
  start_rule(other);
  EXPECT_EQ(wanted(id), "reader@2") << "its planes are free for others";
}

TEST_F(Rehearsals, TheFailureOfOneThatAnOperatorHasAcceptedHoldsNothingUp) {
  start_two();
  world_.commit(a_);
  world_.roll_back(a_, "slot_damaged", "");
  take_all_steps(b_);
  world_.command(ResumeRollout{"r", true});
  world_.commit(b_);
  world_.commit(b_);
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_EQ(standing(a_), Standing::failed);
}

TEST_F(Rehearsals, ItGoesOnAfterARestartFromWhereverItWas) {
  start_two();
  for (const auto& id : {a_, b_}) {
    for (int i = 0; i < 3; ++i) {
      world_.restart();
      world_.commit(id);
    }
  }
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_EQ(reached().size(), 4u);
}

TEST_F(Rehearsals, ARestartWhileItWaitsForItsTurnChangesNothing) {
  start_two();
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  world_.restart();
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  world_.command(ResumeRollout{"r"});
  EXPECT_EQ(wanted(a_), "reader@1");
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  world_.restart();
  world_.command(ResumeRollout{"r"});
  EXPECT_EQ(wanted(a_), "reader@2");
}

TEST_F(Rehearsals, OneThatWasAwayOverARestartGoesOn) {
  start_two();
  world_.commit(a_);
  world_.lose(a_);
  world_.tick(60);
  world_.restart();
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  world_.see(a_);
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@2");
}

TEST_F(Rehearsals, BothWaysKeepToThePace) {
  join(4);
  auto made = rule(2);
  made.pace.at_once = 1;
  start_rule(made);
  world_.tick(1);
  ASSERT_EQ(reached().size(), 1u);
  const auto first = reached()[0];
  world_.commit(first);
  EXPECT_EQ(wanted(first), "reader@2") << "it waits for its turn";
  std::size_t most = 0;
  for (int i = 0; i < 40; ++i) {
    world_.tick(1);
    std::size_t working = 0;
    for (const auto& id : reached()) {
      const auto& device = world_.devices[id];
      if (device.report.attempt_epoch != device.assigned->epoch) ++working;
    }
    most = std::max(most, working);
    commit_reached();
  }
  EXPECT_EQ(most, 1u);
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(Rehearsals, BothWaysKeepToTheWindow) {
  join(4);
  auto made = rule(1);
  made.attempt_timeout_s = 7200;
  made.windows.push_back({all_days, 0, 60});  // 00:00 to 01:00 UTC
  start_rule(made);
  world_.tick(86'400 - world_.now_s % 86'400);
  ASSERT_EQ(reached().size(), 1u);
  const auto id = reached()[0];
  world_.tick(3700);
  world_.commit(id);
  EXPECT_EQ(wanted(id), "reader@2") << "the window has closed";
  EXPECT_THAT(says(), AllOf(HasSubstr(id + " waits to go back"), HasSubstr("maintenance window")));
  EXPECT_THAT(why(id), HasSubstr("it was done and is to go back, and its window opens"));
  world_.restart();
  world_.tick(86'400 - world_.now_s % 86'400);
  EXPECT_EQ(wanted(id), "reader@1");
  world_.tick(3700);
  world_.commit(id);
  EXPECT_EQ(wanted(id), "reader@1");
  EXPECT_THAT(says(), HasSubstr(id + " has gone back and waits to go forward again"));
  world_.tick(86'400 - world_.now_s % 86'400);
  EXPECT_EQ(wanted(id), "reader@2");
}

// Somebody else's step comes in the same moment, by pace or by the end of a pause: the failure is first.
TEST_F(Rehearsals, AnEarlierReleaseThatIsFrozenMeanwhileHaltsBeforeAnybodyIsAssigned) {
  start_two();
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  world_.commit(b_);
  world_.command(order("device/" + b_, OrderKind::freeze));
  const auto effects = world_.command(ResumeRollout{"r"});
  EXPECT_TRUE(World::assigned_in(effects).empty());
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  EXPECT_EQ(standing(b_), Standing::failed);
  EXPECT_EQ(state(), RolloutState::halted);
}

TEST_F(Rehearsals, OneThatChangesWhileItWaitsToGoBackHasFailed) {
  start_two();
  world_.command(PauseRollout{"r"});
  world_.commit(a_);
  world_.devices[a_].report.active[1] = world_.release("reader@1").manifest;
  world_.report(a_);
  EXPECT_EQ(standing(a_), Standing::failed);
  EXPECT_THAT(error(), HasSubstr("regressed"));
}

}  // namespace
}  // namespace muster::rules::test
