// Power cuts at every flash operation of a whole update, and kills at random moments of it, on real processes with a
// real broker. Afterwards every device runs what was assigned to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/e2e/mcu/mcu_world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::long_form;
using muster::testing::seed_or;
using muster::testing::size_for;

constexpr int exit_power_cut = 64;
constexpr std::size_t fleet_size = 24;

class McuPower : public McuWorld {
 protected:
  void SetUp() override {
    seed_ = seed_or(20261121);
    random_.seed(seed_);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }
  void open_fleet(std::size_t count) {
    open();
    for (std::size_t i = 0; i < count; ++i)
      add_device("mcu-" + std::to_string(i), {.watchdog_ms = 5000, .check_ms = 20000}).start();
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EVENTUALLY(30s, device(mcu(i).name()).value("reported", false)) << mcu(i).log();
  }
  [[nodiscard]] std::string next_version() {
    auto version = std::to_string(++version_);
    make_set(version);
    return version;
  }
  void start(const std::string& version) {
    start_rollout(
        "set-" + version,
        "rollout: set-" + version + "\nseed: 7\ntargets: 'true'\nversions: " + versions_of(version) +
            "\nwaves: [{ name: all, percent: 100, soak: 0s }]\nunreachable_after: 60s\nattempt_timeout: 120s\n");
  }
  // Turns the power on again wherever it was cut.
  void restart_dead() {
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      if (mcu(i).running()) continue;
      EXPECT_EQ(mcu(i).wait_exit(0ms), exit_power_cut) << mcu(i).log();
      mcu(i).start();
      ++cuts_;
    }
  }
  void expect_all_run(const std::string& version) {
    ASSERT_EVENTUALLY(90s, (restart_dead(), state("set-" + version) == "completed"))
        << status("set-" + version).dump(1);
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      EXPECT_TRUE(runs_set(mcu(i).name(), version)) << device(mcu(i).name()).dump(1) << mcu(i).log();
      EXPECT_EQ(device_state(mcu(i).name()), "healthy") << mcu(i).name();
    }
  }
  // One update of the whole fleet, in which device i loses its power in operation cuts[i] from its start on.
  void update_with_cuts(const std::vector<std::uint64_t>& cuts) {
    for (std::size_t i = 0; i < mcu_count(); ++i) mcu(i).kill_hard();
    const auto version = next_version();
    for (std::size_t i = 0; i < cuts.size(); ++i) mcu(i).start_with_cut(cuts[i], random_());
    for (std::size_t i = cuts.size(); i < mcu_count(); ++i) mcu(i).start();
    start(version);
    expect_all_run(version);
  }
  // How many flash operations a device needs from its start to the end of an update.
  [[nodiscard]] std::uint64_t operations_of_an_update() {
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      static_cast<void>(mcu(i).stop());
      mcu(i).start();
    }
    const auto version = next_version();
    start(version);
    expect_all_run(version);
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      most = std::max(most, mcu(i).stop());
      mcu(i).start();
    }
    return most;
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::size_t cuts_ = 0;
  int version_ = 0;
};

TEST_F(McuPower, CutAtEveryFlashOperationOfAnUpdate) {
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(open_fleet(fleet_size));
  const auto operations = operations_of_an_update();
  ASSERT_GT(operations, 50u);
  // The short form takes every k-th, so that two updates of the fleet are enough; another seed takes others.
  const std::uint64_t step = long_form() ? 1 : (operations + 2 * fleet_size - 1) / (2 * fleet_size);
  const int seeds = size_for(1, 3);
  std::size_t planned = 0;
  for (int turn = 0; turn < seeds; ++turn) {
    std::vector<std::uint64_t> cuts;
    for (std::uint64_t n = 1 + random_() % step; n <= operations || !cuts.empty(); n += step) {
      if (n <= operations) cuts.push_back(n);
      if (cuts.size() < fleet_size && n <= operations) continue;
      planned += cuts.size();
      ASSERT_NO_FATAL_FAILURE(update_with_cuts(cuts));
      cuts.clear();
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  printf("an update takes %llu flash operations; %zu cuts planned, %zu took place, %d updates of %zu devices, %.1f s\n",
         static_cast<unsigned long long>(operations), planned, cuts_, version_, fleet_size, took.count());
  EXPECT_GE(cuts_ * 10, planned * 8) << "most operations were reached";
}

// What a power cut leaves between two operations, at any moment.
TEST_F(McuPower, KilledAtRandomMoments) {
  const auto count = size_for<std::size_t>(8, 24);
  ASSERT_NO_FATAL_FAILURE(open_fleet(count));
  std::size_t kills = 0;
  for (int round = 0; round < size_for(1, 20); ++round) {
    const auto version = next_version();
    start(version);
    // Two a device: a trial has three starts.
    std::vector<std::size_t> victims;
    for (std::size_t i = 0; i < count; ++i) victims.insert(victims.end(), {i, i});
    std::shuffle(victims.begin(), victims.end(), random_);
    for (const auto victim : victims) {
      const auto size = mcu(victim).log().size();
      const auto wait = std::chrono::milliseconds(random_() % 100);
      static_cast<void>(eventually(
          wait, [&] { return mcu(victim).log().size() > size; }, 1ms));
      mcu(victim).kill_hard();
      mcu(victim).start();
      ++kills;
    }
    ASSERT_NO_FATAL_FAILURE(expect_all_run(version));
  }
  printf("%zu kills in %d updates of %zu devices\n", kills, version_, count);
}

}  // namespace
}  // namespace muster::e2e
