// An operator's own release for one plane of one device.
#include <gmock/gmock.h>

#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class OverrideOf : public GuardedFleet {
 protected:
  OverrideOf() {
    world_.add_release(Plane::model, "reader", "3", 5);
    world_.add_release(Plane::config, "sorter", "1");
  }
  std::vector<Effect> set(const std::string& id, const std::string& ref = "reader@3") {
    return world_.command(OverrideDevice{id, world_.release(ref)}, "alice", "odd camera");
  }
  std::vector<Effect> clear(const std::string& id) { return world_.command(ClearOverride{id, Plane::model}, "bob"); }
  std::vector<Effect> start_all(const std::string& name, const std::string& version = "2",
                                const std::string& targets = "true", bool also_config = false) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    std::vector<VersionChoice> versions = {{Plane::model, "reader", version}};
    if (also_config) versions.push_back({Plane::config, "sorter", "1"});
    return world_.start(World::rule(name, targets, versions, {all}));
  }
  [[nodiscard]] std::string wanted(const std::string& id) {
    const auto& assigned = world_.devices[id].assigned;
    std::string text;
    if (!assigned) return "nothing";
    for (const auto& [plane, digest] : assigned->releases)
      text += (text.empty() ? "" : " ") + world_.release_name(digest);
    return text;
  }
  [[nodiscard]] std::string why(const std::string& id, const std::string& rollout) {
    for (const auto& reason : world_.engine.why(id)) {
      if (reason.rollout == rollout) return reason.text;
    }
    return "nothing";
  }
  [[nodiscard]] DeviceStatus device(const std::string& id) {
    DeviceStatus status;
    EXPECT_TRUE(world_.engine.device(id, status));
    return status;
  }
};

TEST_F(OverrideOf, ItIsAssignedAtOnceAndNoRolloutHasThePlaneUntilItIsCleared) {
  join(3);
  const auto effects = set("d000");
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  EXPECT_EQ(
      World::reply(effects),
      "plane model of device d000 is overridden: reader@3 (epoch 1); no rollout has the plane until it is cleared");
  EXPECT_EQ(World::count_audits(effects, audit::device_overridden), 1u);
  EXPECT_EQ(wanted("d000"), "reader@3");
  ASSERT_EQ(device("d000").overrides.size(), 1u);
  EXPECT_EQ(device("d000").overrides[0].state, OverrideState::pending);

  world_.restart();
  const auto started = start_all("r");
  ASSERT_TRUE(World::accepted(started)) << World::reply(started);
  EXPECT_THAT(World::assigned_in(started), UnorderedElementsAre("d001", "d002"));
  EXPECT_EQ(world_.status("r").targets, 2u);
  EXPECT_EQ(why("d000", "r"),
            "an operator has taken the plane: the override of plane model stands: reader@3 by alice: odd camera");
  world_.commit("d000");
  EXPECT_EQ(device("d000").overrides[0].state, OverrideState::active);
  world_.commit("d001");
  world_.commit("d002");
  EXPECT_EQ(state(), RolloutState::completed);

  world_.restart();
  world_.devices["d000"].report.facts.region = "us";  // new facts are no way in
  world_.report("d000");
  EXPECT_EQ(wanted("d000"), "reader@3");
  EXPECT_THAT(World::reply(clear("d000")), HasSubstr("(reader@3) is cleared; rollout r has it now"));
  EXPECT_EQ(wanted("d000"), "reader@2");
  EXPECT_TRUE(device("d000").overrides.empty());
  EXPECT_EQ(world_.records.count("override/d000"), 0u);
  world_.commit("d000");
  EXPECT_EQ(world_.status("r").done, 3u);
}

TEST_F(OverrideOf, ARolloutKeepsItsCountsOfADeviceThatIsTakenFromIt) {
  join(3);
  ASSERT_TRUE(World::accepted(start_all("r")));
  commit_reached();
  EXPECT_TRUE(World::accepted(set("d000")));
  EXPECT_EQ(world_.status("r").targets, 2u);
  EXPECT_EQ(world_.status("r").reached, 3u);
  EXPECT_EQ(world_.status("r").done, 3u);
  world_.commit("d000");
  EXPECT_EQ(world_.status("r").failed, 0u);  // it runs other versions, and that is no failure of r
  world_.restart();
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(wanted("d000"), "reader@3");
}

TEST_F(OverrideOf, OneThatWaitedForItsWaveLeavesTheRollout) {
  join(10);
  Wave first;
  first.name = "first";
  first.percent = 10;
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all}))));
  const auto canary = reached().at(0);
  const std::string other = canary == "d000" ? "d001" : "d000";
  EXPECT_TRUE(World::accepted(set(other)));
  EXPECT_EQ(world_.status("r").targets, 9u);
  world_.restart();
  EXPECT_EQ(world_.status("r").targets, 9u);
  commit_reached();
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
  EXPECT_EQ(world_.status("r").done, 9u);
}

