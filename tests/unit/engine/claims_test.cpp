// Several rollouts over the same devices: who may have a plane, and what an assignment holds.
#include <gtest/gtest.h>

#include "schemas/limits.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Claims : public testing::Test {
 protected:
  Claims() {
    for (const auto* version : {"1", "2", "3"}) {
      world_.add_release(Plane::model, "reader", version);
      world_.add_release(Plane::config, "sorter", version);
      world_.add_release(Plane::firmware, "base", version);
    }
    for (const auto* id : {"eu-1", "eu-2"}) world_.join(id, facts_of("rk3566", "eu"));
    for (const auto* id : {"us-1", "us-2"}) world_.join(id, facts_of("rk3566", "us"));
  }
  std::vector<Effect> start(const std::string& name, const std::string& targets, std::vector<VersionChoice> versions,
                            Gate gate = Gate::automatic) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    all.gate = gate;
    return world_.start(World::rule(name, targets, versions, {all}));
  }
  void move(const std::string& id, const std::string& region) {
    world_.devices[id].report.facts.region = region;
    world_.report(id);
  }
  std::string assigned(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->releases)
      text += (text.empty() ? "" : " ") + world_.release_name(digest);
    return text;
  }
  std::string standing(const std::string& id, const std::string& rollout) {
    DeviceStatus status;
    EXPECT_TRUE(world_.engine.device(id, status));
    for (const auto& each : status.rollouts) {
      if (each.rollout == rollout) return std::string(name_of(each.standing));
    }
    return "none";
  }
  static constexpr const char* eu = "device.region == \"eu\"";
  static constexpr const char* us = "device.region == \"us\"";

  World world_;
};

TEST_F(Claims, TwoActiveRolloutsMayNotShareAPlaneOfADevice) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  const auto refused = start("b", "true", {{Plane::model, "reader", "2"}});
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("rollout a"), std::string::npos);
  EXPECT_NE(World::reply(refused).find("eu-1"), std::string::npos);
  EXPECT_TRUE(World::accepted(start("c", us, {{Plane::model, "reader", "2"}})));
  EXPECT_TRUE(World::accepted(start("d", "true", {{Plane::config, "sorter", "2"}})));
}

TEST_F(Claims, PausedHaltedAndRevertingOnesAreActiveToo) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  world_.command(PauseRollout{"a"});
  EXPECT_FALSE(World::accepted(start("b", eu, {{Plane::model, "reader", "2"}})));
  world_.command(ResumeRollout{"a", false});
  world_.roll_back("eu-1", "probe_failed", "");
  EXPECT_FALSE(World::accepted(start("b", eu, {{Plane::model, "reader", "2"}})));
  world_.command(AbortRollout{"a", AbortMode::revert});
  EXPECT_FALSE(World::accepted(start("b", eu, {{Plane::model, "reader", "2"}})));
  world_.commit("eu-1");
  world_.commit("eu-2");
  EXPECT_TRUE(World::accepted(start("b", eu, {{Plane::model, "reader", "2"}})));
}

TEST_F(Claims, AHeldDeviceIsTakenWhenItsHolderEnds) {
  start("a", eu, {{Plane::model, "reader", "1"}}, Gate::manual);
  start("b", us, {{Plane::model, "reader", "2"}});
  move("eu-1", "us");
  EXPECT_EQ(standing("eu-1", "b"), "held_by_other");
  EXPECT_EQ(assigned("eu-1"), "reader@1");
  world_.commit("us-1");
  world_.commit("us-2");
  EXPECT_EQ(world_.status("b").state, RolloutState::completed) << "a held device does not block";
  world_.commit("eu-1");
  world_.commit("eu-2");
  const auto effects = world_.command(ApproveWave{"a"});
  EXPECT_EQ(World::assigned_in(effects), std::vector<std::string>{"eu-1"});
  EXPECT_EQ(assigned("eu-1"), "reader@2");
  EXPECT_EQ(standing("eu-1", "a"), "none");
  EXPECT_EQ(world_.status("a").done, 2u) << "what a did stays in its counts";
}

