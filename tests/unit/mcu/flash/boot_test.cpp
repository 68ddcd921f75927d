#include "mcu-client/src/boot/boot.h"

#include <gtest/gtest.h>

#include <vector>

#include "mcu-client/bootloader/bootloader.h"
#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

using testing::Device;
using testing::Release;

// A device with two releases, driven through the real boot().
struct Board : Device {
  Release a{2000, 5}, b{1500, 6};
  SlotHeader started{};

  Board() {
    EXPECT_EQ(a.install(flash, layout.slots[0][0]), ok);
    start();
    EXPECT_EQ(b.install(flash, layout.slots[0][1]), ok);
  }
  int start(ResetCause cause = ResetCause::power_on) { return boot(flash, cause, started); }
  [[nodiscard]] RecordLog log() {
    RecordLog made(flash, layout.boot_log);
    EXPECT_EQ(made.mount(), ok);
    return made;
  }
  [[nodiscard]] BootState state() {
    BootState found;
    EXPECT_EQ(load(log(), found), ok);
    return found;
  }
  void damage(std::uint32_t slot) {
    const std::uint8_t byte = 0x5a;
    nor.set(layout.slots[0][slot].offset + 1100, &byte, 1);
  }
};

TEST(Boot, CountsEveryStartOverManyBanks) {
  Board board;
  for (std::uint64_t n = 2; n < 300; ++n) {
    ASSERT_EQ(board.start(), 0);
    ASSERT_EQ(board.state().starts, n);
  }
  EXPECT_EQ(board.started.security_version, 5u);
}

TEST(Boot, ATrialIsConfirmed) {
  Board board;
  auto log = board.log();
  EXPECT_EQ(request_trial(log, 0, 77), err_bounds) << "it is the active one";
  EXPECT_EQ(request_trial(log, 2, 77), err_bounds);
  EXPECT_EQ(confirm_trial(log, 6), err_not_found);
  ASSERT_EQ(request_trial(log, 1, 77), ok);
  EXPECT_EQ(confirm_trial(log, 6), err_not_found) << "it does not run yet";
  ASSERT_EQ(board.start(ResetCause::software), 1);
  EXPECT_EQ(board.started.security_version, 6u);
  auto after = board.log();
  ASSERT_EQ(confirm_trial(after, 6), ok);
  const auto operations = board.nor.operations();
  EXPECT_EQ(confirm_trial(after, 6), ok);
  EXPECT_EQ(board.nor.operations(), operations) << "once more changes nothing";
  EXPECT_EQ(board.state().active, 1);
  EXPECT_EQ(board.state().security_floor, 6u);
  EXPECT_EQ(board.state().trial_tag, 77u);
  ASSERT_EQ(board.start(), 1);
  // Back to what lies under the floor now: not even when the other is damaged.
  board.damage(1);
  EXPECT_EQ(board.start(), err_no_slot);
}

TEST(Boot, ATrialThatNeverConfirmsIsReverted) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(request_trial(log, 1, 1), ok);
  EXPECT_EQ(board.start(ResetCause::software), 1);
  EXPECT_EQ(board.start(ResetCause::watchdog), 1);
  EXPECT_EQ(board.start(ResetCause::power_on), 1);
  EXPECT_EQ(board.start(ResetCause::watchdog), 0);
  EXPECT_EQ(board.state().outcome, TrialOutcome::reverted);
  EXPECT_EQ(board.state().crashes, 0) << "these were the trial's";
  EXPECT_EQ(board.start(), 0);
}

TEST(Boot, ADamagedTrialIsReverted) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(request_trial(log, 1, 1), ok);
  board.damage(1);
  EXPECT_EQ(board.start(ResetCause::software), 0);
  EXPECT_EQ(board.state().outcome, TrialOutcome::reverted);
  EXPECT_EQ(board.state().trial_starts, 0);
}

TEST(Boot, DamagedFirmwareGivesWay) {
  Board board;
  board.damage(0);
  EXPECT_EQ(board.start(), 1);
  EXPECT_EQ(board.started.security_version, 6u);
  EXPECT_EQ(board.state().fallbacks, 1);
  EXPECT_EQ(board.start(), 1);
  EXPECT_EQ(board.state().fallbacks, 1) << "the other slot is the active one now";
  auto log = board.log();
  ASSERT_EQ(clear_fallbacks(log), ok);
  EXPECT_EQ(board.state().fallbacks, 0);
  board.damage(1);
  EXPECT_EQ(board.start(), err_no_slot);
}

