// Two active rollouts that meet on a plane of a device: the one of higher priority has it, and the other goes on
// without.
#include <gmock/gmock.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Priorities : public testing::Test {
 protected:
  Priorities() {
    for (const auto* version : {"1", "2", "3"}) world_.add_release(Plane::model, "reader", version);
    world_.add_release(Plane::config, "sorter", "2");
    for (int i = 0; i < 4; ++i) {
      world_.devices["d" + std::to_string(i)].report.active[1] = world_.release("reader@1").manifest;
      world_.join("d" + std::to_string(i), facts_of("rk3566", i < 2 ? "de" : "us"));
    }
  }
  std::vector<Effect> start(const std::string& name, const std::string& version, std::uint32_t priority,
                            const std::string& targets = "true", std::uint32_t first_percent = 100,
                            std::uint32_t halt = 4) {
    std::vector<Wave> waves;
    for (const auto percent : {first_percent, 100u}) {
      Wave wave;
      wave.name = "w" + std::to_string(percent);
      wave.percent = percent;
      if (waves.empty() || percent != first_percent) waves.push_back(wave);
    }
    auto rule = World::rule(name, targets, {{Plane::model, "reader", version}}, waves);
    rule.priority = priority;
    rule.halt_failed_devices = halt;
    return world_.start(rule);
  }
  // Rollout late has f1, which joins the fleet.
  void start_late() {
    start("late", "2", 0, "device.region == \"fr\"");
    world_.join("f1", facts_of("rk3566", "fr"));
  }
  void move(const std::string& id, const std::string& region) {
    world_.devices[id].report.facts.region = region;
    world_.report(id);
  }
  void commit_all() {
    for (const auto& [id, device] : world_.devices) world_.commit(id);
  }
  [[nodiscard]] std::string wanted(const std::string& id) { return world_.release_name(wanted_on(Plane::model, id)); }
  // Zero: nothing.
  [[nodiscard]] Sha256 wanted_on(Plane wanted, const std::string& id) {
    const auto& assigned = world_.devices[id].assigned;
    if (!assigned) return Sha256();
    for (const auto& [plane, digest] : assigned->releases) {
      if (plane == wanted) return digest;
    }
    return Sha256();
  }
  [[nodiscard]] std::size_t count_wanting(const std::string& ref) {
    std::size_t count = 0;
    for (const auto& [id, device] : world_.devices)
      if (wanted(id) == ref) ++count;
    return count;
  }
  [[nodiscard]] std::string why(const std::string& id, const std::string& rollout) {
    for (const auto& reason : world_.engine.why(id)) {
      if (reason.rollout == rollout) return reason.text;
    }
    return "nothing";
  }

  World world_;
};

TEST_F(Priorities, OnlyAHigherOneStartsOverTheDevicesOfAnother) {
  start("plain", "2", 10);
  for (const std::uint32_t priority : {0u, 9u, 10u}) {
    const auto refused = start("fix", "3", priority);
    EXPECT_FALSE(World::accepted(refused)) << priority;
    EXPECT_THAT(World::reply(refused), HasSubstr("give this rule a priority above its 10"));
  }
  EXPECT_FALSE(World::accepted(start("fix", "3", 101)));
  const auto accepted = start("fix", "3", 11);
  ASSERT_TRUE(World::accepted(accepted));
  EXPECT_THAT(World::reply(accepted), HasSubstr("takes precedence over rollout plain (priority 10) for 4 devices"));
  EXPECT_THAT(World::why_of(accepted, audit::rollout_started), HasSubstr("takes precedence over rollout plain"));
  EXPECT_EQ(World::why_of(accepted, audit::rollout_superseded),
            "rollout fix (priority 11) has taken 4 devices from it (priority 10)");
}

TEST_F(Priorities, ItTakesADeviceWhenItAssignsItAndTheOtherGivesItNothingMore) {
  start("plain", "2", 0, "true", 50);
  ASSERT_EQ(count_wanting("reader@2"), 2u);
  start("fix", "3", 5, "true", 25);
  EXPECT_EQ(count_wanting("reader@3"), 1u);
  const auto given = count_wanting("reader@2");
  ASSERT_GE(given, 1u);
  for (const auto& [id, device] : world_.devices) {
    if (device.assigned && device.assigned->rollout == "plain") world_.commit(id);
  }
  world_.tick(3600);
  EXPECT_EQ(count_wanting("reader@2"), given) << "its second wave gives nothing to what fix is to have";
  for (int round = 0; round < 3; ++round) commit_all();
  EXPECT_EQ(world_.status("fix").state, RolloutState::completed);
  EXPECT_EQ(count_wanting("reader@3"), 4u);
}

