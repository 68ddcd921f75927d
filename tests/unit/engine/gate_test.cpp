// What it takes to leave a wave.
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Gates : public testing::Test {
 protected:
  Gates() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"a", "b", "c", "d"}) world_.join(id, facts_of("rk3566", "eu"));
  }

  void start(Gate gate, std::uint32_t first_percent = 50, std::uint32_t halt = 1) {
    Wave first;
    first.name = "first";
    first.percent = first_percent;
    first.gate = gate;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
    rule.halt_failed_devices = halt;
    world_.start(rule);
    first_ = std::vector<std::string>();
    for (const auto& id : world_.assigned_by("r")) first_.push_back(id);
  }
  RolloutState state() { return world_.status("r").state; }

  World world_;
  std::vector<std::string> first_;
};

TEST_F(Gates, AnAutomaticOneOpensTheNextWaveInTheSameStep) {
  start(Gate::automatic);
  world_.commit(first_[0]);
  EXPECT_EQ(world_.assigned_by("r").size(), 2u);
  const auto effects = world_.commit(first_[1]);
  EXPECT_EQ(World::assigned_in(effects).size(), 2u);
  EXPECT_EQ(world_.status("r").waves[0].state, WaveState::done);
}

TEST_F(Gates, AManualOneWaitsForApprovalAndOnlyThenTakesIt) {
  start(Gate::manual);
  EXPECT_FALSE(World::accepted(world_.command(ApproveWave{"r"})));
  for (const auto& id : first_) world_.commit(id);
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  EXPECT_EQ(world_.assigned_by("r").size(), 2u);
  const auto effects = world_.command(ApproveWave{"r"}, "bob");
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_EQ(World::count_audits(effects, audit::wave_approved), 1u);
  EXPECT_EQ(world_.assigned_by("r").size(), 4u);
}

TEST_F(Gates, AManualOneMayWantTwoOperators) {
  Wave first;
  first.name = "first";
  first.percent = 50;
  first.gate = Gate::manual;
  first.approvers = 2;
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all}));
  const auto ids = world_.assigned_by("r");
  for (const auto& id : ids) world_.commit(id);
  ASSERT_EQ(state(), RolloutState::awaiting_approval);
  const auto one = world_.command(ApproveWave{"r"}, "alice");
  EXPECT_TRUE(World::accepted(one));
  EXPECT_EQ(World::reply(one), "wave first (50 %) of rollout r has 1 of 2 approvals: alice");
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  EXPECT_NE(world_.status("r").waiting_for.find("1 of 2 approvals: alice"), std::string::npos);
  world_.restart();
  const auto again = world_.command(ApproveWave{"r"}, "alice");
  EXPECT_FALSE(World::accepted(again)) << "she is still one";
  EXPECT_NE(World::reply(again).find("another operator"), std::string::npos);
  // What she approved is not what it is any more.
  auto& device = world_.devices[*ids.begin()];
  device.report.active[1] = world_.release("reader@1").manifest;
  world_.report(*ids.begin());
  EXPECT_EQ(state(), RolloutState::halted);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  world_.commit(*ids.begin());
  ASSERT_EQ(state(), RolloutState::awaiting_approval) << world_.status("r").waiting_for;
  for (const auto* who : {"bob", "carol"}) EXPECT_TRUE(World::accepted(world_.command(ApproveWave{"r"}, who))) << who;
  EXPECT_EQ(world_.assigned_by("r").size(), 4u);
}

TEST_F(Gates, AnApprovalThatNamesItsWaveOpensNoOther) {
  Wave canary;
  canary.name = "canary";
  canary.percent = 25;
  canary.gate = Gate::manual;
  Wave half = canary;
  half.name = "half";
  half.percent = 50;
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {canary, half, all}));
  const auto commit_all = [&] {
    for (const auto& id : world_.assigned_by("r")) world_.commit(id);
  };
  commit_all();
  const auto early = world_.command(ApproveWave{"r", "half"});
  EXPECT_EQ(World::reply(early),
            "wave half (50 %) of rollout r has not opened; it is wave canary (25 %) that waits for "
            "approval: look at it before you approve it");
  EXPECT_TRUE(World::accepted(world_.command(ApproveWave{"r", "canary"})));
  commit_all();
  ASSERT_EQ(state(), RolloutState::awaiting_approval);
  const auto again = world_.command(ApproveWave{"r", "canary"});
  EXPECT_FALSE(World::accepted(again));
  EXPECT_EQ(World::reply(again),
            "wave canary (25 %) of rollout r is done already; it is wave half (50 %) that waits "
            "for approval: look at it before you approve it");
  EXPECT_EQ(world_.assigned_by("r").size(), 2u);
  EXPECT_EQ(World::reply(world_.command(ApproveWave{"r", "canry"})), "rollout r has no wave called \"canry\"");
  EXPECT_TRUE(World::accepted(world_.command(ApproveWave{"r", "half"})));
  EXPECT_EQ(world_.assigned_by("r").size(), 4u);
}