TEST_F(Claims, AHeldDeviceIsTakenAlsoAfterARestart) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  start("b", us, {{Plane::model, "reader", "2"}});
  move("eu-1", "us");
  world_.restart();
  EXPECT_EQ(standing("eu-1", "b"), "held_by_other");
  const auto effects = world_.command(AbortRollout{"a", AbortMode::keep});
  EXPECT_EQ(assigned("eu-1"), "reader@2");
  EXPECT_EQ(World::assigned_in(effects), (std::vector<std::string>{"eu-1", "eu-2"})) << "each device once";
}

TEST_F(Claims, OnlyHeldDevicesIsNoHealth) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  start("b", "device.region == \"mars\"", {{Plane::model, "reader", "2"}});
  move("eu-1", "mars");
  EXPECT_EQ(world_.status("b").state, RolloutState::running);
  EXPECT_NE(world_.status("b").waiting_for.find("eu-1"), std::string::npos);
}

TEST_F(Claims, ANewerRolloutTakesFromACompletedOneAndKeepsItThen) {
  start("a", "true", {{Plane::model, "reader", "1"}});
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  ASSERT_EQ(world_.status("a").state, RolloutState::completed);
  start("b", eu, {{Plane::model, "reader", "2"}});
  EXPECT_EQ(assigned("eu-1"), "reader@2");
  world_.commit("eu-1");
  world_.commit("eu-2");
  // Neither other facts nor a restart bring the older one back.
  world_.devices["eu-1"].report.facts.site = "plant-7";
  EXPECT_TRUE(World::assigned_in(world_.report("eu-1")).empty());
  world_.restart();
  EXPECT_TRUE(World::assigned_in(world_.report("eu-1")).empty());
  EXPECT_EQ(world_.status("a").done, 4u);
  // A new device gets the newest version that is for it.
  world_.join("eu-3", facts_of("rk3566", "eu"));
  EXPECT_EQ(assigned("eu-3"), "reader@2");
  world_.join("us-3", facts_of("rk3566", "us"));
  EXPECT_EQ(assigned("us-3"), "reader@1");
}

// One report says both that it went back and that it belongs elsewhere now: the first is known before the second hands
// the device on, or the rollout would count it as done for ever.
TEST_F(Claims, WhatADeviceRunsIsJudgedBeforeItIsHandedOn) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  world_.commit("eu-1");
  world_.commit("eu-2");
  ASSERT_EQ(world_.status("a").state, RolloutState::completed);
  start("b", us, {{Plane::model, "reader", "2"}});
  auto& report = world_.devices["eu-1"].report;
  report.active[static_cast<std::size_t>(Plane::model)] = world_.release("reader@3").manifest;
  report.facts.region = "us";
  world_.report("eu-1");
  EXPECT_EQ(assigned("eu-1"), "reader@2");
  EXPECT_EQ(world_.status("a").done, 1u);
  EXPECT_EQ(world_.status("a").failed, 1u);
}

TEST_F(Claims, AnAbortedRolloutsDevicesAreNotTakenBackByAnOlderOne) {
  start("a", "true", {{Plane::model, "reader", "1"}});
  for (const auto& [id, device] : world_.devices) world_.commit(id);
  start("b", "true", {{Plane::model, "reader", "2"}});
  world_.commit("eu-1");
  const auto effects = world_.command(AbortRollout{"b", AbortMode::keep});
  EXPECT_EQ(assigned("eu-1"), "reader@2") << "kept";
  EXPECT_EQ(assigned("eu-2"), "reader@1") << "what it ran before";
  EXPECT_EQ(World::assigned_in(effects).size(), 3u);
}

TEST_F(Claims, AssignmentsHoldAllPlanesInActivationOrder) {
  start("m", eu, {{Plane::model, "reader", "1"}});
  start("c", eu, {{Plane::config, "sorter", "1"}});
  start("f", eu, {{Plane::firmware, "base", "1"}});
  EXPECT_EQ(assigned("eu-1"), "base@1 reader@1 sorter@1");
  EXPECT_EQ(world_.devices["eu-1"].assigned->epoch, 3u);
  world_.commit("eu-1");
  for (const auto* name : {"m", "c", "f"}) EXPECT_EQ(standing("eu-1", name), "done") << name;
}