TEST_F(Priorities, TheOtherSaysWhatHoldsItsDevicesAndIsNotHeldUpByThem) {
  start("plain", "2", 0);
  start("fix", "3", 5, "device.region == \"de\"");
  for (const auto* id : {"d2", "d3"}) world_.commit(id);
  EXPECT_EQ(world_.status("plain").state, RolloutState::completed);
  EXPECT_EQ(world_.status("plain").done, 2u);
  EXPECT_THAT(why("d0", "plain"),
              AllOf(HasSubstr("rollout fix, which is running and has a higher priority, is to have it")));
  commit_all();
  EXPECT_EQ(world_.status("fix").state, RolloutState::completed);
  EXPECT_EQ(count_wanting("reader@3"), 2u) << "what it brought stays";
}

TEST_F(Priorities, WithNothingLeftItWaitsForTheEndOfTheOther) {
  start("plain", "2", 0);
  start("fix", "3", 5);
  EXPECT_EQ(world_.status("plain").state, RolloutState::running);
  EXPECT_THAT(world_.status("plain").waiting_for, HasSubstr("waiting for rollout fix to end, which holds d0"));
}

TEST_F(Priorities, AnAbortGivesThemBack) {
  start("plain", "2", 0);
  for (const auto* id : {"d0", "d1", "d2"}) world_.commit(id);
  start("fix", "3", 5, "device.region == \"de\"", 50);
  ASSERT_EQ(count_wanting("reader@3"), 1u);
  world_.command(AbortRollout{"fix", AbortMode::revert});
  commit_all();
  ASSERT_EQ(world_.status("fix").state, RolloutState::aborted);
  EXPECT_EQ(count_wanting("reader@2"), 4u);
  commit_all();
  EXPECT_EQ(world_.status("plain").state, RolloutState::completed);
}

TEST_F(Priorities, AFailureStaysCounted) {
  start("plain", "2", 0, "true", 100, 2);
  world_.roll_back("d0", "probe_failed", "exit code 1");
  start("fix", "3", 5, "device.region == \"de\"");
  EXPECT_EQ(wanted("d0"), "reader@3");
  EXPECT_EQ(world_.status("plain").failed, 1u);
  world_.roll_back("d2", "probe_failed", "exit code 1");
  EXPECT_EQ(world_.status("plain").state, RolloutState::halted);
}

TEST_F(Priorities, WhoWaitsToTryAgainIsNotTriedAgainByTheLowerOne) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("plain", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.retry.attempts = 3;
  rule.retry.wait_s = 600;
  world_.start(rule);
  for (const auto* id : {"d0", "d1", "d3"}) world_.commit(id);
  world_.fail("d2", "fetch_failed");
  ASSERT_EQ(world_.status("plain").retrying, 1u);
  start("fix", "3", 5, "device.region == \"us\"", 50);
  ASSERT_EQ(wanted("d3"), "reader@3") << "and d2 is in its second wave";
  const auto epoch = world_.devices["d2"].assigned->epoch;
  world_.tick(3600);
  world_.tick(3600);
  EXPECT_EQ(world_.devices["d2"].assigned->epoch, epoch) << "two hours of ten-minute waits: " << wanted("d2");
  EXPECT_EQ(world_.status("plain").retrying, 0u);
  EXPECT_THAT(why("d2", "plain"), HasSubstr("rollout fix"));
}

TEST_F(Priorities, ARolloutThatIsTakenBackEndsThatFirst) {
  start("plain", "2", 0);
  commit_all();
  start_late();
  world_.commit("f1");
  start("third", "3", 3);
  world_.command(AbortRollout{"third", AbortMode::revert});
  ASSERT_EQ(world_.status("third").state, RolloutState::reverting);
  ASSERT_TRUE(World::accepted(start("fix", "3", 5)));
  EXPECT_EQ(world_.assigned_by("fix").size(), 0u);
  commit_all();
  EXPECT_EQ(world_.status("third").state, RolloutState::aborted);
  EXPECT_EQ(world_.assigned_by("fix").size(), 5u);
}

