// Waves whose devices hold before the swap or the commit, until an operator lets them go on.
#include <gmock/gmock.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Holds : public Exclude {
 protected:
  Holds() {
    world_.add_release(Plane::config, "sorter", "1");
    world_.add_release(Plane::config, "sorter", "2");
  }
  void start_held(HoldPoint hold, std::uint64_t attempts = 1) {
    Wave first;
    first.name = "first";
    first.percent = 50;
    first.soak_s = 300;
    first.hold = hold;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
    rule.halt_failed_devices = 3;
    rule.attempt_timeout_s = 600;
    rule.retry.attempts = static_cast<std::uint32_t>(attempts);
    rule.retry.wait_s = 60;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
    for (const auto& id : reached()) held_.push_back(id);
  }
  std::vector<Effect> release(const std::string& wave = {}) {
    return world_.command(ReleaseHold{"r", wave}, "alice", "line 3 stands still");
  }
  void to_hold(const std::string& id) {
    auto& device = world_.devices[id];
    const auto hold = device.assigned->hold;
    if (hold == HoldPoint::before_commit) {
      for (const auto& [plane, digest] : device.assigned->releases)
        device.report.active[static_cast<std::size_t>(plane)] = digest;
    }
    world_.attempt(id, hold == HoldPoint::before_swap ? AttemptState::staged : AttemptState::held);
  }
  void all_to_hold() {
    for (const auto& id : held_) to_hold(id);
  }
  [[nodiscard]] HoldPoint told(const std::string& id) { return world_.devices[id].assigned->hold; }
  [[nodiscard]] std::string waits_for() { return world_.status("r").waiting_for; }

  std::vector<std::string> held_;  // of the first wave
};