TEST_F(OverrideOf, InTheMiddleOfAnAttemptItIsRefusedWithTheWayOut) {
  join(2);
  ASSERT_TRUE(World::accepted(start_all("r")));
  EXPECT_THAT(
      World::reply(set("d000")),
      HasSubstr("plane model of device d000: it is assigned in rollout r, which is running; wait for its end, or "
                "take it out with 'rollout cancel'"));
  EXPECT_TRUE(World::accepted(world_.command(CancelDevice{"r", "d000", false}, "alice", "odd camera")));
  EXPECT_TRUE(World::accepted(set("d000")));
  EXPECT_EQ(wanted("d000"), "reader@3");
  clear("d000");
  EXPECT_EQ(wanted("d000"), "reader@3");  // it is still cancelled there
}

TEST_F(OverrideOf, WhatARolloutCouldNotBringIsNotBroughtAlong) {
  join(2);
  ASSERT_TRUE(World::accepted(world_.start([&] {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("c", "true", {{Plane::config, "sorter", "1"}}, {all});
    rule.halt_failed_devices = 2;
    return rule;
  }())));
  world_.roll_back("d000", "probe_failed", "");
  EXPECT_THAT(World::reply(set("d000")),
              HasSubstr("it is failed in rollout c and does not run what that gives plane config; take it out"));
  EXPECT_TRUE(World::accepted(world_.command(CancelDevice{"c", "d000", false}, "alice", "odd camera")));
  EXPECT_TRUE(World::accepted(set("d000")));
  EXPECT_EQ(wanted("d000"), "reader@3 empty");
}

TEST_F(OverrideOf, ItIsCheckedAsARolloutIs) {
  join(2);
  const auto refused = [&](const std::vector<Effect>& effects) {
    EXPECT_FALSE(World::accepted(effects));
    EXPECT_EQ(World::count_audits(effects, audit::command_refused), 1u);
    return World::reply(effects);
  };
  EXPECT_THAT(refused(set("nobody")), HasSubstr("no device called \"nobody\" has ever reported"));
  GiveOrder freeze;
  freeze.scope = "group/region=de";
  freeze.kind = OrderKind::freeze;
  freeze.release = world_.release("reader@3").manifest;
  freeze.release_name = "reader@3";
  world_.command(freeze);
  EXPECT_THAT(refused(set("d000")), HasSubstr("release reader@3 is frozen in group/region=de by alice; thaw it first"));
  EXPECT_TRUE(World::accepted(set("d001")));
  world_.devices["d000"].report.security_floor[1] = 4;
  world_.report("d000");
  EXPECT_THAT(refused(set("d000", "reader@2")), HasSubstr("under the device's floor of 4"));
  auto picky = world_.release("reader@2");
  picky.security_version = 9;
  picky.needs.classes = {"jetson"};
  EXPECT_THAT(refused(world_.command(OverrideDevice{"d000", picky})),
              HasSubstr("it cannot run reader@2: reader@2 is made for class jetson"));
  picky.needs = {};
  picky.reach = Reach::development;
  EXPECT_THAT(refused(world_.command(OverrideDevice{"d000", picky})), HasSubstr("is in development"));
  EXPECT_THAT(refused(clear("d000")), HasSubstr("plane model of device d000 has no override"));
  EXPECT_TRUE(World::accepted(set("d001", "reader@2")));  // takes the place of the one that stands
  EXPECT_EQ(device("d001").overrides.at(0).release, "reader@2");
  world_.commit("d001");
  EXPECT_THAT(refused(set("d001", "reader@2")), HasSubstr("and the device runs it"));
}

TEST_F(OverrideOf, ADeviceThatCouldNotBringItSaysSo) {
  join(2);
  set("d000");
  world_.roll_back("d000", "probe_failed", "exit 1");
  EXPECT_EQ(device("d000").overrides.at(0).state, OverrideState::failed);
  EXPECT_TRUE(World::accepted(set("d000")));  // once more
  EXPECT_EQ(device("d000").overrides.at(0).state, OverrideState::pending);
  EXPECT_EQ(world_.devices["d000"].assigned->epoch, 2u);
  std::vector<Effect> again;
  world_.restart();
  world_.engine.republish(again);
  EXPECT_THAT(World::assigned_in(again), ElementsAre("d000"));
}

TEST_F(OverrideOf, ARolloutOfAnotherPlaneGoesOnBesideIt) {
  join(2);
  set("d000");
  world_.commit("d000");
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(world_.start(World::rule("c", "true", {{Plane::config, "sorter", "1"}}, {all}))));
  EXPECT_EQ(wanted("d000"), "reader@3 sorter@1");
  world_.commit("d000");
  world_.commit("d001");
  EXPECT_EQ(world_.status("c").state, RolloutState::completed);
  EXPECT_THAT(World::reply(start_all("r", "2", "true", true)),
              AllOf(HasSubstr("rollout r started"), HasSubstr("of 1 target")));
}

}  // namespace
}  // namespace muster::rules::test
