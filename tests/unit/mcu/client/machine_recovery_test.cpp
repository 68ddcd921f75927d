// What the device does about itself: the policy's actions, crashes, damaged slots, and what the bootloader decided
// without it.
#include <gtest/gtest.h>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;
constexpr auto C = Plane::config;

void bring(Bench& bench, const Assignment& wanted) {
  bench.give(wanted);
  bench.settle();
  ASSERT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineRecovery, ActionsOfASettledDevice) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bench.policy(RecoveryAction::switch_to_degraded_model);
  EXPECT_EQ(bench.state().device, DeviceState::degraded);
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::degraded);
  bench.policy(RecoveryAction::restart_workload);
  EXPECT_EQ(bench.state().device, DeviceState::recovering);
  EXPECT_EQ(bench.count(EffectKind::restart_workload), 1u);
  bench.give(EventKind::policy_clear);
  EXPECT_EQ(bench.state().device, DeviceState::healthy);
  bench.policy(RecoveryAction::drop_to_safe_mode);
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  bench.policy(RecoveryAction::restart_workload);
  bench.give(EventKind::policy_clear);
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode) << "nothing is left to do in safe mode";
  EXPECT_EQ(bench.count(EffectKind::restart_workload), 1u);
}

TEST(McuMachineRecovery, ARollbackTakesBackAllOfTheLastCommitOrLatchesSafeMode) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}, {C, 1}}));
  bring(bench, assignment(2, {{M, 2}, {C, 2}, {F, 2}}));
  bench.policy(RecoveryAction::rollback_release);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::recovery_rollback);
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.active(C), 1u);
  EXPECT_EQ(bench.active(F), 1u);
  bench.policy(RecoveryAction::rollback_release);
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
  EXPECT_EQ(bench.state().last_action, RecoveryAction::drop_to_safe_mode);
}

TEST(McuMachineRecovery, HalfOfASetIsNotTakenBack) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bring(bench, assignment(2, {{M, 2}, {C, 1}}));  // nothing before it on the config plane
  bench.policy(RecoveryAction::restart_workload, true);
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
  EXPECT_EQ(bench.active(M), 2u);
}

TEST(McuMachineRecovery, ARollbackWhileTheCureIsFetchedLetsItGoOn) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bring(bench, assignment(2, {{M, 2}}));
  bench.give(assignment(3, {{C, 3}}));
  bench.policy(RecoveryAction::rollback_release);
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.phase(), Phase::fetching);
  bench.settle();
  EXPECT_EQ(bench.active(C), 3u);
}

TEST(McuMachineRecovery, InTheSoakOnlyRestartsAreForgiven) {
  for (const auto action : {RecoveryAction::switch_to_degraded_model, RecoveryAction::drop_to_safe_mode,
                            RecoveryAction::rollback_release, RecoveryAction::none}) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}}));
    while (bench.phase() != Phase::soaking) {
      bench.policy(action);  // while checks decide it speaks of nothing
      if (bench.state().device == DeviceState::safe_mode) break;
      bench.answer();
    }
    if (bench.phase() != Phase::soaking) continue;
    bench.policy(action);
    EXPECT_EQ(bench.phase(), Phase::rolled_back);
    EXPECT_EQ(bench.state().error,
              action == RecoveryAction::rollback_release ? ErrorCode::recovery_rollback : ErrorCode::soak_failed);
    EXPECT_EQ(bench.state().device, DeviceState::rolled_back);
  }
}

TEST(McuMachineRecovery, NothingIsJudgedWhileChecksDecide) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  EXPECT_TRUE(bench.machine().judging());
  while (bench.phase() != Phase::probing) bench.answer();
  EXPECT_FALSE(bench.machine().judging());
  bench.policy(RecoveryAction::drop_to_safe_mode);
  EXPECT_EQ(bench.state().device, DeviceState::healthy);
  bench.answer();
  EXPECT_TRUE(bench.machine().judging());
}

TEST(McuMachineRecovery, ThreeCrashesOnProbationBringItBackAndPowerCutsDoNot) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bench.give(assignment(2, {{M, 2}}));
  while (bench.phase() != Phase::soaking) bench.answer();
  for (int i = 0; i < 6; ++i) bench.start(ResetCause::power_on);
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.start(ResetCause::watchdog);
  bench.start(ResetCause::power_on);
  bench.start(ResetCause::fault);
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.start(ResetCause::watchdog);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.boot().crashes, 0) << "what runs now is not what crashed";
}

TEST(McuMachineRecovery, FirmwareThatDoesNotConfirmItselfIsRevertedByTheBootloader) {
  Bench bench;
  bench.give(assignment(1, {{F, 2}, {M, 1}}));
  while (bench.phase() != Phase::probing) bench.answer();
  for (int i = 0; i < trial_starts_max; ++i) bench.start(ResetCause::watchdog);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.active(F), 1u);
  EXPECT_EQ(bench.active(M), 0u);
  EXPECT_EQ(bench.boot().outcome, TrialOutcome::reverted);
}

TEST(McuMachineRecovery, ACrashLoopTurnsTheWorkloadOffAndThenTheOtherFirmwareRuns) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}}));
  for (int i = 0; i < UpdateMachine::crash_loop_max; ++i) {
    EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal);
    bench.start(ResetCause::watchdog);
  }
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  bench.give(directive(0, 1, {order(OrderKind::resume, 1)}));
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal);
  bench.start(ResetCause::power_on);
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal) << "a power cut is no crash";
  EXPECT_EQ(bench.boot().crashes, 0) << "whoever ends safe mode gives the device a new start";
  for (int i = 0; i < UpdateMachine::crash_loop_max; ++i) {
    EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal);
    bench.start(ResetCause::fault);
  }
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  for (int i = UpdateMachine::crash_loop_max; i < crashes_max; ++i) bench.start(ResetCause::fault);
  EXPECT_EQ(bench.active(F), 1u);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.boot().fallbacks, 0);
  bench.give(EventKind::healthy);
  EXPECT_EQ(bench.boot().crashes, 0);
}

