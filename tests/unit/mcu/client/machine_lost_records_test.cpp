// What the device makes of a boot log or settings of which the newest records, or all, are lost.
#include <gtest/gtest.h>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;

void bring(Bench& bench, const Assignment& wanted) {
  bench.give(wanted);
  bench.settle();
  ASSERT_EQ(bench.phase(), Phase::committed);
}

// The bootloader then begins with a slot of its own choice; the settings know better.
TEST(McuMachineLostRecords, WithoutItsBootLogADeviceStillKnowsItsFirmware) {
  for (const unsigned running : {2u, 5u}) {  // as old as the factory's, and newer
    Bench bench;
    bring(bench, assignment(1, {{F, running}, {M, 1}}));
    bring(bench, assignment(2, {{M, 2}}));
    bench.forget_boot_log();
    bench.start();
    EXPECT_EQ(bench.active(F), running);
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.state().error, ErrorCode::none);
    EXPECT_EQ(bench.active(M), 2u);
    EXPECT_EQ(bench.boot().active, 1);
    bench.policy(RecoveryAction::rollback_release);
    EXPECT_EQ(bench.active(M), 1u) << "there is still a way back";
  }
}

// An old record of the bootloader's has the firmware on trial, or the one before as active.
TEST(McuMachineLostRecords, AnOldBootLogGivesWayToTheSettings) {
  for (std::size_t steps = 1; steps < 8; ++steps) {
    SCOPED_TRACE(steps);
    Bench bench;
    bring(bench, assignment(1, {{F, 2}}));
    bring(bench, assignment(2, {{F, 3}, {M, 2}}));
    bench.recall_boot_log(steps);
    for (int i = 0; i < 2 * trial_starts_max; ++i) bench.start();
    EXPECT_EQ(bench.active(F), 3u);
    EXPECT_EQ(bench.active(M), 2u);
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_NE(bench.boot().outcome, TrialOutcome::requested);
  }
}

TEST(McuMachineLostRecords, AnOldFallbackInTheBootLogIsNoNewOne) {
  for (std::size_t steps = 1; steps < 8; ++steps) {
    SCOPED_TRACE(steps);
    Bench bench;
    bring(bench, assignment(1, {{F, 2}}));
    bench.damage(F, bench.boot().active, false);
    bench.start();
    ASSERT_EQ(bench.active(F), 1u);
    bring(bench, assignment(2, {{F, 3}, {M, 2}}));
    bench.recall_boot_log(steps);
    bench.start();
    EXPECT_EQ(bench.active(F), 3u);
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.boot().fallbacks, 0);
  }
}

// An old record of the settings' has another firmware as active than the bootloader was told since.
TEST(McuMachineLostRecords, OldSettingsGiveWayToTheBootLog) {
  for (std::size_t steps = 1; steps < 8; ++steps) {
    SCOPED_TRACE(steps);
    Bench bench;
    bring(bench, assignment(1, {{F, 2}}));
    bring(bench, assignment(2, {{F, 3}, {M, 2}}));
    bench.recall_settings(steps);
    bench.start();
    EXPECT_EQ(bench.active(F), 3u) << "nothing was wrong with it";
    bench.settle();
    EXPECT_EQ(bench.active(F), 3u);
    EXPECT_EQ(bench.active(M), 2u);
    EXPECT_EQ(bench.phase(), Phase::committed);
  }
}

// The bootloader knows that it was committed: what is damaged since is fetched again, and nothing is taken back.
TEST(McuMachineLostRecords, DamageAfterACommitThatOldSettingsDoNotKnowIsMadeGood) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}, {M, 1}}));
  bring(bench, assignment(2, {{F, 3}, {M, 2}}));
  bench.damage(M, bench.state().planes[index_of(M)].active, false);
  bench.recall_settings(1);
  ASSERT_EQ(bench.recalled_phase(), Phase::soaking);
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.active(F), 3u);
  EXPECT_EQ(bench.active(M), 2u);
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineLostRecords, WithoutItsBootLogAndItsFirmwareADeviceFallsBack) {
  Bench bench;
  bring(bench, assignment(1, {{F, 2}, {M, 1}}));
  bench.damage(F, bench.boot().active, false);
  bench.forget_boot_log();
  bench.start();
  EXPECT_EQ(bench.active(F), 1u);
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::slot_damaged);
}

// What was under way is taken up where it was, and what was damaged besides is fetched again.
TEST(McuMachineLostRecords, WithoutItsBootLogAnUpdateGoesOn) {
  for (const auto phase : {Phase::fetching, Phase::probing, Phase::soaking}) {
    for (const bool second :
         {false, true}) {  // the bootloader begins with slot a: what was active, or what is on trial
      Bench bench;
      if (second) bring(bench, assignment(1, {{F, 2}, {M, 1}}));
      bench.give(assignment(2, {{F, 3}, {M, 2}}));
      while (bench.phase() != phase) bench.answer();
      bench.forget_boot_log();
      bench.start();
      EXPECT_NE(bench.phase(), Phase::committed) << "nothing has soaked";
      bench.settle();
      EXPECT_EQ(bench.phase(), Phase::committed) << bench.story();
      EXPECT_EQ(bench.active(F), 3u);
      EXPECT_EQ(bench.active(M), 2u);
    }
  }
  Bench bench;
  bring(bench, assignment(1, {{F, 2}, {M, 1}}));
  bench.damage(M, bench.state().planes[index_of(M)].active, false);
  bench.forget_boot_log();
  bench.start();
  bench.settle();
  EXPECT_EQ(bench.active(F), 2u);
  EXPECT_EQ(bench.active(M), 1u);
}

}  // namespace
}  // namespace muster::mcu::testing
