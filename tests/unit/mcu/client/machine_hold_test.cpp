// Attempts that wait before their swap or before their commit, and shadows, which this device does not run.
#include <gtest/gtest.h>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;
constexpr auto C = Plane::config;

// With 1 on every plane, and an attempt at 5 (the next security version) that waits.
struct Waiting {
  explicit Waiting(Hold hold) {
    bench.give(assignment(1, {{F, 1}, {M, 1}, {C, 1}}));
    bench.settle();
    bench.give(wanted(2, hold));
    bench.settle();
    EXPECT_EQ(bench.phase(), hold == Hold::before_swap ? Phase::staged : Phase::held);
  }
  static Assignment wanted(std::uint64_t epoch, Hold hold = Hold::none) {
    return assignment(epoch, {{F, 5}, {M, 5}}, 10, hold);
  }
  void expect_back() {
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.active(M), 1u);
    EXPECT_EQ(bench.boot().security_floor, 1u);
  }
  Bench bench;
};

TEST(McuMachineHold, BeforeTheSwapEverythingIsThereAndNothingIsChanged) {
  Waiting device(Hold::before_swap);
  auto& bench = device.bench;
  const auto starts = bench.starts();
  bench.pass(100000000);
  EXPECT_EQ(bench.phase(), Phase::staged);
  EXPECT_EQ(bench.machine().wake_ms(), 0u) << "nothing to do by itself";
  EXPECT_EQ(bench.starts(), starts);
  const auto newest = bench.machine().downloaded(M);
  ASSERT_NE(newest, no_slot);
  EXPECT_EQ(bench.machine().slot(M, newest).manifest, release(M, 5));
  EXPECT_EQ(bench.boot().outcome, TrialOutcome::none);
  device.expect_back();
  bench.give(Waiting::wanted(3));
  EXPECT_EQ(bench.phase(), Phase::probing);
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(F), 5u);
  EXPECT_EQ(bench.active(M), 5u);
  EXPECT_EQ(bench.fills(), 4u) << "nothing is fetched twice";
}

TEST(McuMachineHold, TheSoakIsThatOfTheAssignmentThatLetsItSwap) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}, 0, Hold::before_swap));
  bench.settle();
  bench.give(assignment(2, {{M, 1}}, 100));
  while (bench.phase() == Phase::probing) bench.answer();
  EXPECT_EQ(bench.phase(), Phase::soaking);
  EXPECT_EQ(bench.state().soak_left_s, 100u);
}

TEST(McuMachineHold, BeforeTheSwapARestartWaitsAgainWithoutFetching) {
  Waiting device(Hold::before_swap);
  auto& bench = device.bench;
  const auto fills = bench.fills();
  for (const auto cause : {ResetCause::power_on, ResetCause::watchdog, ResetCause::software}) {
    bench.start(cause);
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::staged);
    device.expect_back();
  }
  EXPECT_EQ(bench.fills(), fills);
}

TEST(McuMachineHold, BeforeTheCommitItStaysOnProbation) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  for (int i = 0; i < 20; ++i) {
    bench.pass(10000);
    bench.answer();
  }
  EXPECT_EQ(bench.phase(), Phase::held);
  EXPECT_EQ(wire_state(bench.phase()), wire::AttemptState::held);
  EXPECT_EQ(bench.active(F), 5u);
  EXPECT_EQ(bench.state().planes[index_of(M)].floor, 1u);
  EXPECT_EQ(bench.boot().security_floor, 1u);
  EXPECT_EQ(bench.boot().active, 0) << "the bootloader still has the old one";
  const auto back = bench.machine().way_back(M);
  ASSERT_NE(back, no_slot);
  EXPECT_EQ(bench.machine().slot(M, back).manifest, release(M, 1));
  bench.give(Waiting::wanted(3));
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.boot().security_floor, 2u);
  EXPECT_EQ(bench.boot().outcome, TrialOutcome::confirmed);
}