TEST(McuMachineRecovery, ADamagedModelGivesWayToThePreviousOneAndIsFetchedAgain) {
  for (const bool header : {false, true}) {
    for (const bool previous : {false, true}) {
      Bench bench;
      if (previous) bring(bench, assignment(1, {{M, 1}}));
      bring(bench, assignment(2, {{M, 2}}));
      bench.damage(M, bench.state().planes[index_of(M)].active, header);
      bench.start();
      EXPECT_EQ(bench.phase(), Phase::fetching);
      EXPECT_EQ(bench.active(M), previous ? 1u : 0u);
      EXPECT_EQ(bench.state().error, ErrorCode::slot_damaged);
      bench.settle();
      EXPECT_EQ(bench.phase(), Phase::committed);
      EXPECT_EQ(bench.state().error, ErrorCode::none);
      EXPECT_EQ(bench.active(M), 2u);
    }
  }
}

TEST(McuMachineRecovery, ADamagedPreviousSlotIsNoWayBack) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bring(bench, assignment(2, {{M, 2}}));
  bench.damage(M, bench.state().planes[index_of(M)].previous, false);
  bench.start();
  EXPECT_EQ(bench.machine().way_back(M), no_slot);
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineRecovery, DamageOnProbationBringsEverythingBackAlsoWhenTheWayBackIsDamagedToo) {
  for (const bool both : {false, true}) {
    Bench bench;
    bring(bench, assignment(1, {{M, 1}, {C, 1}}));
    bench.give(assignment(2, {{M, 2}, {F, 2}}));
    while (bench.phase() != Phase::soaking) bench.answer();
    bench.damage(M, bench.state().planes[index_of(M)].active, false);
    if (both) bench.damage(M, static_cast<std::uint8_t>(bench.state().planes[index_of(M)].active ^ 1u), false);
    bench.start();
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.active(M), both ? 0u : 1u);
    EXPECT_EQ(bench.phase(), Phase::rolled_back);
  }
}

TEST(McuMachineRecovery, AWayBackThatWasDamagedWhileNobodyLookedIsNotTaken) {
  Bench bench;
  bring(bench, assignment(1, {{M, 1}}));
  bench.give(assignment(2, {{M, 2}}));
  while (bench.phase() != Phase::soaking) bench.answer();
  bench.damage(M, static_cast<std::uint8_t>(bench.state().planes[index_of(M)].active ^ 1u), true);
  bench.start();
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.policy(RecoveryAction::drop_to_safe_mode);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.active(M), 0u);
}

TEST(McuMachineRecovery, DamagedFirmwareGivesWayToTheOtherSlot) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}, {M, 1}}));
  bench.damage(F, bench.boot().active, false);
  bench.start();
  EXPECT_EQ(bench.active(F), 1u);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::slot_damaged);
  EXPECT_EQ(bench.active(M), 1u);
  bring(bench, assignment(2, {{F, 2}}));
  EXPECT_EQ(bench.active(F), 2u);
}

TEST(McuMachineRecovery, FirmwareThatFellBackUnderAModelOnProbationEndsTheProbation) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}, {M, 1}}));
  bench.give(assignment(2, {{M, 2}}));
  while (bench.phase() != Phase::soaking) bench.answer();
  bench.damage(F, bench.boot().active, false);
  bench.start();
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.active(M), 1u);
}

// The slot on trial is all that the bootloader has left: it runs without being a trial, and is committed without a
// confirmation.
TEST(McuMachineRecovery, FirmwareThatRunsBecauseNothingElseCouldIsCommittedAllTheSame) {
  Bench bench;
  bench.give(assignment(1, {{F, 5}}));
  bench.answer();
  const auto before_request = 3;  // verified: persist, note(s), then the request
  bench.cut_power_at(before_request);
  bench.damage(F, 0, false);
  bench.answer();
  ASSERT_EQ(bench.boot().running, 1);
  bench.settle();
  EXPECT_EQ(bench.active(F), 5u);
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.boot().security_floor, 2u);
}

// A stale confirmation of earlier firmware is none of this one's.
TEST(McuMachineRecovery, TheFloorRisesAlsoWhenAnEarlierTrialHadBeenConfirmed) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}}));
  bench.give(assignment(2, {{F, 9}}));
  bench.answer();
  bench.cut_power_at(3);
  bench.damage(F, 1, false);
  bench.answer();
  ASSERT_EQ(bench.boot().running, 0);
  bench.settle();
  EXPECT_EQ(bench.active(F), 9u);
  EXPECT_EQ(bench.boot().security_floor, 3u);
}

TEST(McuMachineRecovery, WithoutItsSettingsADeviceStillKnowsTheFloorOfItsFirmware) {
  Bench bench;
  bring(bench, assignment(1, {{F, 5}}));
  bench.forget_settings();
  bench.start();
  EXPECT_EQ(bench.active(F), 5u);
  EXPECT_EQ(bench.state().planes[index_of(F)].floor, 2u);
  bench.give(assignment(2, {{F, 3}}));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::under_security_floor);
}

TEST(McuMachineRecovery, AStateThatWasRecoveringGoesOnAfterAStart) {
  Bench bench;
  bench.policy(RecoveryAction::restart_workload);
  bench.start();
  EXPECT_EQ(bench.state().device, DeviceState::recovering);
  bench.give(EventKind::policy_clear);
  EXPECT_EQ(bench.state().device, DeviceState::healthy);
}

}  // namespace
}  // namespace muster::mcu::testing
