// Whole updates with a power cut at every flash operation, and another one while the device recovers: firmware that is
// good, firmware that hangs, firmware that crashes. The device always starts something that it may start, and comes to
// where an undisturbed one ends.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/crash/mcu/board.h"
#include "tests/support/long_form.h"

namespace muster::mcu {
namespace {

using testing::Board;
using testing::live_on;
using testing::Release;

struct Shape {
  std::uint32_t program_size, erase_size;
};
constexpr Shape shapes[] = {{8, 1024}, {32, 4096}, {1, 2048}};

std::uint64_t the_seed() {
  const auto seed = muster::testing::seed_or(7);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

struct Story {
  Shape shape;
  bool healthy;
};

// One update, cut at n and at m of what follows (0: not).
void update_with_cuts(const Story& story, std::uint64_t n, std::uint64_t m, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", cut at " + std::to_string(n) + ", then at " + std::to_string(m));
  Board board(5, story.shape.program_size, story.shape.erase_size);
  Release release(3000, 6);
  board.nor.cut_power_at(n, seed);
  for (int life = 0; life < 12 && !board.done() && board.nor.has_power(); ++life) board.live(release, story.healthy, 9);
  if (!board.nor.has_power()) {
    board.nor.power_on();
    if (m != 0) board.nor.cut_power_at(m, seed + 1);
  }
  const bool came_to_its_end = live_on(board, release, story.healthy, 9);
  ASSERT_EQ(board.broken, "");
  ASSERT_TRUE(came_to_its_end);
  board.nor.power_on();
  SlotHeader started;
  const int slot = boot(board.flash, ResetCause::power_on, started);
  ASSERT_EQ(slot, story.healthy ? 1 : 0);
  ASSERT_EQ(started.security_version, story.healthy ? 6u : 5u);
  if (!story.healthy) {
    ASSERT_LE(board.trial_jumps, trial_starts_max);
  }
}

std::uint64_t operations_of(const Story& story) {
  Board board(5, story.shape.program_size, story.shape.erase_size);
  const auto before = board.nor.operations();
  Release release(3000, 6);
  EXPECT_TRUE(live_on(board, release, story.healthy, 9));
  return board.nor.operations() - before;
}

void cut_everywhere(bool healthy) {
  const auto seed = the_seed();
  std::uint64_t cuts = 0;
  for (const Shape& shape : shapes) {
    const Story story{shape, healthy};
    const std::uint64_t operations = operations_of(story);
    ASSERT_GT(operations, 20u);
    std::mt19937_64 dice(seed + shape.program_size);
    for (std::uint64_t n = 1; n <= operations; ++n) {
      for (std::uint64_t way = 0; way < muster::testing::size_for(10u, 100u); ++way) {
        update_with_cuts(story, n, way % 5 == 0 ? 0 : 1 + dice() % (way % 2 == 0 ? 4 : operations), dice());
        if (::testing::Test::HasFailure()) return;
        cuts += 2;
      }
    }
  }
  std::printf("%llu power cuts\n", static_cast<unsigned long long>(cuts));
}

TEST(McuUpdateCut, GoodFirmwareArrives) {
  cut_everywhere(true);
}
TEST(McuUpdateCut, FirmwareThatHangsGoesBack) {
  cut_everywhere(false);
}

// Power fails again and again: a download that is never left alone for long still comes to its end.
TEST(McuUpdateCut, ManyShortLives) {
  std::mt19937_64 dice(the_seed());
  for (int round = 0; round < muster::testing::size_for(40, 2000); ++round) {
    Board board(5);
    Release release(4000, 6);
    for (int life = 0; life < 200 && !board.done() && board.broken.empty(); ++life) {
      board.nor.power_on();
      board.nor.cut_power_at(3 + dice() % 12, dice());
      board.live(release, true, 9);
    }
    ASSERT_EQ(board.broken, "");
    board.nor.power_on();
    ASSERT_TRUE(live_on(board, release, true, 9));
    ASSERT_EQ(board.running_version, 6u);
  }
}

// Confirmed firmware that crashes always: after crashes_max crashes the other slot runs, whenever power was cut
// meanwhile, and a cut is never taken for a crash.
TEST(McuUpdateCut, ACrashLoopEndsInTheOtherSlot) {
  std::mt19937_64 dice(the_seed());
  for (std::uint64_t n = 1; n <= 14; ++n) {
    for (std::uint64_t way = 0; way < muster::testing::size_for(20u, 500u); ++way) {
      Board board(5);
      Release other(1000, 5);
      ASSERT_EQ(other.install(board.flash, board.layout.slots[0][1]), ok);
      board.nor.cut_power_at(n, dice());
      ResetCause cause = ResetCause::watchdog;
      int crashes = 0;
      SlotHeader started;
      for (int life = 0; life < 20; ++life) {
        if (!board.nor.has_power()) {
          board.nor.power_on();
          cause = ResetCause::power_on;
        }
        const int slot = boot(board.flash, cause, started);
        if (!board.nor.has_power()) continue;
        if (cause == ResetCause::watchdog) ++crashes;
        if (slot == 1) break;
        ASSERT_EQ(slot, 0);
        cause = ResetCause::watchdog;
      }
      // The start that was cut may have been written down or not.
      ASSERT_GE(crashes, crashes_max - 1);
      ASSERT_LE(crashes, crashes_max + 1);
      ASSERT_EQ(boot(board.flash, ResetCause::power_on, started), 1) << "and it stays there";
    }
  }
}

// Updates back and forth between the slots, with power cuts anywhere, some hanging.
TEST(McuUpdateCut, BackAndForth) {
  std::mt19937_64 dice(the_seed());
  Board board(5);
  std::uint32_t version = 5;
  for (std::uint32_t update = 1; update <= muster::testing::size_for(150u, 5000u); ++update) {
    const bool healthy = dice() % 4 != 0;
    Release release(static_cast<std::uint32_t>(1000 + dice() % 3000), version + 1);
    board.begin();
    for (int life = 0; life < 40 && !board.done() && board.broken.empty(); ++life) {
      board.nor.power_on();
      if (dice() % 2 == 0) board.nor.cut_power_at(1 + dice() % 60, dice());
      board.live(release, healthy, update);
    }
    board.nor.power_on();
    ASSERT_TRUE(live_on(board, release, healthy, update)) << "update " << update << ": " << board.broken;
    if (healthy) ++version;
    SlotHeader started;
    ASSERT_GE(boot(board.flash, ResetCause::power_on, started), 0);
    ASSERT_EQ(started.security_version, version);
  }
}

}  // namespace
}  // namespace muster::mcu
