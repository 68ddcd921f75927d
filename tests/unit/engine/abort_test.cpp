// Abort with keep and with revert: what each device is told, and when the rollout has ended.
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

class Aborts : public testing::Test {
 protected:
  Aborts() {
    world_.add_release(Plane::model, "reader", "1", 1);
    world_.add_release(Plane::model, "reader", "2", 2);
    world_.add_release(Plane::config, "sorter", "2", 2);
    for (const auto* id : {"a", "b", "c", "d"}) {
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
  }
  void start(AbortDefault on_abort = AbortDefault::keep, std::uint32_t percent = 100) {
    Wave all;
    all.name = "all";
    all.percent = percent;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}, {Plane::config, "sorter", "2"}}, {all});
    rule.on_abort = on_abort;
    rule.halt_failed_devices = 4;
    world_.start(rule);
  }
  std::vector<Effect> abort(AbortMode mode) { return world_.command(AbortRollout{"r", mode}); }
  const RolloutStatus& status() { return world_.status("r"); }
  std::string assigned(const std::string& id, Plane plane) {
    for (const auto& [each, digest] : world_.devices[id].assigned->releases) {
      if (each == plane) return world_.release_name(digest);
    }
    return "nothing";
  }

  World world_;
};

TEST_F(Aborts, KeepLeavesDoneDevicesAndWithdrawsTheOthers) {
  start();
  world_.commit("a");
  world_.roll_back("b", "probe_failed", "");
  world_.lose("c");
  world_.tick(60);
  const auto effects = abort(AbortMode::keep);
  EXPECT_EQ(World::assigned_in(effects), (std::vector<std::string>{"b", "c", "d"}));
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(assigned("a", Plane::model), "reader@2");
  for (const auto* id : {"b", "c", "d"}) {
    EXPECT_EQ(assigned(id, Plane::model), "reader@1") << id;
    EXPECT_EQ(assigned(id, Plane::config), "empty") << id;
  }
  EXPECT_EQ(status().done, 1u);
  EXPECT_EQ(status().failed, 1u) << "what failed is still told after the end";
  EXPECT_TRUE(World::assigned_in(world_.join("late", facts_of("rk3566", "eu"))).empty());
}

TEST_F(Aborts, RevertEndsWhenAllReachableDevicesWentBack) {
  start();
  for (const auto* id : {"a", "b", "c"}) world_.commit(id);
  world_.lose("d");
  const auto effects = abort(AbortMode::revert);
  EXPECT_EQ(World::assigned_in(effects).size(), 4u);
  EXPECT_EQ(status().state, RolloutState::reverting);
  EXPECT_EQ(assigned("a", Plane::model), "reader@1");
  EXPECT_EQ(assigned("a", Plane::config), "empty");
  for (const auto* id : {"a", "b", "c"}) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::reverting) << "d is lost, but not for long enough";
  world_.tick(60);
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(status().reverted, 3u);
  world_.see("d");
  world_.commit("d");
  EXPECT_EQ(status().reverted, 4u);
}

TEST_F(Aborts, TheRuleDecidesWhenTheCommandDoesNot) {
  start(AbortDefault::revert);
  world_.commit("a");
  abort(AbortMode::by_rule);
  EXPECT_EQ(status().state, RolloutState::reverting);
}

TEST_F(Aborts, RevertGoesBackInTheOppositeOrder) {
  start();
  ASSERT_EQ(world_.devices["a"].assigned->releases[0].first, Plane::model);
  abort(AbortMode::revert);
  EXPECT_EQ(world_.devices["a"].assigned->releases[0].first, Plane::config);
  EXPECT_EQ(world_.devices["a"].assigned->releases[1].first, Plane::model);
}

TEST_F(Aborts, ACompletedRolloutCanBeReverted) {
  start();
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  ASSERT_EQ(status().state, RolloutState::completed);
  EXPECT_TRUE(World::accepted(abort(AbortMode::revert)));
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::aborted);
  EXPECT_EQ(status().reverted, 4u);
  EXPECT_FALSE(World::accepted(abort(AbortMode::keep)));
}

TEST_F(Aborts, ADeviceThatCannotGoBackDoesNotHoldUpTheEnd) {
  start();
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  abort(AbortMode::revert);
  for (const auto* id : {"a", "b"}) world_.commit(id);
  const auto effects = world_.roll_back("c", "verify_failed", "");
  EXPECT_EQ(World::count_audits(effects, audit::device_not_reverted), 1u);
  EXPECT_EQ(status().state, RolloutState::reverting);
  world_.tick(3600);
  EXPECT_EQ(status().state, RolloutState::aborted) << "d said nothing for its attempt timeout";
  EXPECT_EQ(status().reverted, 2u);
  EXPECT_EQ(status().failed, 0u) << "the new version did not fail";
  ASSERT_EQ(status().failures.size(), 2u);
}

TEST_F(Aborts, WithNobodyReachedItEndsAtOnce) {
  Wave ring;
  ring.name = "nobody";
  ring.ring_text = "device.region == \"mars\"";
  ring.ring = World::compile(ring.ring_text);
  world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {ring}));
  EXPECT_NE(status().waiting_for.find("no target is in the ring"), std::string::npos);
  abort(AbortMode::revert);
  EXPECT_EQ(status().state, RolloutState::aborted);
}

TEST_F(Aborts, APlaneUnderTheSecurityFloorStaysAsItIs) {
  start();
  world_.command(AbortRollout{"r", AbortMode::keep});
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.add_release(Plane::model, "reader", "3", 9);
  world_.start(World::rule("old", "true", {{Plane::model, "reader", "2"}}, {all}));
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  world_.start(World::rule("new", "true", {{Plane::model, "reader", "3"}}, {all}));
  for (const auto* id : {"a", "b", "c", "d"}) world_.commit(id);
  world_.devices["a"].report.security_floor[1] = 9;
  world_.report("a");
  const auto effects = world_.command(AbortRollout{"new", AbortMode::revert});
  EXPECT_EQ(World::count_audits(effects, audit::device_not_revertible), 1u);
  EXPECT_EQ(assigned("a", Plane::model), "reader@3");
  EXPECT_EQ(assigned("b", Plane::model), "reader@2");
}

TEST_F(Aborts, AReturningDeviceIsToldToGoBackAlsoAfterARestart) {
  start();
  world_.lose("d");
  world_.tick(60);
  abort(AbortMode::keep);
  world_.restart();
  world_.see("d");
  std::vector<Effect> effects;
  world_.engine.republish(effects);
  EXPECT_EQ(World::assigned_in(effects), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(assigned("d", Plane::model), "reader@1");
}

}  // namespace
}  // namespace muster::rules::test