TEST_F(Holds, TheWaveWaitsHoweverLongAndGoesOnWhenItIsReleased) {
  for (const auto hold : {HoldPoint::before_swap, HoldPoint::before_commit}) {
    SCOPED_TRACE(name_of(hold));
    world_ = World();
    held_.clear();
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    join(4);
    start_held(hold);
    ASSERT_EQ(held_.size(), 2u);
    EXPECT_EQ(told(held_[0]), hold);
    all_to_hold();
    EXPECT_EQ(standing(held_[0]), Standing::holding);
    world_.tick(10 * 86'400);
    EXPECT_EQ(world_.status("r").holding, 2u);
    EXPECT_EQ(world_.status("r").failed, 0u);
    EXPECT_EQ(reached().size(), 2u);
    EXPECT_THAT(waits_for(), AllOf(HasSubstr("2 devices of wave first (50 %) hold before the "),
                                   HasSubstr("'musterctl rollout release r' lets them go on")));
    EXPECT_THAT(why(held_[0]), HasSubstr("'musterctl rollout release r' lets it go on"));
    const auto epoch = world_.devices[held_[0]].assigned->epoch;
    const auto releases = world_.devices[held_[0]].assigned->releases;
    const auto effects = release();
    EXPECT_THAT(World::reply(effects), HasSubstr("2 devices hold before the"));
    EXPECT_EQ(World::count_audits(effects, audit::wave_released), 1u);
    EXPECT_EQ(told(held_[0]), HoldPoint::none);
    EXPECT_GT(world_.devices[held_[0]].assigned->epoch, epoch);
    EXPECT_EQ(world_.devices[held_[0]].assigned->releases, releases) << "the device takes it for the same attempt";
    EXPECT_EQ(world_.devices[held_[0]].assigned->soak_s, 300u);
    for (const auto& id : held_) world_.commit(id);
    EXPECT_EQ(reached().size(), 4u);
    EXPECT_EQ(world_.devices[reached()[3]].assigned->hold, HoldPoint::none) << "the second wave has none";
    for (const auto& id : reached()) world_.commit(id);
    EXPECT_EQ(state(), RolloutState::completed);
  }
}

TEST_F(Holds, WhoIsOnTheWayDoesNotStopThere) {
  join(4);
  start_held(HoldPoint::before_swap);
  to_hold(held_[0]);
  EXPECT_THAT(waits_for(),
              HasSubstr("1 device of wave first (50 %) holds before the swap (" + held_[0] + "), 1 on the way; "));
  EXPECT_THAT(World::reply(release()), HasSubstr("1 device holds before the swap and goes on, 1 on the way there"));
  EXPECT_EQ(told(held_[1]), HoldPoint::none);
}

// A rule without any hold, and an operator who sets one while the wave is at work.
TEST_F(Holds, AnOperatorSetsOneOnTheOpenWave) {
  join(8);
  start_held(HoldPoint::none);
  ASSERT_EQ(held_.size(), 4u);
  world_.attempt(held_[0], AttemptState::fetching);
  world_.attempt(held_[1], AttemptState::soaking);
  world_.commit(held_[2]);
  const auto effects = world_.command(HoldWave{"r", HoldPoint::before_swap, {}}, "bob", "line 3 runs");
  EXPECT_EQ(World::reply(effects),
            "rollout r: wave first (50 %): its devices hold before the swap, 3 devices on the way "
            "are told; 1 is past that");
  EXPECT_THAT(World::why_of(effects, audit::wave_hold_set),
              HasSubstr("hold before the swap, 3 devices on the way are "
                        "told; 1 is past that; reason given: line 3 runs"));
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap);
  EXPECT_EQ(told(held_[3]), HoldPoint::before_swap);
  EXPECT_EQ(told(held_[2]), HoldPoint::none) << "it is done";
  EXPECT_EQ(world_.status("r").waves[0].hold, HoldPoint::before_swap);
  world_.restart();
  EXPECT_EQ(world_.status("r").waves[0].hold, HoldPoint::before_swap);
  world_.commit(held_[1]);
  EXPECT_EQ(standing(held_[1]), Standing::done);

  world_.attempt(held_[0], AttemptState::staged);
  EXPECT_EQ(standing(held_[0]), Standing::holding);
  EXPECT_THAT(waits_for(), HasSubstr("1 device of wave first (50 %) holds before the swap (" + held_[0] +
                                     "; set by bob), 1 on the way"));
  world_.tick(10 * 86'400);
  EXPECT_EQ(standing(held_[0]), Standing::holding);
  EXPECT_TRUE(World::accepted(release()));
  for (const auto* id : {&held_[0], &held_[3]}) world_.commit(*id);
  EXPECT_EQ(reached().size(), 8u) << "the next wave has none";
}

TEST_F(Holds, AnOperatorSetsOneOnAWaveToCome) {
  join(4);
  start_held(HoldPoint::none);
  EXPECT_TRUE(World::accepted(world_.command(HoldWave{"r", HoldPoint::before_commit, "all"})));
  EXPECT_EQ(told(held_[0]), HoldPoint::none);
  for (const auto& id : held_) world_.commit(id);
  ASSERT_EQ(reached().size(), 4u);
  std::vector<std::string> later;
  for (const auto& id : reached()) {
    if (std::find(held_.begin(), held_.end(), id) == held_.end()) later.push_back(id);
  }
  EXPECT_EQ(told(later[0]), HoldPoint::before_commit);
  to_hold(later[0]);
  EXPECT_EQ(standing(later[0]), Standing::holding);
}

TEST_F(Holds, WhoComesToItFirstIsWrittenDownOnce) {
  join(4);
  start_held(HoldPoint::before_swap);
  world_.attempt(held_[0], AttemptState::fetching);
  auto& first = world_.devices[held_[0]];
  first.report.attempt = AttemptState::staged;
  const auto effects = world_.report(held_[0]);
  EXPECT_EQ(World::why_of(effects, audit::wave_holding),
            "rollout r: " + held_[0] +
                " is the first of 2 devices of wave first (50 %) to hold before the swap; "
                "'musterctl rollout release r' lets them go on");
  world_.restart();
  world_.devices[held_[1]].report.attempt_epoch = world_.devices[held_[1]].assigned->epoch;
  world_.devices[held_[1]].report.attempt = AttemptState::staged;
  EXPECT_EQ(World::count_audits(world_.report(held_[1]), audit::wave_holding), 0u);
  EXPECT_EQ(world_.status("r").holding, 2u);
}

TEST_F(Holds, AHoldIsNotSetWhereItWouldHoldNobody) {
  join(4);
  start_held(HoldPoint::before_swap);
  const auto hold = [&](HoldPoint where, const std::string& wave) {
    return World::reply(world_.command(HoldWave{"r", where, wave}));
  };
  EXPECT_THAT(hold(HoldPoint::before_swap, ""), HasSubstr("wave first (50 %) holds before the swap already"));
  EXPECT_THAT(hold(HoldPoint::before_commit, "first"), HasSubstr("holds before the swap already; release that first"));
  EXPECT_THAT(hold(HoldPoint::before_swap, "none"), HasSubstr("it has no wave called \"none\""));
  all_to_hold();
  ASSERT_TRUE(World::accepted(release()));
  for (const auto& id : held_) world_.commit(id);
  EXPECT_THAT(hold(HoldPoint::before_swap, "first"), HasSubstr("is done: nobody is left to hold there"));
  for (const auto& id : reached()) world_.commit(id);
  EXPECT_THAT(hold(HoldPoint::before_swap, ""), HasSubstr("it is completed; no wave is to come"));
}

TEST_F(Holds, AReleaseIsRefusedWhereThereIsNothingToRelease) {
  join(4);
  start_held(HoldPoint::before_swap);
  EXPECT_THAT(World::reply(release("all")), HasSubstr("wave all (100 %) has no hold"));
  EXPECT_THAT(World::reply(release("none")), HasSubstr("it has no wave called \"none\""));
  all_to_hold();
  world_.command(PauseRollout{"r"});
  EXPECT_THAT(World::reply(release()), HasSubstr("it is paused and lets nobody go on; resume it first"));
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap);
  world_.command(ResumeRollout{"r", false});
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap) << "a pause and its end let nobody go";
  EXPECT_TRUE(World::accepted(release("first")));
  EXPECT_THAT(World::reply(release("first")), HasSubstr("was released already"));
}