// What somebody approved is what there was to see; what becomes known while it is paused they have not seen.
TEST_F(Gates, AFailureTakesApprovalsAwayAlsoWhileItIsPaused) {
  world_.add_release(Plane::model, "reader", "3");
  for (const std::uint32_t halt : {1u, 3u}) {
    SCOPED_TRACE(halt);
    const auto name = "p" + std::to_string(halt);
    Wave first;
    first.name = "first";
    first.percent = 50;
    first.gate = Gate::manual;
    first.approvers = 2;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule(name, "true", {{Plane::model, "reader", halt == 1 ? "2" : "3"}}, {first, all});
    rule.halt_failed_devices = halt;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
    const auto ids = world_.assigned_by(name);
    for (const auto& id : ids) world_.commit(id);
    EXPECT_TRUE(World::accepted(world_.command(ApproveWave{name}, "alice")));
    world_.command(PauseRollout{name});
    world_.roll_back(*ids.begin(), "probe_failed", "");
    EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{name, true})));
    ASSERT_EQ(world_.status(name).state, RolloutState::awaiting_approval);
    EXPECT_TRUE(World::accepted(world_.command(ApproveWave{name}, "bob")));
    EXPECT_EQ(world_.status(name).state, RolloutState::awaiting_approval) << "one person saw the failure";
    EXPECT_TRUE(World::accepted(world_.command(ApproveWave{name}, "alice")));
    EXPECT_EQ(world_.status(name).waves[0].state, WaveState::done);
    world_.command(AbortRollout{name, AbortMode::keep});
  }
}

TEST_F(Gates, AManualOneOnTheLastWaveHoldsBackCompletion) {
  Wave only;
  only.name = "all";
  only.percent = 100;
  only.gate = Gate::manual;
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {only}));
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  world_.command(ApproveWave{"r"});
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_NE(world_.status("r").ended_s, 0u);
}

TEST_F(Gates, NothingShortOfACommittedActiveDigestIsDone) {
  start(Gate::automatic);
  const auto& id = first_[0];
  auto& report = world_.devices[id].report;
  for (const auto attempt : {AttemptState::fetching, AttemptState::verifying, AttemptState::staged,
                             AttemptState::swapped, AttemptState::probing, AttemptState::soaking}) {
    report.active[1] = world_.release("reader@2").manifest;
    world_.attempt(id, attempt);
    EXPECT_EQ(world_.status("r").done, 0u) << name_of(attempt);
  }
  report.active[1] = world_.release("reader@1").manifest;
  world_.attempt(id, AttemptState::committed);
  EXPECT_EQ(world_.status("r").done, 0u) << "committed, but another digest is active";
  report.active[1] = world_.release("reader@2").manifest;
  report.attempt_epoch = 0;
  world_.report(id);
  EXPECT_EQ(world_.status("r").done, 0u) << "the right digest, but of an attempt at another assignment";
  world_.commit(id);
  EXPECT_EQ(world_.status("r").done, 1u);
}

TEST_F(Gates, ADeviceThatIsNotHealthyIsNotDone) {
  start(Gate::automatic);
  const auto& id = first_[0];
  auto& report = world_.devices[id].report;
  report.active[1] = world_.release("reader@2").manifest;
  for (const auto state : {DeviceState::degraded, DeviceState::recovering, DeviceState::safe_mode}) {
    report.state = state;
    world_.attempt(id, AttemptState::committed);
    EXPECT_EQ(world_.status("r").done, 0u) << name_of(state);
  }
  report.state = DeviceState::healthy;
  world_.report(id);
  EXPECT_EQ(world_.status("r").done, 1u);
}