TEST_F(Claims, ARuleCanOrderItsPlanes) {
  start("m", eu, {{Plane::firmware, "base", "1"}});
  world_.commit("eu-1");
  world_.commit("eu-2");
  start("s", eu, {{Plane::config, "sorter", "1"}, {Plane::model, "reader", "1"}});
  EXPECT_EQ(assigned("eu-1"), "base@1 sorter@1 reader@1");
}

TEST_F(Claims, OneAttemptAtMergedAssignmentsFailsOnlyWhoseVersionIsGone) {
  start("m", eu, {{Plane::model, "reader", "1"}});
  world_.commit("eu-1");
  start("c", eu, {{Plane::config, "sorter", "1"}});
  world_.roll_back("eu-1", "probe_failed", "");  // the model stays as it was, the config does not come
  EXPECT_EQ(standing("eu-1", "m"), "done");
  EXPECT_EQ(standing("eu-1", "c"), "failed");
  EXPECT_EQ(world_.status("m").state, RolloutState::running);
  EXPECT_EQ(world_.status("c").state, RolloutState::halted);
}

TEST_F(Claims, AWholeSetTakesEveryPlaneOrNone) {
  start("a", eu, {{Plane::model, "reader", "1"}});
  start("b", us, {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "2"}});
  move("eu-1", "us");
  EXPECT_EQ(standing("eu-1", "b"), "held_by_other");
  EXPECT_EQ(assigned("eu-1"), "reader@1") << "its config is free, but half a set is not a set";
}

TEST_F(Claims, TheOldestEndedRolloutMakesRoomForANewOne) {
  world_.checking = false;
  for (std::size_t i = 0; i < limits::rollouts_max; ++i) {
    const auto name = "r" + std::to_string(i);
    ASSERT_TRUE(World::accepted(start(name, eu, {{Plane::model, "reader", "1"}}))) << i;
    if (i > 0) {
      world_.command(AbortRollout{name, AbortMode::keep});
    } else {
      world_.commit("eu-1");
      world_.commit("eu-2");
    }
  }
  ASSERT_EQ(world_.engine.rollouts().size(), limits::rollouts_max);
  EXPECT_TRUE(World::accepted(start("one-more", eu, {{Plane::model, "reader", "2"}})));
  EXPECT_EQ(world_.engine.rollouts().size(), limits::rollouts_max);
  EXPECT_EQ(world_.engine.status("r1"), nullptr);
  EXPECT_NE(world_.engine.status("r0"), nullptr) << "it serves devices";
  EXPECT_FALSE(world_.records.contains("rollout/r1"));
  EXPECT_FALSE(world_.records.contains("rollout_rule/r1"));
  world_.restart();
  EXPECT_EQ(world_.engine.rollouts().size(), limits::rollouts_max);
}

// Rollouts on planes and devices of their own, each completed and still serving.
TEST_F(Claims, ACompletedRolloutWithoutDevicesMakesRoomAndOneThatServesDoesNot) {
  world_.checking = false;
  for (std::size_t i = 0; i < limits::rollouts_max; ++i) {
    const auto id = "d" + std::to_string(i);
    world_.join(id, facts_of("rk3566", "region-" + std::to_string(i)));
    start("r" + std::to_string(i), "device.region == \"region-" + std::to_string(i) + "\"",
          {{Plane::model, "reader", "1"}});
    world_.commit(id);
  }
  const auto refused = start("more", eu, {{Plane::model, "reader", "1"}});
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("abort one"), std::string::npos);
  world_.command(AbortRollout{"r9", AbortMode::keep});
  EXPECT_TRUE(World::accepted(start("takes-5", "device.region == \"region-5\"", {{Plane::model, "reader", "2"}})));
  EXPECT_EQ(world_.engine.status("r9"), nullptr) << "the aborted one went first";
  EXPECT_TRUE(World::accepted(start("one-more", eu, {{Plane::model, "reader", "1"}})));
  EXPECT_EQ(world_.engine.status("r5"), nullptr) << "its only device is another rollout's now";
}

}  // namespace
}  // namespace muster::rules::test