TEST(Boot, ACrashLoopGivesWayAndHealthEndsIt) {
  Board board;
  for (int i = 1; i < crashes_max; ++i) ASSERT_EQ(board.start(ResetCause::watchdog), 0);
  auto log = board.log();
  ASSERT_EQ(clear_crashes(log), ok);
  for (int i = 1; i < crashes_max; ++i) ASSERT_EQ(board.start(ResetCause::fault), 0);
  ASSERT_EQ(board.start(ResetCause::power_on), 0);
  ASSERT_EQ(board.start(ResetCause::fault), 1);
  EXPECT_EQ(board.state().fallbacks, 1);
  EXPECT_EQ(board.state().crashes, 0);
}

TEST(Boot, GoingBackIsNoTrial) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(request_trial(log, 1, 1), ok);
  ASSERT_EQ(board.start(ResetCause::software), 1);
  auto after = board.log();
  ASSERT_EQ(switch_active(after, 0), ok);
  EXPECT_EQ(switch_active(after, 2), err_bounds);
  EXPECT_EQ(board.start(ResetCause::software), 0);
  EXPECT_EQ(board.state().outcome, TrialOutcome::reverted);
}

TEST(Boot, ALostLogNeverLowersTheFloorByItself) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(request_trial(log, 1, 1), ok);
  ASSERT_EQ(board.start(ResetCause::software), 1);
  auto after = board.log();
  ASSERT_EQ(confirm_trial(after, 6), ok);
  const Area& area = board.layout.boot_log;
  // One bank, either of them: the floor is still there.
  for (std::uint32_t bank = 0; bank < 2; ++bank) {
    NorFlash kept(board.nor.shape());
    kept.copy_from(board.nor);
    board.nor.fill_at_random(area.offset + bank * area.size / 2, area.size / 2, bank);
    EXPECT_EQ(board.start(), 1);
    EXPECT_EQ(board.state().security_floor, 6u);
    board.nor.copy_from(kept);
  }
  // Both: the newer firmware runs, and the client's copy raises the floor again.
  board.nor.fill_at_random(area.offset, area.size, 9);
  EXPECT_EQ(board.start(), 1);
  EXPECT_EQ(board.state().starts, 1u);
  EXPECT_EQ(board.state().security_floor, 5u);
  auto again = board.log();
  ASSERT_EQ(raise_floor(again, 6), ok);
  ASSERT_EQ(raise_floor(again, 3), ok);
  EXPECT_EQ(board.state().security_floor, 6u);
}

// The boot log cannot be written: what is confirmed runs all the same, a trial does not.
TEST(Boot, WithoutALogNoTrialIsStarted) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(request_trial(log, 1, 1), ok);
  Port port = board.port;
  port.flash_program = [](void*, std::uint32_t, const void*, std::uint32_t) -> int { return err_io; };
  port.reset_cause = [](void*) { return ResetCause::software; };
  EXPECT_EQ(run_bootloader(port, board.layout), 0);
  EXPECT_EQ(run_bootloader(port, board.layout), 0);
  port.flash_program = board.port.flash_program;
  EXPECT_EQ(run_bootloader(port, board.layout), 1);
}

TEST(Boot, AHeaderOfAnotherPlaneIsNoFirmware) {
  Board board;
  Release model(500, 9, 1);
  ASSERT_EQ(model.install(board.flash, board.layout.slots[0][0]), ok);
  EXPECT_EQ(board.start(), 1);
}

// The client knows the count too; a log that was lost gets it back, and goes on from there.
TEST(Boot, TheCountOfStartsOnlyRises) {
  Board board;
  EXPECT_EQ(board.start(), 0);
  auto log = board.log();
  ASSERT_EQ(raise_starts(log, 40), ok);
  ASSERT_EQ(raise_starts(log, 7), ok);
  EXPECT_EQ(board.state().starts, 40u);
  EXPECT_EQ(board.start(), 0);
  EXPECT_EQ(board.state().starts, 41u);
}

TEST(Boot, AnUnknownRecordIsOverwritten) {
  Board board;
  auto log = board.log();
  ASSERT_EQ(log.write(boot_state_key, "short", 5), ok);
  BootState found;
  EXPECT_EQ(load(log, found), err_damaged);
  EXPECT_EQ(board.start(), 1) << "the newer one, as without a log";
  EXPECT_EQ(board.state().starts, 1u);
}

}  // namespace
}  // namespace muster::mcu
