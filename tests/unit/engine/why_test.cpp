// Why a device has, or has not, its assignment: what an operator reads at night.
#include <gmock/gmock.h>

#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Why : public GuardedFleet {
 protected:
  std::string why(const std::string& id, const std::string& rollout = "r") {
    for (const auto& reason : world_.engine.why(id)) {
      if (reason.rollout == rollout) return reason.text;
    }
    return "nothing";
  }
  void start_plain(const std::string& name, const std::string& targets, std::uint32_t percent, const Pace& pace = {}) {
    Wave first;
    first.name = "first";
    first.percent = percent;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule(name, targets, {{Plane::model, "reader", "2"}}, {first});
    if (percent != 100) rule.waves.push_back(all);
    rule.pace = pace;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
  }
  [[nodiscard]] std::string first_not_reached() {
    const auto ids = reached();
    for (const auto& [id, device] : world_.devices) {
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) return id;
    }
    return {};
  }
  void order(const std::string& scope, OrderKind kind) {
    GiveOrder order;
    order.scope = scope;
    order.kind = kind;
    ASSERT_TRUE(World::accepted(world_.command(order)));
  }
};

TEST_F(Why, ADeviceHasNotReported) {
  join(2);
  start_plain("r", "device.region == \"de\"", 100);
  world_.step(DeviceSeen{"new"});
  EXPECT_THAT(why("new"), HasSubstr("has not yet reported what it is"));
}

TEST_F(Why, ADeviceIsNoTarget) {
  join(4);
  start_plain("r", "device.region == \"de\"", 50);
  EXPECT_EQ(why("d001"), "it is no target: device.region == \"de\" is not true for its facts");
  auto facts = facts_of("rk3566", "");
  world_.join("bare", facts);
  EXPECT_THAT(why("bare"), HasSubstr("compares a fact that it does not report"));
  EXPECT_TRUE(world_.engine.why("nobody").empty());
}

TEST_F(Why, ADeviceHasConnectedAndSaidNothing) {
  join(4);
  start_plain("r", "true", 50);
  world_.see("silent");
  EXPECT_EQ(why("silent"), "it has connected, and has not yet reported what it is");
}

TEST_F(Why, ItsWaveHasNotOpened) {
  join(20);
  start_plain("r", "true", 50);
  const auto id = first_not_reached();
  EXPECT_THAT(why(id), AllOf(HasSubstr("it is a target that no open wave has a place for"),
                             HasSubstr("it belongs to wave all (100 %) (its place is at "), HasSubstr(" % of all)")));
}

TEST_F(Why, WhatStandsInItsWay) {
  join(6);
  start_plain("r", "true", 100, {0, 0, 2, 0});
  EXPECT_EQ(why(first_not_reached()),
            "it is in wave first (100 %), and its turn comes at the rule's pace: 2 at work at once");
  world_.command(PauseRollout{"r"}, "alice", "lunch");
  EXPECT_THAT(why(first_not_reached()),
              HasSubstr("it is in wave first (100 %), and the rollout is paused: paused by alice: lunch"));
}

TEST_F(Why, AnOrderKeepsIt) {
  join(4);
  order("group/region=us", OrderKind::pause_updates);
  start_plain("r", "true", 100);
  EXPECT_EQ(why("d001"), "it is in wave first (100 %), and updates are paused in group/region=us by alice");
  order("device/d000", OrderKind::safe_mode);
  EXPECT_THAT(why("d000"), HasSubstr("safe mode is ordered in device/d000 by alice, which keeps it from finishing"));
}

TEST_F(Why, WhatBecameOfIt) {
  join(4);
  start_plain("r", "true", 100);
  world_.tick(30);
  EXPECT_EQ(
      why("d000"),
      "assigned 30 s ago in wave first (100 %) (epoch 1); it has not reported that it took it, and was last heard "
      "of 30 s ago");
  world_.attempt("d000", AttemptState::fetching);
  EXPECT_THAT(why("d000"), HasSubstr("; its attempt is fetching"));
  world_.commit("d000");
  EXPECT_THAT(why("d000"), HasSubstr("it is done: it runs the versions"));
  world_.lose("d001");
  world_.tick(60);
  EXPECT_THAT(why("d001"), HasSubstr("it is not connected, and was last seen 60 s ago"));
  world_.roll_back("d002", "probe_failed", "exit code 1");
  EXPECT_THAT(why("d002"), HasSubstr("it failed: probe_failed, exit code 1; it put itself back"));
  EXPECT_THAT(why("d002"), ::testing::Not(HasSubstr("acknowledged")));
  world_.command(ResumeRollout{"r", true});
  EXPECT_THAT(why("d002"), HasSubstr("an operator has acknowledged it"));
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_THAT(why("d000"), HasSubstr("to go back to what it ran before"));
  world_.commit("d000");
  EXPECT_THAT(why("d000"), HasSubstr("it went back"));
}

TEST_F(Why, AnotherRolloutHoldsIt) {
  join(4);
  start_plain("r", "device.region == \"de\"", 100);
  start_plain("s", "device.region == \"us\"", 100);
  world_.devices["d000"].report.facts.region = "us";
  world_.report("d000");
  EXPECT_EQ(why("d000", "s"), "it is in wave first (100 %), and rollout r, which is running, holds it");
}

TEST_F(Why, ItsVotes) {
  join(20);
  rail_.by = {Attribute::region};
  rail_.on_fail = OnFail::freeze_segment;
  rail_.tolerate_ppm = 200'000;
  start({rail_});
  commit_reached();
  const auto id = reached()[0];
  EXPECT_THAT(why(id), HasSubstr("; its votes: latency none yet (region="));
  world_.tick(window_s);
  say(id, 90);
  EXPECT_THAT(why(id), HasSubstr("; its votes: latency exceeded (region="));
}

}  // namespace
}  // namespace muster::rules::test