TEST(McuMachineHold, OnlyNoHoldLetsItCommit) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  bench.give(Waiting::wanted(3, Hold::before_commit));
  EXPECT_EQ(bench.phase(), Phase::held);
  bench.give(Waiting::wanted(4, Hold::before_swap));
  EXPECT_EQ(bench.phase(), Phase::held);
  EXPECT_EQ(bench.state().assignment.epoch, 4u);
  bench.give(Waiting::wanted(5));
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineHold, ChecksGoOnWhileHeldAndOneThatFailsGoesBack) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  const auto checks = bench.count(EffectKind::run_checks);
  for (int i = 0; i < 5; ++i) {
    bench.pass(2000);
    ASSERT_TRUE(bench.answer()) << "a fifth of the soak is an interval";
  }
  EXPECT_EQ(bench.count(EffectKind::run_checks), checks + 5);
  bench.pass(2000);
  ASSERT_TRUE(bench.answer(ErrorCode::probe_failed));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::soak_failed);
  device.expect_back();
}

TEST(McuMachineHold, NothingIsWrittenWhileItWaits) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  const auto written = bench.count(EffectKind::persist_state) + bench.count(EffectKind::request_trial);
  for (int i = 0; i < 100; ++i) {
    bench.pass(10000);
    bench.answer();
  }
  EXPECT_EQ(bench.count(EffectKind::persist_state) + bench.count(EffectKind::request_trial), written);
}

// A trial has three starts; what is held for weeks is switched off and on more often.
TEST(McuMachineHold, HealthyStartsDoNotUseUpTheTrial) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  for (int i = 0; i < 12; ++i) {
    bench.start();
    ASSERT_EQ(bench.phase(), Phase::held) << i;
    ASSERT_EQ(bench.active(F), 5u) << i;
    bench.pass(2000);
    ASSERT_TRUE(bench.answer());
    EXPECT_EQ(bench.boot().trial_starts, 0);
  }
  bench.give(Waiting::wanted(3));
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(F), 5u);
}

TEST(McuMachineHold, StartsThatDoNotGetSoFarDo) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  for (int i = 0; i < 4; ++i) bench.start();
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::probe_failed);
  device.expect_back();
}

TEST(McuMachineHold, CrashesAreCountedWhileHeld) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  for (unsigned i = 1; i < UpdateMachine::crashes_max; ++i) {
    bench.start(ResetCause::watchdog);
    EXPECT_EQ(bench.phase(), Phase::held);
    bench.pass(2000);
    ASSERT_TRUE(bench.answer());
  }
  bench.start(ResetCause::watchdog);
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::soak_failed);
  device.expect_back();
}

TEST(McuMachineHold, ThePolicyMayTakeItBack) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  bench.policy(RecoveryAction::rollback_release);
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::recovery_rollback);
  device.expect_back();
}

TEST(McuMachineHold, AWorkloadThatRecoversIsWaitedForAtTheRelease) {
  for (const bool recovers : {true, false}) {
    Waiting device(Hold::before_commit);
    auto& bench = device.bench;
    bench.policy(RecoveryAction::restart_workload);
    EXPECT_EQ(bench.phase(), Phase::held);
    bench.give(Waiting::wanted(3));
    EXPECT_EQ(bench.phase(), Phase::held);
    EXPECT_NE(bench.machine().wake_ms(), 0u);
    if (recovers) {
      bench.give(EventKind::policy_clear);
      EXPECT_EQ(bench.phase(), Phase::committed);
    } else {
      bench.pass(120000);
      bench.settle();
      EXPECT_EQ(bench.phase(), Phase::rolled_back);
    }
  }
}

