// The rehearsal of the way back: each device of the first wave takes the versions, goes back and takes them again
// before anybody else gets them; what fails on the way, and what it means to states of releases and to guardrails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/rehearsal_fleet.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(Rehearsals, EachDeviceGoesForwardBackAndForwardAgainBeforeTheNextWave) {
  start_two(60);
  EXPECT_EQ(wanted(a_), "reader@2");
  EXPECT_EQ(world_.devices[a_].assigned->soak_s, 60u);

  auto effects = world_.commit(a_);
  EXPECT_EQ(World::count_audits(effects, audit::device_rehearsing_back), 1u);
  EXPECT_EQ(wanted(a_), "reader@1");
  EXPECT_EQ(world_.devices[a_].assigned->soak_s, 0u) << "the way back has no soak";
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  EXPECT_EQ(world_.status("r").done, 0u);
  EXPECT_EQ(world_.status("r").rehearsing, 1u);
  EXPECT_EQ(world_.status("r").waves[0].rehearsing, 1u);
  EXPECT_EQ(says(), "wave rehearsal: 0 of 2 devices have gone back and forward again; " + b_ +
                        " goes forward the first time; " + a_ + " goes back");
  EXPECT_THAT(why(a_), AllOf(HasSubstr("as its rehearsal asks"), HasSubstr("has not reported that it took it")));

  effects = world_.commit(a_);
  EXPECT_EQ(World::count_audits(effects, audit::device_rehearsing_forth), 1u);
  EXPECT_EQ(wanted(a_), "reader@2");
  EXPECT_EQ(world_.devices[a_].assigned->soak_s, 60u);
  EXPECT_EQ(standing(a_), Standing::assigned);
  EXPECT_THAT(says(), HasSubstr(a_ + " goes forward again"));
  EXPECT_THAT(why(a_), HasSubstr("the second time in its rehearsal"));

  effects = world_.commit(a_);
  EXPECT_EQ(World::count_audits(effects, audit::device_rehearsed), 1u);
  EXPECT_EQ(standing(a_), Standing::done);
  EXPECT_EQ(says(),
            "wave rehearsal: 1 of 2 devices has gone back and forward again; " + b_ + " goes forward the first time");
  EXPECT_EQ(reached().size(), 2u) << "nobody else, before the other one has";

  take_all_steps(b_);
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_EQ(reached().size(), 4u);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed) << "the others do not rehearse";
}

TEST_F(Rehearsals, AnEarlierReportOfTheFirstWayIsNoSecond) {
  start_two();
  const auto first_epoch = world_.devices[a_].assigned->epoch;
  world_.commit(a_);
  for (int i = 0; i < 3; ++i) {  // it repeats itself, and has not begun to go back
    world_.devices[a_].report.attempt_epoch = first_epoch;
    const auto effects = world_.report(a_);
    EXPECT_TRUE(World::assigned_in(effects).empty());
  }
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  EXPECT_EQ(world_.status("r").done, 0u);
}

TEST_F(Rehearsals, WhatMayNotGoBackHasFailed) {
  join(4);
  auto secure = world_.add_release(Plane::model, "reader", "3", 5);
  auto made = rule(2);
  made.versions[0].version = "3";
  start_rule(made);
  const auto id = reached()[0];
  auto older = rule(1);  // so that the engine knows the security version of what devices ran
  world_.devices[id].report.security_floor[1] = 5;
  world_.known("reader@1").security_version = 1;
  older.rollout = "older";
  older.targets_text = "device.region == \"nowhere\"";
  older.targets = World::compile(older.targets_text);
  older.versions[0].version = "1";
  start_rule(older);

  const auto effects = world_.commit(id);
  EXPECT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_EQ(standing(id), Standing::failed);
  EXPECT_THAT(error(), AllOf(HasSubstr("rehearsal_failed: plane model cannot go back"),
                             HasSubstr("security version 1, under the device's floor of 5")));
  EXPECT_EQ(state(), RolloutState::halted);
  EXPECT_EQ(wanted(id), "reader@3") << "it keeps what it runs";
  EXPECT_EQ(World::count_audits(world_.commit(id), audit::device_failed), 0u) << "told once";
}

