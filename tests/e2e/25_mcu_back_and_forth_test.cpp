// Updates back and forth under random faults: power cuts, kills, bad links, a broker that dies. Whatever happens, every
// device ends with what was assigned to it; not one is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>

#include "tests/e2e/harness/proxy.h"
#include "tests/e2e/mcu/mcu_world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::seed_or;
using muster::testing::size_for;

constexpr int exit_power_cut = 64;
constexpr std::size_t devices = 4;
constexpr int sets = 3;  // with two slots a plane, the third always has to be fetched

class McuBackAndForth : public McuWorld {
 protected:
  void SetUp() override {
    seed_ = seed_or(20261121);
    random_.seed(seed_);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    open();
    proxy_.emplace(broker().port(), seed_);
    for (std::size_t i = 0; i < devices; ++i) {
      add_device("mcu-" + std::to_string(i),
                 {.watchdog_ms = 5000, .check_ms = 30000, .keepalive_s = 3, .port = proxy_->port()})
          .start();
    }
    for (std::size_t i = 0; i < devices; ++i)
      ASSERT_EVENTUALLY(20s, device(mcu(i).name()).value("reported", false)) << mcu(i).log();
    for (int i = 0; i < sets; ++i) make_set(std::to_string(i));
  }
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  // What one connection meets; most meet nothing.
  static LinkPlan plan(std::mt19937_64& random) {
    LinkPlan plan;
    static constexpr std::array faults = {
        LinkFault::delay, LinkFault::throttle,      LinkFault::stall,           LinkFault::cut,
        LinkFault::reset, LinkFault::half_close_up, LinkFault::half_close_down, LinkFault::black_hole};
    if (random() % 2 == 0) return plan;
    plan.fault = faults[random() % faults.size()];
    plan.after_bytes = random() % 40000;
    plan.lasts = std::chrono::milliseconds(100 + random() % 900);
    plan.delay = std::chrono::milliseconds(1 + random() % 20);
    plan.bytes_per_s = 20000 + random() % 200000;
    return plan;
  }
  // A trial has three starts. This takes two at most, by the kill and by the cut that follows: one a device and update.
  void hurt(std::size_t i) {
    if (hurt_[i]) return;
    hurt_[i] = true;
    mcu(i).kill_hard();
    if (below(4) != 0) {
      mcu(i).start_with_cut(1 + below(25), random_());
      armed_[i] = true;
    } else {
      ++kills_;
      mcu(i).start();
    }
  }
  void restart_dead() {
    for (std::size_t i = 0; i < devices; ++i) {
      if (mcu(i).running()) continue;
      EXPECT_EQ(mcu(i).wait_exit(0ms), exit_power_cut) << mcu(i).log();
      ++cuts_;
      armed_[i] = false;
      mcu(i).start();
    }
  }
  void kill_broker() {
    ++broker_kills_;
    broker().kill_hard();
    leave_ops();
    ASSERT_TRUE(broker().start());
  }
  void update(int number, const std::string& version) {
    const auto name = "update-" + std::to_string(number);
    hurt_.fill(false);
    for (std::size_t i = 0; i < devices; ++i) {
      if (!std::exchange(armed_[i], false)) continue;
      mcu(i).kill_hard();  // a cut that was planned in the update before and never came
      mcu(i).start();
      ++kills_;
    }
    proxy_->plan(plan);
    start_rollout(name, "rollout: " + name + "\nseed: 7\ntargets: 'true'\nversions: " + versions_of(version) +
                            "\nwaves: [{ name: all, percent: 100, soak: 0s }]\nunreachable_after: 120s\n"
                            "attempt_timeout: 180s\n");
    const auto faults = 2 + below(4);
    for (std::uint64_t i = 0; i < faults; ++i) {
      const auto victim = below(devices);
      const auto size = mcu(victim).log().size();
      static_cast<void>(eventually(
          std::chrono::milliseconds(below(300)), [&] { return mcu(victim).log().size() > size; }, 1ms));
      restart_dead();
      if (below(12) == 0) {
        kill_broker();
      } else if (below(4) == 0) {
        proxy_->strike(plan(random_));
      } else {
        hurt(victim);
      }
    }
    proxy_->heal();
    EXPECT_EVENTUALLY(90s, (restart_dead(), state(name) == "completed")) << name << " " << status(name).dump(1);
    for (std::size_t i = 0; i < devices; ++i) {
      ASSERT_TRUE(runs_set(mcu(i).name(), version)) << name << "\n" << device(mcu(i).name()).dump(1) << mcu(i).log();
      ASSERT_EQ(device_state(mcu(i).name()), "healthy") << name << " " << mcu(i).name();
    }
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::optional<Proxy> proxy_;
  std::array<bool, devices> hurt_{}, armed_{};
  std::size_t cuts_ = 0, kills_ = 0, broker_kills_ = 0;
};

TEST_F(McuBackAndForth, EndsRightEveryTime) {
  const auto begun = std::chrono::steady_clock::now();
  const int rollouts = size_for(10, 250);  // each is an update of every device
  int version = 0;
  for (int i = 0; i < rollouts; ++i) {
    version = (version + 1 + static_cast<int>(below(sets - 1))) % sets;
    ASSERT_NO_FATAL_FAILURE(update(i, std::to_string(version)));
    if (HasFailure()) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  printf("%zu updates on %zu devices: %zu power cuts, %zu kills, broker killed %zu times, %s; %.1f s\n",
         static_cast<std::size_t>(rollouts) * devices, devices, cuts_, kills_, broker_kills_,
         proxy_->numbers().text().c_str(), took.count());
  // A device that lost something could not do this any more.
  for (std::size_t i = 0; i < devices; ++i) EXPECT_TRUE(mcu(i).running());
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