TEST_F(Priorities, TheSameAfterARestart) {
  start("plain", "2", 0);
  start("fix", "3", 5, "device.region == \"de\"");
  world_.restart();
  EXPECT_EQ(count_wanting("reader@3"), 2u);
  const auto said = world_.status("plain").waiting_for;
  commit_all();
  EXPECT_EQ(world_.status("plain").state, RolloutState::completed) << said;
  EXPECT_EQ(world_.status("fix").state, RolloutState::completed);
}

// A device whose facts make it a target of both.
TEST_F(Priorities, ADeviceThatMovesIsTakenByTheHigherOne) {
  start("fix", "3", 5, "device.region == \"fr\"");
  start("plain", "2", 0);
  ASSERT_EQ(wanted("d0"), "reader@2");
  move("d0", "fr");
  EXPECT_EQ(wanted("d0"), "reader@3");
  world_.tick(60);
  world_.commit("d0");
  EXPECT_EQ(world_.status("fix").state, RolloutState::completed);
  EXPECT_EQ(wanted("d0"), "reader@3") << "the newer one does not undo the fix when that ends";
  world_.restart();
  world_.report("d0");
  EXPECT_EQ(wanted("d0"), "reader@3");
  for (const auto* id : {"d1", "d2", "d3"}) world_.commit(id);
  EXPECT_EQ(world_.status("plain").state, RolloutState::completed);
  world_.tick(60);
  ASSERT_TRUE(World::accepted(start("next", "2", 0)));
  EXPECT_EQ(wanted("d0"), "reader@2") << "one that was started after that is a decision of its own";
}

// Also when it was stopped meanwhile: it had completed before the other one began.
TEST_F(Priorities, OneThatHasCompletedBeforeKeepsNothingFromALaterOne) {
  start("fix", "3", 5);
  commit_all();
  ASSERT_EQ(world_.status("fix").state, RolloutState::completed);
  world_.tick(60);
  ASSERT_TRUE(World::accepted(start("plain", "2", 0, "true", 50)));
  ASSERT_EQ(count_wanting("reader@2"), 2u);
  world_.tick(60);
  ASSERT_TRUE(World::accepted(world_.command(PauseRollout{"fix"}, "alice")));
  world_.tick(60);
  ASSERT_TRUE(World::accepted(world_.command(ResumeRollout{"fix", true}, "alice")));
  ASSERT_EQ(world_.status("fix").state, RolloutState::completed);
  commit_all();
  EXPECT_EQ(count_wanting("reader@2"), 4u) << world_.status("plain").waiting_for;
  commit_all();
  EXPECT_EQ(world_.status("plain").state, RolloutState::completed) << world_.status("plain").waiting_for;
}

// It waits for the other's end, which it names, as one that goes back waits in vain.
TEST_F(Priorities, AKeptDeviceIsToldApartFromOneThatIsWaitedFor) {
  start("fix", "3", 5, "device.region == \"fr\"");
  start("plain", "2", 0, "device.region == \"fr\"");
  start("other", "2", 0, "device.region in [\"fr\", \"it\"]");
  move("d0", "fr");
  ASSERT_EQ(wanted("d0"), "reader@3");
  world_.tick(60);
  world_.commit("d0");
  ASSERT_EQ(world_.status("fix").state, RolloutState::completed);
  EXPECT_THAT(world_.status("plain").waiting_for,
              HasSubstr("d0 of wave w100 (100 %) got other versions from the rollout fix, which has a higher priority "
                        "and is completed; abort this rollout, or that one"));
}

// It is back in its place there without assignment, on all planes: nobody would let what was on its way there go from a
// hold, or take it back.
TEST_F(Priorities, WhatWasOnItsWayOnOtherPlanesDoesNotComeAlong) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  all.hold = HoldPoint::before_swap;
  ASSERT_TRUE(World::accepted(
      world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "2"}}, {all}))));
  ASSERT_EQ(wanted_on(Plane::config, "d0"), world_.release("sorter@2").manifest);
  world_.attempt("d0", AttemptState::staged);
  ASSERT_TRUE(World::accepted(start("fix", "3", 5)));
  EXPECT_EQ(wanted("d0"), "reader@3");
  EXPECT_TRUE(wanted_on(Plane::config, "d0").is_zero()) << "it has none, and had none before";
}

