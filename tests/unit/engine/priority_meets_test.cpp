// What meets a rollout that takes devices from others, or one that runs in the shadow: whom they give back, what stays
// counted, and who waited for them.
#include <gmock/gmock.h>

#include "tests/unit/engine/meeting_fleet.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;

class FixesMeet : public MeetingFleet {};

TEST_F(FixesMeet, AVersionSetOfWhichOnePlaneIsTakenComesWholeOrNotAtAll) {
  join(2);
  for (const auto* id : {"d000", "d001"}) {
    world_.devices[id].report.active[2] = world_.release("sorter@1").manifest;
    world_.report(id);
  }
  auto both = held(HoldPoint::before_swap);
  both.versions.push_back({Plane::config, "sorter", "2"});
  start_rule(both);
  world_.go_on("d000");
  ASSERT_EQ(given("d000"), "reader@2 sorter@2");
  start_rule(model("fix", "3", 5));
  EXPECT_EQ(given("d000"), "reader@3 sorter@1") << "what was held back comes with no other rollout";
  commit_all();
  EXPECT_EQ(status("fix").state, RolloutState::completed);
}

TEST_F(FixesMeet, AnAbortedReleaseDoesNotComeBackWithTheAbortOfTheFix) {
  join(2);
  auto plain = model("r", "2");
  plain.waves[0].gate = Gate::manual;
  start_rule(plain);
  commit_all();
  start_rule(model("fix", "3", 5));
  commit_all();
  ASSERT_EQ(status("fix").state, RolloutState::completed);
  world_.command(AbortRollout{"r", AbortMode::revert});
  world_.restart();
  world_.command(AbortRollout{"fix", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1");
}

TEST_F(FixesMeet, OneThatHasCompletedTakesUpAgainWhatTheFixGaveBack) {
  join(4);
  start_rule(model("r", "2"));
  start_rule(model("fix", "3", 5, "device.region == \"de\""));
  for (const auto* id : {"d001", "d003"}) world_.commit(id);
  ASSERT_EQ(state(), RolloutState::completed);
  world_.command(AbortRollout{"fix", AbortMode::revert});
  for (const auto* id : {"d000", "d002"}) world_.commit(id);
  EXPECT_EQ(wanted("d000"), "reader@2") << why("d000");
  for (const auto* id : {"d000", "d002"}) world_.commit(id);
  EXPECT_EQ(status().done, 4u);
}

TEST_F(FixesMeet, WhoEndedBeforeTheFixBeganTakesNothingBackFromIt) {
  join(2);
  start_rule(model("r", "2"));
  commit_all();
  ASSERT_EQ(state(), RolloutState::completed);
  world_.tick(10);
  start_rule(model("fix", "3", 5));
  commit_all();
  world_.command(AbortRollout{"fix", AbortMode::keep});
  world_.tick(10);
  move("d000", "fr");
  EXPECT_EQ(wanted("d000"), "reader@3");
}

// What it last reported to run is what an operator has taken back (simulated world 9982).
TEST_F(FixesMeet, WhoHasAWayBackBeforeItIsNotTakenForOneThatRanWhatItIsToLeave) {
  join(2);
  start_rule(model("r", "2"));
  commit_all();
  world_.lose("d000");
  world_.command(AbortRollout{"r", AbortMode::revert});
  world_.commit("d001");
  world_.tick(120);
  ASSERT_EQ(state(), RolloutState::aborted);
  ASSERT_EQ(running("d000"), "reader@2");
  start_rule(model("next", "3"));
  ASSERT_EQ(wanted("d000"), "reader@3");
  world_.restart();
  world_.command(AbortRollout{"next", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1");
}

// The first that took it left out the set that it was on probation with, and a second takes the other plane before the
// device has heard of that (simulated world 1775).
TEST_F(FixesMeet, WhatADeviceWasToldToLeaveIsNoWayBackForAThirdRollout) {
  world_.add_release(Plane::config, "sorter", "3");
  join(1);
  auto& device = world_.devices["d000"];
  device.report.active[2] = world_.release("sorter@1").manifest;
  world_.report("d000");
  auto both = model("r", "2");
  both.versions.push_back({Plane::config, "sorter", "2"});
  start_rule(both);
  device.report.active[1] = world_.release("reader@2").manifest;
  device.report.active[2] = world_.release("sorter@2").manifest;
  world_.attempt("d000", AttemptState::soaking);
  start_rule(model("fix", "3", 5));
  ASSERT_EQ(given("d000"), "reader@3 sorter@1");
  auto third = config(9);
  third.versions[0].version = "3";
  start_rule(third);
  ASSERT_EQ(given("d000"), "reader@3 sorter@3");
  world_.restart();
  world_.command(AbortRollout{"c", AbortMode::revert});
  EXPECT_EQ(given("d000"), "reader@3 sorter@1");
}

// It runs the fix's version still when it is given back (simulated world 6859).
TEST_F(FixesMeet, WhoComesBackFromAnAbortedFixGoesBackToWhatRanBeforeBoth) {
  join(2);
  auto plain = model("r", "2");
  plain.waves[0].gate = Gate::manual;
  start_rule(plain);
  commit_all();
  start_rule(model("fix", "3", 5));
  commit_all();
  ASSERT_EQ(running("d000"), "reader@3");
  world_.command(AbortRollout{"fix", AbortMode::keep});
  ASSERT_EQ(wanted("d000"), "reader@2");
  world_.restart();
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1");
}

TEST_F(FixesMeet, ItsSentenceNamesTheOlderRolloutThatHasItsDevicesForGood) {
  join(1);
  start_rule(model("fix", "3", 5, "device.region == \"fr\""));
  start_rule(model("r", "2"));
  move("d000", "fr");
  world_.tick(60);
  world_.commit("d000");
  ASSERT_EQ(status("fix").state, RolloutState::completed);
  EXPECT_THAT(status().waiting_for, HasSubstr("d000 of wave all (100 %) got other versions from the rollout fix, which "
                                              "has a higher priority and is completed"));
}

TEST_F(FixesMeet, AFailureOfATakenDeviceStaysCountedWhenItIsCancelledOrLeaves) {
  join(4);
  start_rule(model("r", "2", 0, "device.region != \"fr\""));
  for (const auto* id : {"d000", "d002"}) world_.roll_back(id, "probe_failed", "");
  start_rule(model("fix", "3", 5, "device.region in [\"de\", \"fr\"]"));
  ASSERT_EQ(wanted("d000"), "reader@3");
  ASSERT_EQ(status().failed, 2u);
  cancel("d000");
  EXPECT_EQ(status().failed, 2u);
  move("d002", "fr");
  EXPECT_EQ(status().failed, 2u);
  world_.restart();
  EXPECT_EQ(status().failed, 2u);
  world_.roll_back("d001", "probe_failed", "");
  EXPECT_EQ(state(), RolloutState::halted);
}

// An operator accepts the failures of devices that have been given something else since: nobody waits for them any
// more.
TEST_F(FixesMeet, FailuresOfDevicesThatHaveLeftCanBeAccepted) {
  for (const bool restart : {false, true}) {
    world_ = World();
    for (const auto* version : {"1", "2", "3"}) world_.add_release(Plane::model, "reader", version);
    join(2);
    start_rule(model("r", "2"));
    for (const auto* id : {"d000", "d001"}) {
      world_.roll_back(id, "probe_failed", "");
      ASSERT_TRUE(World::accepted(world_.command(OverrideDevice{id, world_.release("reader@3")})));
    }
    ASSERT_EQ(state(), RolloutState::running);
    ASSERT_THAT(status().waiting_for, testing::HasSubstr("resume with the failures acknowledged"));
    ASSERT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
    if (restart) world_.restart();
    EXPECT_EQ(state(), RolloutState::completed) << status().waiting_for;
    EXPECT_EQ(status().failed, 2u);
  }
}

TEST_F(FixesMeet, DevicesThatAreTakenHaltNobodyByTheirAbsence) {
  join(4);
  auto plain = model("r", "2");
  plain.halt_failed_devices = 0;
  plain.halt_failed_ppm = 500'000;
  start_rule(plain);
  world_.roll_back("d000", "probe_failed", "");
  start_rule(model("fix", "3", 5));
  EXPECT_EQ(state(), RolloutState::running) << status().waiting_for;
  EXPECT_EQ(status().reached, 4u);
}

TEST_F(FixesMeet, WhatHaltsAtTheMomentInWhichAnotherEndsTakesNobodyFromItFirst) {
  join(4);
  start_rule(model("r", "2", 0, "device.region == \"de\""));
  for (const auto* id : {"d000", "d002"}) world_.commit(id);
  world_.command(AbortRollout{"r", AbortMode::revert});
  auto fix = model("fix", "3", 5);
  fix.halt_failed_devices = 2;
  start_rule(fix);
  ASSERT_EQ(world_.assigned_by("fix").size(), 2u);
  world_.tick(3600);
  EXPECT_EQ(state(), RolloutState::aborted);
  EXPECT_EQ(status("fix").state, RolloutState::halted);
  EXPECT_EQ(world_.assigned_by("fix").size(), 2u);
}

TEST_F(FixesMeet, ARehearsalGoesOnWhenTheFixLetsItsDeviceGo) {
  join(2);
  auto plain = model("r", "2");
  Wave first;
  first.name = "rehearsal";
  first.devices = 1;
  first.rehearse = true;
  plain.waves.insert(plain.waves.begin(), first);
  start_rule(plain);
  const auto id = reached()[0];
  world_.command(PauseRollout{"r"});
  world_.commit(id);
  world_.known("reader@3").reach = Reach::development;
  start_rule(model("fix", "3", 5));
  world_.command(ResumeRollout{"r"});
  ASSERT_EQ(wanted(id), "reader@2");
  world_.command(CancelDevice{"fix", id, false});
  EXPECT_EQ(wanted(id), "reader@1") << why(id);
}

// A restart found it in its place once more, beside what it had done there.
TEST_F(FixesMeet, OneThatIsReadmittedAndNoTargetIsCountedOnceAfterARestart) {
  join(2);
  start_rule(model("r", "2", 0, "device.region != \"fr\""));
  for (const auto* id : {"d000", "d001"}) world_.commit(id);
  cancel("d000");
  move("d000", "fr");
  readmit("d000");
  const auto reached = status().reached;
  world_.restart();
  EXPECT_EQ(status().reached, reached);
}

TEST_F(FixesMeet, AFixOnAnotherPlaneEndsAShadowEarly) {
  join(1);
  start_rule(shadow());
  world_.attempt("d000", AttemptState::shadowing);
  start_rule(config(5));
  EXPECT_EQ(in_shadow("d000"), "");
  EXPECT_EQ(given("d000"), "sorter@2");
  EXPECT_EQ(standing("d000"), Standing::held_by_other);
  world_.commit("d000");
  EXPECT_EQ(in_shadow("d000"), "reader@2");
}

TEST_F(FixesMeet, AShadowThatIsOverKeepsItsResultAndOneThatWasEndedBeginsAnew) {
  join(2);
  auto rule = shadow();
  rule.waves[0].gate = Gate::manual;  // or it completes without d001
  start_rule(rule);
  world_.attempt("d001", AttemptState::shadowing);
  world_.attempt("d000", AttemptState::committed);
  start_rule(model("fix", "3", 1));
  ASSERT_EQ(wanted("d000"), "reader@3");
  EXPECT_EQ(standing("d000"), Standing::done);
  EXPECT_EQ(standing("d001"), Standing::held_by_other);
  commit_all();
  ASSERT_EQ(status("fix").state, RolloutState::completed);
  EXPECT_EQ(in_shadow("d001"), "reader@2") << why("d001");
  world_.attempt("d001", AttemptState::committed);
  EXPECT_EQ(status().done, 2u);
}

TEST_F(FixesMeet, AShadowThatIsOverKeepsNoOperatorFromAnOverride) {
  join(1);
  start_rule(shadow());
  world_.attempt("d000", AttemptState::committed);
  const auto effects = world_.command(OverrideDevice{"d000", world_.release("sorter@2")});
  EXPECT_TRUE(World::accepted(effects)) << World::reply(effects);
}

TEST_F(FixesMeet, WhoWaitedForAShadowThatIsNotTriedAgainGetsItsVersions) {
  for (const bool by_stop : {false, true}) {
    SCOPED_TRACE(by_stop);
    world_ = World();
    for (const auto* version : {"1", "2"}) {
      world_.add_release(Plane::model, "reader", version);
      world_.add_release(Plane::config, "sorter", version);
    }
    world_.known("reader@2").shadow = true;
    join(2);
    auto rule = shadow();
    rule.targets_text = "device.region != \"fr\"";
    rule.targets = World::compile(rule.targets_text);
    rule.retry.attempts = 3;
    rule.retry.wait_s = 600;
    start_rule(rule);
    fail("d000", "fetch_failed");
    ASSERT_EQ(standing("d000"), Standing::retrying);
    start_rule(config());
    ASSERT_EQ(standing("d000", "c"), Standing::held_by_other);
    if (by_stop) {
      stop("region=de");
    } else {
      move("d000", "fr");
      world_.tick(1000);
    }
    EXPECT_EQ(standing("d000", "c"), Standing::assigned);
  }
}

}  // namespace
}  // namespace muster::rules::test
