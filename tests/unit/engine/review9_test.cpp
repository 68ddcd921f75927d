// Findings of a review of holds, shadows and priorities where they meet.
#include <gmock/gmock.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Review : public Exclude {
 protected:
  Review() {
    world_.add_release(Plane::model, "reader", "3");
    for (const auto* version : {"1", "2"}) world_.add_release(Plane::config, "sorter", version);
    world_.known("reader@2").shadow = true;
  }
  static Wave wave(const std::string& name, std::uint32_t percent, HoldPoint hold = HoldPoint::none) {
    Wave made;
    made.name = name;
    made.percent = percent;
    made.hold = hold;
    return made;
  }
  static Rule model(const std::string& name, const std::string& version, std::uint32_t priority = 0,
                    const std::string& targets = "true") {
    auto rule = World::rule(name, targets, {{Plane::model, "reader", version}}, {wave("all", 100)});
    rule.priority = priority;
    rule.halt_failed_devices = 3;
    return rule;
  }
  static Rule config(std::uint32_t priority = 0) {
    auto rule = World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {wave("all", 100)});
    rule.priority = priority;
    rule.halt_failed_devices = 3;
    return rule;
  }
  static Rule held(HoldPoint hold) {
    auto rule = model("r", "2");
    rule.waves[0].hold = hold;
    rule.attempt_timeout_s = 600;
    return rule;
  }
  static Rule shadow() {
    auto rule = model("r", "2");
    rule.shadow = true;
    rule.waves[0].soak_s = 3600;
    return rule;
  }
  void start_rule(const Rule& rule) {
    const auto effects = world_.start(rule);
    ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  }
  void fail(const std::string& id, const std::string& error) {
    auto& report = world_.devices[id].report;
    report.attempt = AttemptState::failed;
    report.attempt_epoch = world_.devices[id].assigned->epoch;
    report.attempt_error = error;
    world_.report(id);
  }
  void commit_all() {
    for (const auto& [id, device] : world_.devices) world_.commit(id);
  }
  [[nodiscard]] HoldPoint told(const std::string& id) { return world_.devices[id].assigned->hold; }
  [[nodiscard]] std::string given(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->releases)
      text += (text.empty() ? "" : " ") + world_.release_name(digest);
    return text;
  }
  [[nodiscard]] std::string in_shadow(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->shadow) text += world_.release_name(digest);
    return text;
  }
  [[nodiscard]] RolloutStatus status(const std::string& name = "r") { return world_.status(name); }
};

// --- holds ---

TEST_F(Review, WhoWaitedForAnotherRolloutHoldsAsItsWaveSays) {
  join(2);
  start_rule(held(HoldPoint::before_swap));
  start_rule(model("fix", "3", 5));
  world_.command(AbortRollout{"fix", AbortMode::revert});
  commit_all();
  ASSERT_EQ(wanted("d000"), "reader@2");
  EXPECT_EQ(told("d000"), HoldPoint::before_swap);
}

// The wave passes without d-away, whom nobody has let go, and the rollout completes.
TEST_F(Review, AHoldStandsAlsoWhereTheWaveHasPassedAndTheRolloutCompleted) {
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

TEST_F(Review, WhatWasHeldBackIsNotWhatAnotherRolloutGoesBackTo) {
  join(2);
  start_rule(held(HoldPoint::before_commit));
  for (const auto* id : {"d000", "d001"}) world_.go_on(id);
  ASSERT_EQ(running("d000"), "reader@2");
  ASSERT_EQ(standing("d000"), Standing::holding);
  start_rule(model("fix", "3", 5));
  world_.command(AbortRollout{"fix", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@1") << "nobody let reader@2 go on";
}

TEST_F(Review, OneThatComesToItsHoldTooLateIsHeldAndReleasedAsTheOthers) {
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

TEST_F(Review, WhatFailedInAHeldWaveIsNotGivenAgainByItsRelease) {
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

TEST_F(Review, TheTimeInAHoldIsNotThatOfTheAttemptThatFollowsIt) {
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

TEST_F(Review, AReleaseThatChangesNothingGivesNothing) {
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

// The way back is a matter of minutes, whoever has yet to let go another plane.
TEST_F(Review, AHoldOfAnotherRolloutKeepsNobodyFromGoingBack) {
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

// --- priorities ---

TEST_F(Review, AVersionSetOfWhichOnePlaneIsTakenComesWholeOrNotAtAll) {
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

TEST_F(Review, AnAbortedReleaseDoesNotComeBackWithTheAbortOfTheFix) {
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

TEST_F(Review, OneThatHasCompletedTakesUpAgainWhatTheFixGaveBack) {
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

TEST_F(Review, WhoEndedBeforeTheFixBeganTakesNothingBackFromIt) {
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

TEST_F(Review, ItsSentenceNamesTheOlderRolloutThatHasItsDevicesForGood) {
  join(1);
  start_rule(model("fix", "3", 5, "device.region == \"fr\""));
  start_rule(model("r", "2"));
  move("d000", "fr");
  world_.tick(60);
  world_.commit("d000");
  ASSERT_EQ(status("fix").state, RolloutState::completed);
  EXPECT_THAT(status().waiting_for,
              HasSubstr("d000 of wave all (100 %) got other versions from rollout fix, which is completed"));
}

TEST_F(Review, AFailureOfATakenDeviceStaysCountedWhenItIsCancelledOrLeaves) {
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

TEST_F(Review, DevicesThatAreTakenHaltNobodyByTheirAbsence) {
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

TEST_F(Review, ARehearsalGoesOnWhenTheFixLetsItsDeviceGo) {
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

// --- shadows ---

TEST_F(Review, AFixOnAnotherPlaneEndsAShadowEarly) {
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

TEST_F(Review, AShadowThatIsOverKeepsItsResultAndOneThatWasEndedBeginsAnew) {
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

TEST_F(Review, AShadowThatIsOverKeepsNoOperatorFromAnOverride) {
  join(1);
  start_rule(shadow());
  world_.attempt("d000", AttemptState::committed);
  const auto effects = world_.command(OverrideDevice{"d000", world_.release("sorter@2")});
  EXPECT_TRUE(World::accepted(effects)) << World::reply(effects);
}

TEST_F(Review, WhoWaitedForAShadowThatIsNotTriedAgainGetsItsVersions) {
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
