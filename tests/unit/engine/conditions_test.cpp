// Devices whose attempts wait for what their release asks of them: what is said of them, whose time stands still, and
// that they take nobody's place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Conditions : public testing::Test {
 protected:
  Conditions() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"d1", "d2", "d3", "d4"}) {
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
  }
  void start(const Pace& pace = {}, bool shadow = false) {
    world_.known("reader@2").shadow = shadow;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.pace = pace;
    rule.shadow = shadow;
    rule.attempt_timeout_s = 3600;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
  }
  void wait(const std::string& id) {
    auto& report = world_.devices[id].report;
    report.attempt = AttemptState::staged;
    report.attempt_epoch = world_.devices[id].assigned->epoch;
    report.attempt_detail = "waits to switch to reader@2 until battery_percent >= 40; battery_percent is 23";
    report.waits = true;
    world_.report(id);
  }
  void go_on(const std::string& id) { world_.attempt(id, AttemptState::swapped); }
  [[nodiscard]] Standing standing(const std::string& id) const {
    DeviceStatus device;
    EXPECT_TRUE(world_.engine.device(id, device));
    return device.rollouts.at(0).standing;
  }
  [[nodiscard]] const RolloutStatus& status() const { return world_.status("r"); }
  [[nodiscard]] std::string why(const std::string& id) const { return world_.engine.why(id).at(0).text; }

  World world_;
};

TEST_F(Conditions, AreSaidAndHaveNoTimeOutOfOurs) {
  start();
  for (const auto* id : {"d3", "d4"}) world_.commit(id);
  for (const auto* id : {"d1", "d2"}) wait(id);
  EXPECT_EQ(status().waiting_for,
            "2 devices of wave all (100 %) wait for what the release asks of them (d1, d2): d1 waits to switch to "
            "reader@2 until battery_percent >= 40; battery_percent is 23");
  EXPECT_THAT(why("d1"), HasSubstr("its attempt is staged, and it waits to switch to reader@2 until battery_percent"));
  DeviceStatus device;
  ASSERT_TRUE(world_.engine.device("d1", device));
  EXPECT_TRUE(device.attempt_waits);
  for (int i = 0; i < 10; ++i) world_.tick(3600);
  EXPECT_EQ(status().failed, 0u);
  EXPECT_EQ(status().state, RolloutState::running);
  world_.restart();
  for (int i = 0; i < 10; ++i) world_.tick(3600);
  EXPECT_EQ(status().failed, 0u);
  EXPECT_THAT(status().waiting_for, HasSubstr("2 devices of wave all (100 %) wait for what the release asks of them"));
}

TEST_F(Conditions, TheTimeOfAnAttemptRunsOnFromTheirEnd) {
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  wait("d1");
  world_.tick(100'000);
  go_on("d1");
  EXPECT_EQ(status().waiting_for, "");
  EXPECT_THAT(why("d1"), AllOf(HasSubstr("its attempt is swapped"), Not(HasSubstr("waits"))));
  world_.tick(3599);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 1u);
}

TEST_F(Conditions, OneThatWaitsTakesNobodysPlace) {
  start({0, 0, 1, 0});
  const auto first = *world_.assigned_by("r").begin();
  EXPECT_EQ(world_.assigned_by("r").size(), 1u);
  wait(first);
  world_.tick(1);
  EXPECT_EQ(world_.assigned_by("r").size(), 2u);
}

TEST_F(Conditions, OneThatGoesAwayMeanwhileHoldsNothingUp) {
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  wait("d1");
  world_.lose("d1");
  world_.tick(60);
  EXPECT_EQ(standing("d1"), Standing::unreachable);
  EXPECT_EQ(status().state, RolloutState::completed);
  world_.see("d1");
  EXPECT_EQ(standing("d1"), Standing::assigned);
  world_.tick(100'000);
  EXPECT_EQ(status().failed, 0u);
}

// What runs in the shadow is none of what the device is assigned to run.
TEST_F(Conditions, AShadowIsWaitedForToo) {
  start({}, true);
  for (const auto* id : {"d1", "d2", "d3", "d4"}) wait(id);
  for (int i = 0; i < 10; ++i) world_.tick(3600);
  EXPECT_EQ(status().failed, 0u);
  EXPECT_THAT(status().waiting_for, HasSubstr("4 devices of wave all (100 %) wait for what the release asks of them"));
}

TEST_F(Conditions, WhatIsAssignedAnewIsWaitedForAnew) {
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  wait("d1");
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_THAT(why("d1"), Not(HasSubstr("waits")));
  world_.tick(3600);
  EXPECT_THAT(why("d1"), HasSubstr("it did not begin"));
}

// Its standing counts on in the rollout that had it; nobody there waits for anything any more.
TEST_F(Conditions, OneThatANewerRolloutHasTakenWaitsForNothingHere) {
  world_.add_release(Plane::model, "reader", "3");
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  wait("d1");
  world_.lose("d1");
  world_.tick(60);
  ASSERT_EQ(status().state, RolloutState::completed);
  world_.see("d1");
  wait("d1");
  Wave one;
  one.name = "one";
  one.ring_text = "device.id == \"d1\"";
  one.ring = World::compile(one.ring_text);
  ASSERT_TRUE(World::accepted(world_.start(World::rule("s", "true", {{Plane::model, "reader", "3"}}, {one}))));
  world_.devices["d2"].report.active[1] = world_.release("reader@1").manifest;
  world_.report("d2");
  ASSERT_EQ(status().state, RolloutState::halted) << "d2 has regressed";
  world_.command(ResumeRollout{"r", true});
  EXPECT_THAT(status().waiting_for, Not(HasSubstr("asks of them")));
}

TEST_F(Conditions, AGivenUpWaitIsAFailureWithItsWords) {
  start();
  wait("d1");
  world_.tick(500);
  const auto effects =
      world_.fail("d1", "conditions_unmet", "waited to switch to reader@2 until battery_percent >= 40");
  EXPECT_THAT(World::why_of(effects, audit::device_failed),
              HasSubstr("conditions_unmet: waited to switch to reader@2 until battery_percent >= 40"));
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_THAT(why("d1"), HasSubstr("assigned 500 s ago"));
}

}  // namespace
}  // namespace muster::rules::test
