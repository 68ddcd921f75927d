// Waves of a number of devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/engine/rollout.h"
#include "tests/unit/engine/rehearsal_fleet.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;

class DeviceWaves : public Rehearsals {
 protected:
  void start_numbers(std::vector<std::uint32_t> numbers) {
    std::vector<Wave> waves;
    for (const auto number : numbers) {
      Wave wave;
      wave.name = "w" + std::to_string(number);
      wave.devices = number;
      waves.push_back(wave);
    }
    start_rule(World::rule("r", "true", {{Plane::model, "reader", "2"}}, std::move(waves)));
  }
  std::string refused(std::vector<Wave> waves) {
    return World::reply(world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, std::move(waves))));
  }
};

TEST_F(DeviceWaves, ExactlySoManyAreInAndThoseOfEarlierWavesCount) {
  join(10);
  start_numbers({2, 5, 9});
  EXPECT_EQ(reached().size(), 2u);
  commit_reached();
  EXPECT_EQ(reached().size(), 5u);
  EXPECT_EQ(world_.status("r").waves[1].devices, 3u);
  EXPECT_EQ(world_.status("r").waves[1].first_devices, 5u);
  commit_reached();
  EXPECT_EQ(reached().size(), 9u);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(DeviceWaves, TheyAreTheFirstOfThePercentageThatFollows) {
  join(20);
  Wave two;
  two.name = "two";
  two.devices = 2;
  two.gate = Gate::manual;
  Wave half;
  half.name = "half";
  half.percent = 50;
  start_rule(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {two, half}));
  const auto first = reached();
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [id, device] : world_.devices) order.emplace_back(bucket_of(7, id), id);
  std::sort(order.begin(), order.end());
  EXPECT_THAT(first, testing::UnorderedElementsAre(order[0].second, order[1].second));
}

TEST_F(DeviceWaves, WhereThereAreFewerAllAreIn) {
  join(3);
  start_numbers({5});
  EXPECT_EQ(reached().size(), 3u);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(DeviceWaves, ALateJoinerIsInWhenItLiesUnderTheBoundary) {
  join(4);
  start_numbers({2});
  std::uint64_t last = 0;
  for (const auto& id : reached()) last = std::max(last, bucket_of(7, id));
  join(30);
  std::size_t in = 0;
  for (const auto& [id, device] : world_.devices) {
    const bool is_in = bucket_of(7, id) <= last;
    EXPECT_EQ(device.assigned.has_value(), is_in) << id;
    in += is_in ? 1 : 0;
  }
  EXPECT_GT(in, 2u);
}

TEST_F(DeviceWaves, TheyOpenWithTheFirstTargetsThereAre) {
  start_numbers({2});
  EXPECT_THAT(says(), HasSubstr("no device matches the targets"));
  join(1);
  EXPECT_EQ(reached().size(), 1u);
}

TEST_F(DeviceWaves, AWaveOfStoppedDevicesTakesTheNextOnes) {
  join(10);
  Wave two;
  two.name = "two";
  two.devices = 2;
  start_rule(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {two}));
  for (const auto* region : {"de", "us"}) {
    if (reached().empty() || !in(reached()[0], region)) continue;
    stop(std::string("region=") + region, true);
  }
  commit_reached();
  for (int i = 0; i < 3; ++i) commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
}

TEST_F(DeviceWaves, WhatMakesNoSenseIsRefused) {
  join(4);
  Wave two;
  two.name = "two";
  two.devices = 2;
  Wave half;
  half.name = "half";
  half.percent = 50;
  EXPECT_THAT(refused({two, two}), HasSubstr("must grow from wave to wave"));
  EXPECT_THAT(refused({half, two}), HasSubstr("a number of devices after a percentage"));
  Wave many = two;
  many.devices = wave_devices_max + 1;
  EXPECT_THAT(refused({many}), HasSubstr("up to 1000000"));
  Wave both = half;
  both.devices = 2;
  EXPECT_THAT(refused({both}), HasSubstr("both a percentage and a number"));
  Wave late = half;
  late.rehearse = true;
  EXPECT_THAT(refused({two, late}), HasSubstr("rehearses, and is not the first"));
  half.rehearse = true;
  EXPECT_THAT(refused({half}), HasSubstr("started"));
}

}  // namespace
}  // namespace muster::rules::test