TEST(McuMachineHold, OrdersEndBoth) {
  for (const auto hold : {Hold::before_swap, Hold::before_commit}) {
    for (const auto kind : {OrderKind::freeze, OrderKind::rollback}) {
      Waiting device(hold);
      auto& bench = device.bench;
      bench.give(directive(0, 1, {order(kind, 1, M, 5)}));
      bench.settle();
      EXPECT_EQ(bench.phase(), hold == Hold::before_swap ? Phase::failed : Phase::rolled_back);
      EXPECT_EQ(bench.state().error, kind == OrderKind::freeze ? ErrorCode::frozen : ErrorCode::directed_rollback);
      device.expect_back();
    }
  }
}

TEST(McuMachineHold, OtherReleasesReplaceBoth) {
  for (const auto hold : {Hold::before_swap, Hold::before_commit}) {
    Waiting device(hold);
    auto& bench = device.bench;
    bench.give(assignment(3, {{F, 2}, {M, 2}}));
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.active(F), 2u);
    EXPECT_EQ(bench.active(M), 2u);
    EXPECT_EQ(bench.boot().security_floor, 1u);
  }
}

TEST(McuMachineHold, APauseLeavesItAsItIsAndReleasesItAtItsEnd) {
  for (const auto hold : {Hold::before_swap, Hold::before_commit}) {
    Waiting device(hold);
    auto& bench = device.bench;
    const auto waits = bench.phase();
    bench.give(directive(1, 1, {order(OrderKind::pause_updates, 1)}));
    bench.give(Waiting::wanted(3));
    bench.settle();
    EXPECT_EQ(bench.phase(), waits);
    EXPECT_EQ(bench.state().assignment.epoch, 2u);
    bench.give(directive(1, 2, {}));
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.state().assignment.epoch, 3u);
  }
}

TEST(McuMachineHold, AnotherHoldOrShadowUnderTheSameEpochIsAReplay) {
  Waiting device(Hold::before_swap);
  auto& bench = device.bench;
  bench.give(Waiting::wanted(2));
  EXPECT_EQ(bench.count(EffectKind::refused), 1u);
  auto shadowed = Waiting::wanted(2, Hold::before_swap);
  shadowed.shadow = 2;
  bench.give(shadowed);
  EXPECT_EQ(bench.count(EffectKind::refused), 2u);
  bench.give(Waiting::wanted(2, Hold::before_swap));
  EXPECT_EQ(bench.count(EffectKind::refused), 2u);
  EXPECT_EQ(bench.phase(), Phase::staged);
}

TEST(McuMachineHold, ADamagedSlotGoesBackWhileHeld) {
  Waiting device(Hold::before_commit);
  auto& bench = device.bench;
  bench.damage(M, bench.state().planes[index_of(M)].active, false);
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::slot_damaged);
  device.expect_back();
}

TEST(McuMachineHold, ARepairDoesNotWait) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(assignment(2, {{M, 1}}, 10, Hold::before_swap));
  bench.settle();
  ASSERT_EQ(bench.phase(), Phase::committed) << "it runs already";
  bench.damage(M, bench.state().planes[index_of(M)].active, false);
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(M), 1u);
}

Assignment with_shadow(std::uint64_t epoch) {
  auto made = assignment(epoch, {{M, 1}});
  made.shadow = 1 + index_of(C);
  return made;
}

TEST(McuMachineShadow, IsRefusedAndChangesNothing) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(with_shadow(2));
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::incompatible);
  EXPECT_EQ(bench.state().error_plane, C);
  EXPECT_STREQ(bench.state().detail, "nothing can run in the shadow here");
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.fills(), 1u);
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::failed);
  bench.give(assignment(3, {{M, 2}}));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineShadow, IsStillRefusedAfterARepair) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(with_shadow(2));
  bench.damage(M, bench.state().planes[index_of(M)].active, false);
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.phase(), Phase::failed) << "committed would say that the shadow has run";
  EXPECT_EQ(bench.state().error, ErrorCode::incompatible);
}

}  // namespace
}  // namespace muster::mcu::testing
