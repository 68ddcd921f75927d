// Failures: what counts as one, when they halt a rollout, and how it goes on.
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Failures : public testing::Test {
 protected:
  Failures() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"a", "b", "c", "d"}) {
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
  }
  void start(std::uint32_t halt = 1, std::uint64_t timeout_s = 600) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.halt_failed_devices = halt;
    rule.attempt_timeout_s = timeout_s;
    world_.start(rule);
  }
  const RolloutStatus& status() { return world_.status("r"); }

  World world_;
};

TEST_F(Failures, ARolledBackAttemptHaltsAndNobodyIsAssignedAfterwards) {
  start();
  const auto effects = world_.roll_back("a", "probe_failed", "exit code 1");
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_EQ(World::count_audits(effects, audit::rollout_halted), 1u);
  ASSERT_EQ(status().failures.size(), 1u);
  EXPECT_EQ(status().failures[0], (FailedDevice{"a", "probe_failed", "exit code 1", false}));
  EXPECT_EQ(status().rolled_back, 1u);
  EXPECT_TRUE(World::assigned_in(world_.join("late", facts_of("rk3566", "eu"))).empty());
}

TEST_F(Failures, AnAcknowledgementTakesNoneAlongThatCameAfterTheLook) {
  start(1);
  world_.roll_back("a", "probe_failed", "bad disk");
  const auto seen = status().unacknowledged;
  EXPECT_EQ(seen, 1u);
  world_.roll_back("b", "crash_loop", "");
  world_.roll_back("c", "probe_failed", "");
  const auto refused = world_.command(ResumeRollout{"r", true, seen});
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_EQ(World::reply(refused),
            "rollout r has 3 failures by now that nobody acknowledged, 2 more than you have seen (newest: c: "
            "probe_failed, b: crash_loop); look at them, then acknowledge");
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_EQ(status().unacknowledged, 3u);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true, 3})));
  EXPECT_EQ(status().unacknowledged, 0u);
}

TEST_F(Failures, AFailedAttemptCountsButIsNoRollback) {
  start();
  world_.fail("a", "no_space");
  EXPECT_EQ(status().failed, 1u);
  EXPECT_EQ(status().rolled_back, 0u);
}

TEST_F(Failures, AnAttemptAtAnEarlierAssignmentIsNone) {
  start();
  world_.devices["a"].report.attempt = AttemptState::rolled_back;
  world_.devices["a"].report.attempt_epoch = 0;
  world_.report("a");
  EXPECT_EQ(status().failed, 0u);
}

TEST_F(Failures, TheLimitCountsUnacknowledgedOnes) {
  start(2);
  world_.roll_back("a", "probe_failed", "");
  EXPECT_EQ(status().state, RolloutState::running);
  world_.command(ResumeRollout{"r", true});
  world_.roll_back("b", "probe_failed", "");
  EXPECT_EQ(status().state, RolloutState::running) << "the first one was acknowledged";
  world_.roll_back("c", "probe_failed", "");
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_EQ(status().failed, 3u);
}

TEST_F(Failures, ResumeAfterAHaltNeedsTheAcknowledgement) {
  start();
  world_.roll_back("a", "probe_failed", "");
  const auto refused = world_.command(ResumeRollout{"r", false});
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("acknowledged"), std::string::npos);
  EXPECT_EQ(World::count_audits(refused, audit::command_refused), 1u);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  EXPECT_EQ(status().state, RolloutState::running);
  EXPECT_TRUE(status().failures[0].acknowledged);
  for (const auto* id : {"b", "c", "d"}) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_F(Failures, ADoneDeviceThatRunsSomethingElseHasRegressed) {
  start();
  world_.commit("a");
  world_.devices["a"].report.active[1] = world_.release("reader@1").manifest;
  world_.report("a");
  EXPECT_EQ(status().failed, 1u);
  EXPECT_EQ(status().done, 0u);
  EXPECT_EQ(status().state, RolloutState::halted);
}

TEST_F(Failures, ADoneDeviceThatSaysItRolledBackHasRegressed) {
  start();
  world_.commit("a");
  world_.devices["a"].report.state = DeviceState::rolled_back;
  world_.report("a");
  EXPECT_EQ(status().rolled_back, 1u);
  EXPECT_EQ(status().state, RolloutState::halted);
}

TEST_F(Failures, AfterCompletionTheyHaltItAgain) {
  start();
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  ASSERT_EQ(status().state, RolloutState::completed);
  world_.roll_back("a", "crash_loop", "");
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_EQ(status().ended_s, 0u);
  EXPECT_TRUE(World::assigned_in(world_.join("late", facts_of("rk3566", "eu"))).empty());
  const auto effects = world_.command(ResumeRollout{"r", true});
  EXPECT_EQ(status().state, RolloutState::completed);
  EXPECT_EQ(World::assigned_in(effects), std::vector<std::string>{"late"});
}