TEST_F(Holds, OneThatGoesAwayOrBeginsAgainIsNotTakenForOneThatHolds) {
  join(4);
  start_held(HoldPoint::before_swap);
  all_to_hold();
  world_.lose(held_[0]);
  world_.tick(120);
  EXPECT_EQ(standing(held_[0]), Standing::unreachable);
  world_.see(held_[0]);
  EXPECT_EQ(standing(held_[0]), Standing::holding);
  world_.attempt(held_[0], AttemptState::fetching);  // its agent was started again
  EXPECT_EQ(standing(held_[0]), Standing::assigned);
  world_.tick(901);
  EXPECT_EQ(standing(held_[0]), Standing::failed) << "an attempt that shows no end times out";
}

TEST_F(Holds, OneThatFailsInItHasFailed) {
  join(4);
  start_held(HoldPoint::before_commit);
  all_to_hold();
  world_.roll_back(held_[0], "soak_failed", "p95_ms");
  EXPECT_EQ(standing(held_[0]), Standing::failed);
  EXPECT_EQ(world_.status("r").rolled_back, 1u);
}

TEST_F(Holds, TheNextAttemptOfOneThatFailedHoldsTooUntilTheRelease) {
  join(4);
  start_held(HoldPoint::before_swap, 3);
  const auto fail = [&] { world_.fail(held_[0], "fetch_failed"); };
  fail();
  world_.tick(120);
  ASSERT_EQ(world_.devices[held_[0]].assigned->epoch, 2u);
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap);
  fail();
  release();
  world_.tick(300);
  EXPECT_EQ(told(held_[0]), HoldPoint::none);
}

TEST_F(Holds, AnAbortWithKeepLetsNobodyGoOn) {
  join(4);
  start_held(HoldPoint::before_commit);
  all_to_hold();
  world_.command(AbortRollout{"r", AbortMode::keep});
  for (const auto& id : held_) EXPECT_EQ(wanted(id), "reader@1") << id;
}

TEST_F(Holds, ACancelledDeviceGoesBackAndAStoppedGroupIsReleasedWithTheOthers) {
  join(8);
  start_held(HoldPoint::before_commit);
  all_to_hold();
  cancel(held_[0]);
  EXPECT_EQ(wanted(held_[0]), "reader@1") << "what nobody let go does not become its own";
  const auto& other = held_[1];
  stop(in(other, "de") ? "region=de" : "region=us");
  EXPECT_EQ(standing(other), Standing::holding);
  release();
  EXPECT_EQ(told(other), HoldPoint::none);
}

// An assignment names all planes: that of another rollout must not let go what this one holds.
TEST_F(Holds, AnotherRolloutsAssignmentHoldsAsWell) {
  join(4);
  start_held(HoldPoint::before_commit);
  all_to_hold();
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {all}))));
  EXPECT_EQ(told(held_[0]), HoldPoint::before_commit);
  all_to_hold();
  EXPECT_EQ(standing(held_[0], "c"), Standing::holding);
  EXPECT_THAT(world_.engine.why(held_[0]).front().text, HasSubstr("'musterctl rollout release r' lets it go on"));
  const auto before = world_.devices[held_[0]].assigned->releases;
  release();
  EXPECT_EQ(world_.devices[held_[0]].assigned->releases, before);
  EXPECT_EQ(told(held_[0]), HoldPoint::none);
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  EXPECT_EQ(world_.status("c").state, RolloutState::completed);
  EXPECT_EQ(state(), RolloutState::completed);
}