// A version set of two planes that a device was done with, of which a fix has taken one.
class HalfTaken : public Priorities {
 protected:
  void SetUp() override {
    Wave all;
    all.name = "all";
    all.percent = 100;
    world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "2"}}, {all}));
    for (const auto* id : {"d0", "d1", "d2"}) world_.commit(id);
    ASSERT_EQ(world_.status("r").state, RolloutState::running);
    ASSERT_TRUE(World::accepted(start("fix", "3", 5, "device.region == \"de\"", 50)));
    taken_ = wanted("d0") == "reader@3" ? "d0" : "d1";
    ASSERT_EQ(wanted(taken_), "reader@3");
    ASSERT_EQ(config_of(taken_), world_.release("sorter@2").manifest);
  }
  [[nodiscard]] Sha256 config_of(const std::string& id) { return wanted_on(Plane::config, id); }
  std::string taken_;
};

TEST_F(HalfTaken, AnAbortTakesTheOtherPlaneBackAndLeavesTheFix) {
  world_.restart();
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(wanted(taken_), "reader@3");
  EXPECT_TRUE(config_of(taken_).is_zero()) << "it had none before";
  EXPECT_EQ(wanted("d2"), "reader@1");
  commit_all();
  EXPECT_EQ(world_.status("r").state, RolloutState::aborted);
  commit_all();
  EXPECT_EQ(world_.status("fix").state, RolloutState::completed) << world_.status("fix").waiting_for;
}

TEST_F(HalfTaken, SoDoesACancel) {
  ASSERT_TRUE(World::accepted(world_.command(CancelDevice{"r", taken_, true})));
  EXPECT_EQ(wanted(taken_), "reader@3");
  EXPECT_TRUE(config_of(taken_).is_zero());
  EXPECT_EQ(config_of("d2"), world_.release("sorter@2").manifest);
}

TEST_F(HalfTaken, AnAbortThatKeepsLeavesItAndSoDoesTheAbortOfTheFix) {
  world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_EQ(config_of(taken_), world_.release("sorter@2").manifest);
  world_.command(AbortRollout{"fix", AbortMode::revert});
  EXPECT_EQ(config_of(taken_), world_.release("sorter@2").manifest);
  EXPECT_EQ(wanted(taken_), "reader@2");
}

// The whole set is given back together.
TEST_F(HalfTaken, TheAbortOfBothLeavesNothing) {
  world_.commit(taken_);
  world_.command(AbortRollout{"r", AbortMode::revert});
  commit_all();
  world_.command(AbortRollout{"fix", AbortMode::revert});
  commit_all();
  EXPECT_EQ(wanted(taken_), "reader@1");
  EXPECT_TRUE(config_of(taken_).is_zero());
  EXPECT_EQ(world_.status("fix").state, RolloutState::aborted);
}

// Another plane is another matter.
TEST_F(Priorities, OtherPlanesAreNotTaken) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.start(World::rule("plain", "true", {{Plane::config, "sorter", "2"}}, {all}));
  const auto effects = start("fix", "3", 5);
  EXPECT_THAT(World::reply(effects), testing::Not(HasSubstr("precedence")));
  commit_all();
  EXPECT_EQ(world_.status("plain").done, 4u);
  EXPECT_EQ(world_.status("fix").done, 4u);
}

TEST_F(Priorities, ACancelledDeviceOfTheLowerOneIsTakenWhileItGoesBack) {
  start("plain", "2", 0);
  commit_all();
  start_late();
  world_.command(CancelDevice{"late", "f1", true});
  ASSERT_TRUE(World::accepted(start("fix", "3", 5)));
  EXPECT_EQ(wanted("f1"), "reader@3");
  commit_all();
  world_.command(AbortRollout{"late", AbortMode::revert});
  EXPECT_EQ(world_.status("late").state, RolloutState::aborted);
}

}  // namespace
}  // namespace muster::rules::test