TEST_F(Failures, AConnectedDeviceTimesOutAndALostOneDoesNot) {
  start(4);
  world_.lose("b");
  world_.tick(599);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 3u);
  EXPECT_EQ(status().failures[0].error, "attempt_timeout");
  EXPECT_EQ(status().unreachable, 1u);
  world_.see("b");
  world_.tick(599);
  EXPECT_EQ(status().failed, 3u) << "it has its time again from its return";
  world_.tick(1);
  EXPECT_EQ(status().failed, 4u);
}

TEST_F(Failures, ADeviceThatCommitsAfterAllIsDone) {
  start(2);
  world_.tick(0);
  for (const auto* id : {"b", "c", "d"}) world_.commit(id);
  world_.tick(600);
  EXPECT_EQ(status().failed, 1u);
  const auto effects = world_.commit("a");
  EXPECT_EQ(World::count_audits(effects, audit::device_recovered), 1u);
  EXPECT_EQ(status().failed, 0u);
  EXPECT_TRUE(status().failures.empty());
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_F(Failures, AtMostTwentyAreShownNewestFirst) {
  for (int i = 0; i < 30; ++i) world_.join("x" + std::to_string(i), facts_of("rk3566", "eu"));
  start(100);
  for (int i = 0; i < 30; ++i) world_.roll_back("x" + std::to_string(i), "probe_failed", "");
  EXPECT_EQ(status().failed, 30u);
  ASSERT_EQ(status().failures.size(), 20u);
  EXPECT_EQ(status().failures[0].device, "x29");
}

TEST_F(Failures, APausedRolloutStaysPausedButNeedsTheAcknowledgement) {
  start();
  EXPECT_TRUE(World::accepted(world_.command(PauseRollout{"r"})));
  world_.roll_back("a", "probe_failed", "");
  EXPECT_EQ(status().state, RolloutState::paused);
  EXPECT_FALSE(World::accepted(world_.command(ResumeRollout{"r", false})));
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  EXPECT_EQ(status().state, RolloutState::running);
}

TEST_F(Failures, PauseHoldsBackLateJoinersAndTheNextWaveButNotReports) {
  Wave half;
  half.name = "half";
  half.percent = 50;
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {half, all}));
  world_.command(PauseRollout{"r"}, "alice", "odd latency");
  const auto in = world_.assigned_by("r");
  for (const auto& id : in) world_.commit(id);
  EXPECT_EQ(status().done, 2u);
  EXPECT_EQ(status().wave, 0u);
  EXPECT_NE(status().waiting_for.find("odd latency"), std::string::npos);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", false})));
  EXPECT_EQ(world_.assigned_by("r").size(), 4u);
}

class HaltLimits : public Failures {
 protected:
  HaltLimits() {
    for (int i = 0; i < 36; ++i) {
      const auto id = "x" + std::to_string(i);
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
  }
  void start_with(std::uint32_t devices, std::uint32_t ppm, std::uint32_t in_a_row) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.halt_failed_devices = devices;
    rule.halt_failed_ppm = ppm;
    rule.halt_failed_in_a_row = in_a_row;
    world_.start(rule);
  }
  void fail(int from, int to) {
    for (int i = from; i < to; ++i) world_.roll_back("x" + std::to_string(i), "probe_failed", "exit code 1");
  }
};

TEST_F(HaltLimits, AShareOfTheAssignedDevices) {
  start_with(0, 100'000, 0);
  fail(0, 3);
  EXPECT_EQ(status().state, RolloutState::running);
  const auto effects = world_.roll_back("x3", "probe_failed", "exit code 1");
  EXPECT_EQ(status().state, RolloutState::halted) << "4 of 40 are 10 %";
  const auto why = World::why_of(effects, audit::rollout_halted);
  EXPECT_NE(why.find("4 unacknowledged failures, the rule halts at 10 % of the assigned devices"), std::string::npos)
      << why;
}

TEST_F(HaltLimits, SoManyInARow) {
  start_with(0, 0, 3);
  fail(0, 2);
  world_.commit("a");
  fail(2, 4);
  EXPECT_EQ(status().state, RolloutState::running);
  world_.restart();
  EXPECT_EQ(status().state, RolloutState::running);
  fail(4, 5);
  EXPECT_EQ(status().state, RolloutState::halted) << "and a restart forgets none of them";
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  fail(5, 7);
  EXPECT_EQ(status().state, RolloutState::running) << "what was acknowledged is behind it";
  fail(7, 8);
  EXPECT_EQ(status().state, RolloutState::halted);
}

TEST_F(HaltLimits, WhicheverComesFirst) {
  start_with(5, 500'000, 2);
  fail(0, 1);
  world_.commit("a");
  fail(1, 2);
  EXPECT_EQ(status().state, RolloutState::running);
  fail(2, 3);
  EXPECT_EQ(status().state, RolloutState::halted);
}

TEST_F(HaltLimits, WithoutAnyTheFirstFailureHalts) {
  start_with(0, 0, 0);
  fail(0, 1);
  EXPECT_EQ(status().state, RolloutState::halted);
}

}  // namespace
}  // namespace muster::rules::test