// What it held before was at nobody's cost: neither has it failed, when another rollout's assignment moves it again.
TEST_F(Holds, OneThatHeldForLongHasItsTimeAgainWhenItGoesOn) {
  join(4);
  start_held(HoldPoint::before_swap);
  all_to_hold();
  world_.tick(10 * 86'400);
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {all}))));
  world_.attempt(held_[0], AttemptState::fetching);
  world_.tick(60);
  EXPECT_EQ(standing(held_[0]), Standing::assigned) << why(held_[0]);
  EXPECT_EQ(world_.status("r").failed, 0u);
  world_.tick(2 * 86'400);
  EXPECT_EQ(standing(held_[0]), Standing::failed) << "from then on its time counts";
}

TEST_F(Holds, OneThatAnotherRolloutHadHoldsWhenItIsAssignedAnew) {
  join(4);
  start_held(HoldPoint::before_swap);
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.add_release(Plane::model, "reader", "3");
  auto fix = World::rule("fix", "true", {{Plane::model, "reader", "3"}}, {all});
  fix.priority = 1;
  ASSERT_TRUE(World::accepted(world_.start(fix)));
  ASSERT_EQ(standing(held_[0]), Standing::held_by_other);
  ASSERT_TRUE(World::accepted(world_.command(AbortRollout{"fix", AbortMode::keep}, "alice")));
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  ASSERT_EQ(wanted(held_[0]), "reader@2");
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap);
}

// It ran out of time, and may be at it all the same.
TEST_F(Holds, OneThatFailedForWantOfTimeHoldsTooAndIsReleasedWithTheOthers) {
  join(4);
  start_held(HoldPoint::before_swap);
  to_hold(held_[1]);
  world_.attempt(held_[0], AttemptState::fetching);
  world_.tick(86'400);
  ASSERT_EQ(standing(held_[0]), Standing::failed);
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {all}))));
  EXPECT_EQ(told(held_[0]), HoldPoint::before_swap) << "another rollout's assignment does not let it go";
  to_hold(held_[0]);
  EXPECT_EQ(standing(held_[0], "c"), Standing::holding);
  ASSERT_TRUE(World::accepted(release()));
  EXPECT_EQ(told(held_[0]), HoldPoint::none);
  EXPECT_EQ(standing(held_[0]), Standing::failed) << "until it shows that it runs the versions";
  world_.commit(held_[0]);
  EXPECT_EQ(standing(held_[0]), Standing::done);
  EXPECT_EQ(world_.status("r").failed, 0u);
}

// Its attempt is over: to let the wave go on is not to try it again.
TEST_F(Holds, AReleaseTriesNobodyAgainThatFailed) {
  join(4);
  start_held(HoldPoint::before_swap);
  to_hold(held_[1]);
  world_.attempt(held_[0], AttemptState::failed);
  const auto epoch = world_.devices[held_[0]].assigned->epoch;
  ASSERT_TRUE(World::accepted(release()));
  EXPECT_EQ(world_.devices[held_[0]].assigned->epoch, epoch);
}

TEST_F(Holds, TheSameAfterARestart) {
  join(4);
  start_held(HoldPoint::before_swap);
  all_to_hold();
  world_.restart();
  world_.tick(86'400);
  EXPECT_EQ(world_.status("r").holding, 2u) << waits_for();
  ASSERT_TRUE(World::accepted(release()));
  world_.restart();
  EXPECT_THAT(World::reply(release()), HasSubstr("was released already"));
  for (int round = 0; round < 2; ++round) {
    for (const auto& id : reached()) world_.commit(id);
  }
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(Holds, AnOverrideIsRefusedMeanwhile) {
  join(4);
  start_held(HoldPoint::before_swap);
  all_to_hold();
  const auto refused = world_.command(OverrideDevice{held_[0], world_.release("sorter@1")});
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_THAT(World::reply(refused), HasSubstr("it is holding in rollout r"));
}

}  // namespace
}  // namespace muster::rules::test
