// Which devices a wave gets: exactly ceil(percent × targets / 100), the same ones after a restart, late joiners by
// their bucket, rings by their condition.
#include <gtest/gtest.h>

#include "rules/engine/rollout.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

Wave wave(const std::string& name, std::uint32_t percent, Gate gate = Gate::automatic) {
  Wave made;
  made.name = name;
  made.percent = percent;
  made.gate = gate;
  return made;
}

std::string id_of(std::size_t i) {
  return "gw-" + std::to_string(i);
}

World world_with(std::size_t devices) {
  World world;
  world.add_release(Plane::model, "reader", "2");
  for (std::size_t i = 0; i < devices; ++i) world.join(id_of(i), facts_of("rk3566", "eu"));
  return world;
}

Rule rule_of(std::vector<Wave> waves, std::uint64_t seed = 7) {
  auto rule = World::rule("r", "device.region == \"eu\"", {{Plane::model, "reader", "2"}}, std::move(waves));
  rule.seed = seed;
  return rule;
}

TEST(Cohort, AWaveHasExactlyTheCeilingOfItsShare) {
  for (const std::size_t devices : {1u, 2u, 3u, 7u, 10u, 99u, 100u, 101u, 250u}) {
    for (const std::uint32_t percent : {1u, 5u, 10u, 33u, 50u, 67u, 99u, 100u}) {
      auto world = world_with(devices);
      world.checking = false;
      world.start(rule_of({wave("first", percent)}, devices + percent));
      const std::size_t expected = (percent * devices + 99) / 100;
      EXPECT_EQ(world.assigned_by("r").size(), expected) << percent << " % of " << devices;
      EXPECT_EQ(world.status("r").waves[0].devices, expected);
    }
  }
}

TEST(Cohort, WavesAreCumulative) {
  auto world = world_with(101);
  world.start(rule_of({wave("a", 10), wave("b", 33), wave("c", 100)}));
  const auto first = world.assigned_by("r");
  ASSERT_EQ(first.size(), 11u);
  for (const auto& id : first) world.commit(id);
  const auto second = world.assigned_by("r");
  EXPECT_EQ(second.size(), 34u);
  for (const auto& id : first) EXPECT_TRUE(second.contains(id));
  for (const auto& id : second) {
    if (!first.contains(id)) world.commit(id);
  }
  EXPECT_EQ(world.assigned_by("r").size(), 101u);
}

TEST(Cohort, FollowsBucketAndSeedAndNothingElse) {
  auto world = world_with(200);
  World other;  // the same devices come in another order
  other.add_release(Plane::model, "reader", "2");
  for (std::size_t i = 200; i-- > 0;) other.join(id_of(i), facts_of("rk3566", "eu"));
  world.start(rule_of({wave("a", 10)}));
  other.start(rule_of({wave("a", 10)}));
  EXPECT_EQ(world.assigned_by("r"), other.assigned_by("r"));

  auto seeded = world_with(200);
  seeded.start(rule_of({wave("a", 10)}, 8));
  EXPECT_NE(world.assigned_by("r"), seeded.assigned_by("r")) << "the seed changes nothing";

  std::uint64_t highest_in = 0;
  std::uint64_t lowest_out = UINT64_MAX;
  const auto in = world.assigned_by("r");
  for (std::size_t i = 0; i < 200; ++i) {
    const auto bucket = bucket_of(7, id_of(i));
    if (in.contains(id_of(i))) {
      highest_in = std::max(highest_in, bucket);
    } else {
      lowest_out = std::min(lowest_out, bucket);
    }
  }
  EXPECT_LT(highest_in, lowest_out);
}

TEST(Cohort, BucketsAreThoseOfXxh3) {
  // Fixed once: a change would deal the cohorts of running rollouts anew.
  EXPECT_EQ(bucket_of(0, ""), 0x2d06800538d394c2u);
  EXPECT_NE(bucket_of(0, "gw-1"), bucket_of(1, "gw-1"));
}

TEST(Cohort, IsTheSameAfterARestart) {
  auto world = world_with(60);
  world.start(rule_of({wave("a", 20), wave("b", 100)}));
  const auto before = world.assigned_by("r");
  world.restart();
  std::vector<Effect> effects;
  world.engine.republish(effects);
  const auto again = World::assigned_in(effects);
  EXPECT_EQ(std::set<std::string>(again.begin(), again.end()), before);
  // A device that comes after the restart is in or out by the same boundary as one that came before it.
  auto twin = world_with(60);
  twin.start(rule_of({wave("a", 20), wave("b", 100)}));
  for (std::size_t i = 60; i < 120; ++i) {
    world.join(id_of(i), facts_of("rk3566", "eu"));
    twin.join(id_of(i), facts_of("rk3566", "eu"));
  }
  EXPECT_EQ(world.assigned_by("r"), twin.assigned_by("r"));
  EXPECT_GT(world.assigned_by("r").size(), before.size());
  EXPECT_LT(world.assigned_by("r").size(), 120u);
}