TEST_F(Gates, AnUnreachableDeviceDoesNotBlock) {
  start(Gate::automatic);
  world_.lose(first_[1]);
  world_.commit(first_[0]);
  EXPECT_EQ(world_.status("r").wave, 0u) << "it is lost, but not long enough";
  world_.tick(59);
  EXPECT_EQ(world_.status("r").wave, 0u);
  world_.tick(1);
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_EQ(world_.status("r").unreachable, 1u);
}

TEST_F(Gates, AWaveInWhichNobodySpeaksIsNotHealthy) {
  start(Gate::automatic);
  for (const auto& id : first_) world_.lose(id);
  world_.tick(10000);
  EXPECT_EQ(world_.status("r").wave, 0u);
  EXPECT_EQ(state(), RolloutState::running);
  for (const auto& id : first_) EXPECT_NE(world_.status("r").waiting_for.find(id), std::string::npos);
}

TEST_F(Gates, ADeviceThatComesBackTakesTheApprovalAway) {
  start(Gate::manual);
  world_.lose(first_[1]);
  world_.commit(first_[0]);
  world_.tick(60);
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
  world_.see(first_[1]);
  EXPECT_EQ(state(), RolloutState::running);
  EXPECT_FALSE(World::accepted(world_.command(ApproveWave{"r"})));
  world_.commit(first_[1]);
  EXPECT_EQ(state(), RolloutState::awaiting_approval);
}

TEST_F(Gates, AFailureUnderTheLimitIsTolerated) {
  start(Gate::automatic, 50, 2);
  world_.roll_back(first_[0], "probe_failed", "");
  EXPECT_EQ(world_.status("r").wave, 0u) << "the other one is still at work";
  world_.commit(first_[1]);
  EXPECT_EQ(state(), RolloutState::running);
  EXPECT_EQ(world_.status("r").wave, 1u);
  EXPECT_EQ(world_.status("r").failed, 1u) << "it stays counted";
}

TEST_F(Gates, AWaveOfFailuresAloneIsNotLeftBeforeSomebodyAcceptsThem) {
  start(Gate::automatic, 50, 3);
  for (const auto& id : first_) world_.roll_back(id, "probe_failed", "");
  EXPECT_EQ(state(), RolloutState::running);
  EXPECT_EQ(world_.status("r").wave, 0u);
  EXPECT_NE(world_.status("r").waiting_for.find("no device of wave"), std::string::npos);
  EXPECT_NE(world_.status("r").waiting_for.find(first_[0]), std::string::npos);
  EXPECT_TRUE(World::accepted(world_.command(ResumeRollout{"r", true})));
  EXPECT_EQ(world_.status("r").wave, 1u);
}

TEST_F(Gates, ADeviceThatRunsTheVersionsAlreadyIsAssignedAndCommitsAtOnce) {
  auto& report = world_.devices["a"].report;
  report.active[1] = world_.release("reader@2").manifest;
  world_.report("a");
  start(Gate::automatic, 99);
  EXPECT_TRUE(world_.assigned_by("r").contains("a"));
  EXPECT_EQ(world_.status("r").done, 0u) << "not done before it says so";
  world_.commit("a");
  EXPECT_EQ(world_.status("r").done, 1u);
}

TEST_F(Gates, AReportThatIsNotNewerIsDroppedAndCounted) {
  start(Gate::automatic);
  const auto& id = first_[0];
  world_.commit(id);
  auto old = world_.devices[id].report;
  old.attempt = AttemptState::rolled_back;
  old.seq -= 1;
  EXPECT_TRUE(world_.step(old).empty());
  old.seq += 1;
  EXPECT_TRUE(world_.step(old).empty());
  EXPECT_EQ(world_.engine.stale_reports(), 2u);
  old.boot_id += 1;
  old.seq = 0;
  world_.step(old);
  EXPECT_EQ(world_.status("r").failed, 1u) << "a new boot id begins a new sequence";
}

TEST_F(Gates, RepeatedReportsAreNotPersistedAgain) {
  start(Gate::automatic);
  world_.attempt(first_[0], AttemptState::fetching);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(world_.attempt(first_[0], AttemptState::fetching).empty());
}

TEST_F(Gates, SoakTravelsWithTheAssignment) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  all.soak_s = 86'400;
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all}));
  EXPECT_EQ(world_.devices["a"].assigned->soak_s, 86'400u);
}

}  // namespace
}  // namespace muster::rules::test
