// Second attempts and maintenance windows in simulated time.
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/support/long_form.h"
#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

using End = RunResult::End;
constexpr std::uint64_t hour_s = 3600;

TEST(SimulatedRetries, BadLinksStopARolloutOnlyWithoutThem) {
  const std::vector<std::string> faults = {"reader@2: fails 20% with fetch_failed"};
  const auto without = run(simulation_of(plain_rule, two_regions, faults), seed());
  EXPECT_EQ(without.stopped_by, audit::rollout_halted);
  const auto with = run(
      simulation_of(plain_rule + "retry: { attempts: 10, wait: 1m, wait_max: 10m }\n", two_regions, faults), seed());
  EXPECT_EQ(with.status.state, RolloutState::completed) << timeline_of(with);
  EXPECT_EQ(with.status.done, 600u);
  EXPECT_GE(count_of(with, audit::device_retrying), 60u);
  ASSERT_EQ(with.waves.size(), 3u);
  EXPECT_EQ(with.waves[0].devices, 60u) << "a device that is tried again is one device";
  EXPECT_EQ(with.waves[1].devices, 240u);
}

TEST(SimulatedRetries, ADeviceThatWaitsIsWaitedFor) {
  const auto result =
      run(simulation_of(plain_rule + "retry: { attempts: 2, wait: 1d, wait_max: 7d }\nhalt: { failed_devices: 100 }\n",
                        two_regions, {"reader@2: fails 100% with disk_full"}),
          seed());
  EXPECT_EQ(result.end, End::stands_still);
  EXPECT_EQ(count_of(result, audit::device_retrying), 60u) << timeline_of(result);
  EXPECT_EQ(count_of(result, audit::device_failed), 60u) << "after the second attempt, up to a day later";
}

TEST(SimulatedRehearsal, AFewGoForwardBackAndForwardBeforeTheFirstWave) {
  const auto simulation = simulation_of(plain_rule + "rehearse: { devices: 2 }\n", two_regions);
  const auto earliest = earliest_openings(simulation);
  const auto result = run(simulation, seed());
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_EQ(result.status.done, 600u);
  EXPECT_EQ(count_of(result, audit::device_rehearsing_back), 2u) << timeline_of(result);
  EXPECT_EQ(count_of(result, audit::device_rehearsing_forth), 2u);
  EXPECT_EQ(count_of(result, audit::device_rehearsed), 2u);
  ASSERT_EQ(result.waves.size(), 4u);
  EXPECT_EQ(result.waves[0].devices, 2u) << "a device that takes it twice is one device";
  EXPECT_EQ(result.waves[1].devices, 58u);
  for (std::size_t wave = 0; wave < earliest.size(); ++wave) {
    ASSERT_TRUE(result.waves[wave].opened_s);
    EXPECT_LE(earliest[wave], *result.waves[wave].opened_s) << wave;
  }
}

TEST(SimulatedRehearsal, WhatIsWrongWithTheReleaseShowsInIt) {
  const auto result = run(
      simulation_of(plain_rule + "rehearse: { devices: 2 }\n", two_regions, {"reader@2: fails 100% with disk_full"}),
      seed());
  EXPECT_EQ(result.stopped_by, audit::rollout_halted);
  EXPECT_EQ(result.ran, 2u) << "nobody but those who rehearse";
}

const std::string fleet_of_two_clocks =
    "groups:\n"
    "  - { count: 300, class: gateway, region: de, utc_offset: \"+01:00\", ids: de-### }\n"
    "  - { count: 300, class: gateway, region: us, utc_offset: \"-05:00\", ids: us-### }\n";

// It starts at 08:00 UTC, which is night in the one place and morning in the other.
TEST(SimulatedWindows, EverybodyIsAssignedAtNight) {
  const auto simulation =
      simulation_of(plain_rule + "windows: [{ from: \"01:00\", to: \"05:00\" }]\n", fleet_of_two_clocks);
  const auto result = run(simulation, seed());
  EXPECT_EQ(result.end, End::over);
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_EQ(result.ran, 600u);
  ASSERT_EQ(result.waves.size(), 3u);
  ASSERT_TRUE(result.waves[1].opened_s && result.waves[2].opened_s);
  EXPECT_GE(*result.waves[1].opened_s, 16 * hour_s) << "the canaries of de had to wait for midnight UTC";
  EXPECT_GE(*result.waves[2].opened_s, 22 * hour_s) << "half of us had to wait for 06:00 UTC";
  const auto earliest = earliest_openings(simulation);
  ASSERT_EQ(earliest.size(), 3u);
  EXPECT_EQ(earliest[0], 0u);
  for (std::size_t i = 0; i < earliest.size(); ++i) EXPECT_LE(earliest[i], *result.waves[i].opened_s) << "wave " << i;
}

// A ring has to wait for its own windows alone.
TEST(SimulatedWindows, NoWaveOpensEarlierThanSaid) {
  const auto simulation = simulation_of(
      "rollout: r\ntargets: device.class == \"gateway\"\nversions: { model: reader@2 }\nwaves: [{ name: us, ring: "
      "device.region == \"us\" }, { name: all, percent: 100 }]\nwindows: [{ from: \"01:00\", to: \"05:00\" }]\n",
      fleet_of_two_clocks);
  const auto result = run(simulation, seed());
  const auto earliest = earliest_openings(simulation);
  ASSERT_TRUE(result.waves[1].opened_s);
  EXPECT_LE(earliest[1], *result.waves[1].opened_s);
  EXPECT_GE(earliest[1] + hour_s, *result.waves[1].opened_s);
}

TEST(SimulatedWindows, OneAWeekIsWaitedFor) {
  const auto result = run(
      simulation_of(plain_rule + "windows: [{ days: [thu], from: \"01:00\", to: \"05:00\" }]\n", fleet_of_two_clocks),
      seed());
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_GE(*result.finished_s, 5 * 24 * hour_s);
}

}  // namespace
}  // namespace muster::rules::test