TEST_F(Rehearsals, AFrozenEarlierReleaseIsAFailureUntilItIsThawed) {
  start_two();
  world_.command(order("fleet", OrderKind::freeze));
  world_.commit(a_);
  EXPECT_THAT(error(),
              HasSubstr("rehearsal_failed: plane model cannot go back: its earlier release reader@1 is frozen"));
  EXPECT_EQ(state(), RolloutState::halted);
  world_.command(order("fleet", OrderKind::thaw));
  const auto effects = world_.commit(a_);
  EXPECT_EQ(World::count_audits(effects, audit::device_recovered), 1u);
  EXPECT_EQ(world_.status("r").failed, 0u);
  EXPECT_EQ(wanted(a_), "reader@2") << "halted: nobody is sent anywhere";
  world_.command(ResumeRollout{"r", true});
  EXPECT_EQ(wanted(a_), "reader@1") << "it goes on where it stood";
}

TEST_F(Rehearsals, AFailedWayBackHaltsAndOneThatEndsWellAfterAllGoesOn) {
  start_two();
  world_.commit(a_);
  world_.roll_back(a_, "slot_damaged", "the earlier slot does not match its digest");
  EXPECT_EQ(error(), "rehearsal_failed: on its way back: slot_damaged: the earlier slot does not match its digest");
  EXPECT_EQ(standing(a_), Standing::failed);
  EXPECT_EQ(world_.status("r").rolled_back, 0u) << "it is on the new version";
  EXPECT_EQ(state(), RolloutState::halted);
  world_.commit(a_);  // an operator mended it
  EXPECT_EQ(world_.status("r").failed, 0u);
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  EXPECT_THAT(why(a_), HasSubstr("it has gone back and is to go forward again, and the rollout is halted"));
  world_.command(ResumeRollout{"r", true});
  EXPECT_EQ(wanted(a_), "reader@2");
}

TEST_F(Rehearsals, AnAttemptToGoBackTimesOutAsOthersDo) {
  start_two();
  world_.commit(a_);
  world_.tick(3599);
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  world_.tick(1);
  EXPECT_EQ(standing(a_), Standing::failed);
  EXPECT_THAT(error(), HasSubstr("attempt_timeout"));
}

TEST_F(Rehearsals, ASecondWayForwardThatFailsIsARehearsalThatFailed) {
  start_two();
  world_.commit(a_);
  world_.commit(a_);
  const auto effects = world_.roll_back(a_, "probe_failed", "exit code 3");
  EXPECT_EQ(error(), "rehearsal_failed: on its second way forward: probe_failed: exit code 3");
  EXPECT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_EQ(world_.status("r").rolled_back, 1u);
  EXPECT_EQ(state(), RolloutState::halted);
}

TEST_F(Rehearsals, AFirstWayForwardThatFailsIsAFailureOfTheRelease) {
  start_two();
  world_.roll_back(a_, "probe_failed", "exit code 3");
  EXPECT_EQ(error(), "probe_failed: exit code 3");
}

TEST_F(Rehearsals, RetriesAreForTheWaysForward) {
  join(4);
  auto made = rule(1);
  made.retry.attempts = 3;
  made.retry.wait_s = made.retry.wait_max_s = 60;
  start_rule(made);
  const auto id = reached()[0];
  world_.roll_back(id, "fetch_failed", "");
  EXPECT_EQ(standing(id), Standing::retrying);
  for (int i = 0; i < 60; ++i) world_.tick(1);
  world_.commit(id);
  EXPECT_EQ(standing(id), Standing::rehearsing);
  world_.commit(id);
  world_.roll_back(id, "fetch_failed", "");
  EXPECT_EQ(standing(id), Standing::retrying) << "the second way forward too, and from the first attempt on";
  EXPECT_THAT(why(id), HasSubstr("attempt 1 of 3 failed"));
  for (int i = 0; i < 60; ++i) world_.tick(1);
  world_.commit(id);
  EXPECT_EQ(world_.status("r").wave, 1u);
}

TEST_F(Rehearsals, AWayBackIsNotTriedAgain) {
  join(4);
  auto made = rule(1);
  made.retry.attempts = 3;
  start_rule(made);
  const auto id = reached()[0];
  world_.commit(id);
  world_.roll_back(id, "fetch_failed", "");
  EXPECT_EQ(standing(id), Standing::failed);
}

TEST_F(Rehearsals, OneThatIsUnreachableInTheMiddleHoldsNothingUpAndGoesOnWhenItComesBack) {
  start_two();
  world_.commit(a_);
  world_.lose(a_);
  world_.tick(60);
  EXPECT_EQ(standing(a_), Standing::unreachable);
  take_all_steps(b_);
  EXPECT_EQ(world_.status("r").wave, 1u);
  world_.see(a_);
  EXPECT_EQ(standing(a_), Standing::rehearsing);
  world_.commit(a_);
  EXPECT_EQ(wanted(a_), "reader@2") << "its wave has passed, and it is not left behind";
  world_.commit(a_);
  EXPECT_EQ(standing(a_), Standing::done);
}