TEST(Cohort, ALateJoinerIsInWhenItsBucketLiesUnderTheBoundary) {
  auto world = world_with(50);
  world.start(rule_of({wave("a", 20, Gate::manual), wave("b", 100)}));
  std::uint64_t boundary = 0;
  for (const auto& id : world.assigned_by("r")) boundary = std::max(boundary, bucket_of(7, id));
  for (std::size_t i = 50; i < 150; ++i) {
    const auto effects = world.join(id_of(i), facts_of("rk3566", "eu"));
    EXPECT_EQ(World::assigned_in(effects).size(), bucket_of(7, id_of(i)) <= boundary ? 1u : 0u) << id_of(i);
  }
}

TEST(Cohort, UnknownIsNotATarget) {
  auto world = world_with(0);
  world.join("nowhere", facts_of("rk3566", ""));
  world.join("us", facts_of("rk3566", "us"));
  world.start(World::rule("r", "device.region != \"us\"", {{Plane::model, "reader", "2"}}, {wave("all", 100)}));
  EXPECT_EQ(world.status("r").targets, 0u);
  world.join("eu", facts_of("rk3566", "eu"));
  EXPECT_EQ(world.assigned_by("r"), std::set<std::string>{"eu"});
}

TEST(Cohort, ADeviceThatNeverReportedIsOnlySeen) {
  auto world = world_with(0);
  world.see("gw-1");
  world.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {wave("all", 100)}));
  EXPECT_EQ(world.status("r").targets, 0u);
  DeviceStatus status;
  ASSERT_TRUE(world.engine.device("gw-1", status));
  EXPECT_TRUE(status.connected);
  EXPECT_FALSE(status.reported);
  world.lose("gw-1");
  EXPECT_FALSE(world.engine.device("gw-1", status)) << "a client that never reported leaves nothing behind";
}

TEST(Cohort, RingDevicesCountTowardsLaterPercentages) {
  auto world = world_with(18);
  for (const auto* id : {"lab-1", "lab-2"}) {
    auto facts = facts_of("rk3566", "eu");
    facts.tags = {"lab"};
    world.join(id, facts);
  }
  Wave ring = wave("lab", 0);
  ring.ring_text = "\"lab\" in device.tags";
  ring.ring = World::compile(ring.ring_text);
  world.start(rule_of({ring, wave("tenth", 10), wave("half", 50), wave("all", 100)}));
  EXPECT_EQ(world.assigned_by("r"), (std::set<std::string>{"lab-1", "lab-2"}));
  world.commit("lab-1");
  world.commit("lab-2");
  EXPECT_EQ(world.assigned_by("r").size(), 10u) << "10 % is covered by the ring; 50 % adds 8";
  EXPECT_EQ(world.status("r").waves[1].devices, 0u);
  EXPECT_EQ(world.status("r").waves[1].state, WaveState::done);
  EXPECT_EQ(world.status("r").waves[2].devices, 8u);
}

TEST(Cohort, AnEmptyWaveIsFilledByTheFirstTargets) {
  auto world = world_with(0);
  world.start(rule_of({wave("a", 10), wave("b", 100)}));
  EXPECT_NE(world.status("r").waiting_for.find("no device matches the targets"), std::string::npos);
  world.join("gw-1", facts_of("rk3566", "eu"));
  EXPECT_EQ(world.assigned_by("r"), std::set<std::string>{"gw-1"});
  EXPECT_EQ(world.status("r").waiting_for, "");
}

TEST(Cohort, AnUnassignedDeviceLeavesWhenItStopsMatchingAndAnAssignedOneStays) {
  auto world = world_with(10);
  world.start(rule_of({wave("a", 50, Gate::manual), wave("b", 100)}));
  const auto in = world.assigned_by("r");
  for (std::size_t i = 0; i < 10; ++i) {
    world.devices[id_of(i)].report.facts.region = "us";
    world.report(id_of(i));
  }
  EXPECT_EQ(world.status("r").targets, 0u);
  EXPECT_EQ(world.status("r").waves[0].devices, in.size());
  for (const auto& id : in) world.commit(id);
  EXPECT_EQ(world.status("r").state, RolloutState::awaiting_approval);
  EXPECT_EQ(world.status("r").done, in.size());
}

}  // namespace
}  // namespace muster::rules::test