TEST_F(Rehearsals, AllOfThemUnreachableHoldTheRollout) {
  start_two();
  for (const auto& id : {a_, b_}) {
    world_.commit(id);
    world_.lose(id);
  }
  world_.tick(60);
  EXPECT_EQ(world_.status("r").wave, 0u);
  EXPECT_THAT(says(), HasSubstr("all devices of wave rehearsal (2 devices) are unreachable"));
}

TEST_F(Rehearsals, WhoJoinsTheWaveOnceItHasPassedDoesNotRehearse) {
  join(3);
  auto made = rule(3);
  start_rule(made);
  for (const auto& id : reached()) take_all_steps(id);
  ASSERT_EQ(state(), RolloutState::completed);
  join(8);
  for (const auto& id : reached()) {
    if (world_.devices[id].report.attempt_epoch == world_.devices[id].assigned->epoch) continue;
    world_.commit(id);
    EXPECT_EQ(standing(id), Standing::done) << id;
  }
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(Rehearsals, GuardrailsMeasureAfterTheSecondWayAndTheRehearsalWaitsForNoVerdict) {
  join(40);
  auto made = rule(2);
  Wave half = made.waves[1];
  half.name = "half";
  half.percent = 50;
  made.waves.insert(made.waves.begin() + 1, half);
  made.guardrails = {rail_};
  made.baseline_window_s = 0;
  start_rule(made);
  const auto ids = reached();
  for (int step = 0; step < 2; ++step) {
    for (const auto& id : ids) world_.commit(id);
    world_.tick(window_s);
    for (const auto& id : ids) say(id, 90);  // as bad as can be, and nobody's vote
    EXPECT_EQ(verdict().voted, 0u);
  }
  for (const auto& id : ids) world_.commit(id);
  EXPECT_EQ(world_.status("r").wave, 1u) << "two devices are no verdict, and none is asked for";
  world_.tick(window_s);
  for (const auto& id : ids) say(id, 20);
  EXPECT_EQ(verdict().voted, 2u) << "what they measure counts with the next wave's";
  commit_reached();
  EXPECT_EQ(world_.status("r").wave, 1u) << "which is judged";
}

TEST_F(Rehearsals, TwoPlanesGoBackInTheOppositeOrder) {
  world_.add_release(Plane::config, "sorter", "1");
  world_.add_release(Plane::config, "sorter", "2");
  join(2);
  auto made = rule(1);
  made.versions.push_back({Plane::config, "sorter", "2"});
  start_rule(made);
  const auto id = reached()[0];
  EXPECT_EQ(world_.devices[id].assigned->releases.at(0).first, Plane::model);
  world_.commit(id);
  ASSERT_EQ(world_.devices[id].assigned->releases.size(), 2u);
  EXPECT_EQ(world_.devices[id].assigned->releases.at(0).first, Plane::config);
  EXPECT_EQ(world_.release_name(world_.devices[id].assigned->releases.at(0).second), "empty");
}

// --- the state of a release ---

TEST_F(Rehearsals, ACandidateDoesTheRehearsalAndTheWaveAfterIt) {
  join(10);
  world_.known("reader@2").reach = Reach::candidate;
  auto made = rule(1);
  Wave ten = made.waves[1];
  ten.name = "canary";
  ten.percent = 20;
  Wave half = ten;
  half.name = "half";
  half.percent = 50;
  made.waves = {made.waves[0], ten, half, made.waves[1]};
  start_rule(made);
  take_all_steps(reached()[0]);
  EXPECT_EQ(world_.status("r").wave, 1u);
  ASSERT_EQ(reached().size(), 2u);
  commit_reached();
  EXPECT_THAT(says(), HasSubstr("wave half (50 %) waits for the state of reader@2"));
}

TEST_F(Rehearsals, ARehearsalOfAllDevicesNeedsAPromotedRelease) {
  join(2);
  world_.known("reader@2").reach = Reach::canary;
  start_rule(rule(2));
  EXPECT_THAT(says(), HasSubstr("takes everybody needs promoted"));
}

}  // namespace
}  // namespace muster::rules::test
