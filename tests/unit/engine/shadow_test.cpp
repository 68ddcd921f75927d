// Rollouts that run a release in the shadow of the active one: nothing is switched, and what the shadow measures is
// judged.
#include <gmock/gmock.h>

#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Shadows : public Exclude {
 protected:
  Shadows() {
    world_.add_release(Plane::config, "sorter", "1");
    world_.add_release(Plane::config, "sorter", "2");
    world_.known("reader@2").shadow = true;
    rail_.metric = "edit_distance";
    rail_.against = Against::baseline;
    rail_.limit = 0.2;
    rail_.tolerate_ppm = 200'000;
  }
  Rule shadow_rule(std::vector<Guardrail> rails = {}, std::uint32_t first_percent = 50) {
    Wave first;
    first.name = "first";
    first.percent = first_percent;
    first.soak_s = 3600;
    Wave all = first;
    all.name = "all";
    all.percent = 100;
    std::vector<Wave> waves = {all};
    if (first_percent != 100) waves.insert(waves.begin(), first);
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, std::move(waves));
    rule.shadow = true;
    rule.guardrails = std::move(rails);
    rule.baseline_window_s = 3600;  // only with a guardrail
    rule.halt_failed_devices = 3;
    return rule;
  }
  // The active version is measured, and the first wave opens.
  void start_judged() {
    world_.start(shadow_rule({rail_}));
    for (const auto& [id, device] : world_.devices) measure(id, 10, -1);
    world_.tick(3600);
  }
  std::vector<Effect> start_config() {
    Wave all;
    all.name = "all";
    all.percent = 100;
    return world_.start(World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {all}));
  }
  // What its agent would say: what it was assigned runs on, and the attempt is over.
  void end_shadow(const std::string& id) { world_.attempt(id, AttemptState::committed); }
  std::vector<Effect> measure(const std::string& id, double active, double shadow) {
    return say(id, -1, [&](DeviceHealth& health) {
      health.readings.tasks.push_back({"edit_distance", active});
      if (shadow >= 0) health.readings.tasks.push_back({"shadow.edit_distance", shadow});
    });
  }
  [[nodiscard]] std::string in_shadow(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->shadow) text += world_.release_name(digest);
    return text;
  }
};

TEST_F(Shadows, NothingIsSwitched) {
  join(4);
  const auto effects = world_.start(shadow_rule());
  ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  for (const auto& id : reached()) {
    EXPECT_EQ(in_shadow(id), "reader@2");
    EXPECT_TRUE(world_.devices[id].assigned->releases.empty()) << "nothing was ever assigned to it";
    EXPECT_EQ(world_.devices[id].assigned->soak_s, 3600u);
    world_.attempt(id, AttemptState::shadowing);
    EXPECT_EQ(standing(id), Standing::assigned);
    end_shadow(id);
    EXPECT_EQ(standing(id), Standing::done);
  }
  ASSERT_EQ(reached().size(), 4u);
  for (const auto& id : reached()) end_shadow(id);
  EXPECT_EQ(state(), RolloutState::completed);
  for (const auto& [id, device] : world_.devices) EXPECT_EQ(running(id), "reader@1");
}

TEST_F(Shadows, WhatTheDeviceRunsIsAssignedAsBefore) {
  join(2);
  start_config();
  for (const auto* id : {"d000", "d001"}) world_.commit(id);
  world_.start(shadow_rule({}, 100));
  EXPECT_EQ(world_.release_name(world_.devices["d000"].assigned->releases.at(0).second), "sorter@2");
  EXPECT_EQ(in_shadow("d000"), "reader@2");
  end_shadow("d000");
  end_shadow("d001");
  EXPECT_EQ(state(), RolloutState::completed);
  // The next assignment has no shadow any more.
  world_.start(World::rule("real", "true", {{Plane::model, "reader", "2"}}, {[] {
                             Wave all;
                             all.name = "all";
                             all.percent = 100;
                             return all;
                           }()}));
  EXPECT_EQ(in_shadow("d000"), "");
  EXPECT_EQ(world_.devices["d000"].assigned->releases.size(), 2u);
}

TEST_F(Shadows, OneThatFailsHasFailedAndHalts) {
  join(4);
  auto rule = shadow_rule();
  rule.halt_failed_devices = 1;
  world_.start(rule);
  world_.fail(reached()[0], "shadow_failed", "exit code 3 after 20 s");
  EXPECT_EQ(state(), RolloutState::halted);
  EXPECT_EQ(world_.status("r").failures.at(0).error, "shadow_failed");
}

TEST_F(Shadows, WhatTheShadowMeasuresIsJudgedAgainstTheActiveVersion) {
  join(80);
  start_judged();
  const auto ids = reached();
  ASSERT_EQ(ids.size(), 40u);
  for (const auto& id : ids) world_.attempt(id, AttemptState::shadowing);
  world_.tick(window_s + 1);
  // The active version getting worse meanwhile is another matter.
  for (const auto& id : ids) measure(id, 30, 11);
  for (const auto& id : ids) end_shadow(id);
  EXPECT_EQ(verdict().exceeded, 0u);
  EXPECT_EQ(verdict().voted, 40u);
  EXPECT_EQ(reached().size(), 80u) << world_.status("r").waiting_for;
}

TEST_F(Shadows, AWorseShadowFails) {
  join(20);
  start_judged();
  const auto ids = reached();
  for (const auto& id : ids) world_.attempt(id, AttemptState::shadowing);
  world_.tick(window_s + 1);
  for (const auto& id : ids) measure(id, 10, 14);
  EXPECT_EQ(state(), RolloutState::halted) << world_.status("r").waiting_for;
  EXPECT_GE(verdict().exceeded, 4u);
}

TEST_F(Shadows, WhatItMeasuredBeforeAndAfterSaysNothing) {
  join(4);
  start_judged();
  const auto id = reached()[0];
  world_.attempt(id, AttemptState::fetching);
  world_.tick(window_s + 1);
  measure(id, 10, 40);
  EXPECT_EQ(verdict().voted, 0u) << "it does not run there yet";
  end_shadow(id);
  world_.tick(window_s + 1);
  measure(id, 10, -1);
  world_.tick(10 * 7200);
  EXPECT_EQ(verdict().voted, 0u) << "its time is over, and silence is none";
}

TEST_F(Shadows, AShadowWaitsForADeviceAtWorkAndTheOtherWayRound) {
  join(2);
  start_config();
  world_.start(shadow_rule({}, 100));
  EXPECT_EQ(standing("d000"), Standing::held_by_other);
  EXPECT_THAT(why("d000"), HasSubstr("is at work for rollout c until that attempt is over"));
  world_.commit("d000");
  EXPECT_EQ(in_shadow("d000"), "reader@2") << "as soon as that is over";
  world_.commit("d001");
  ASSERT_EQ(world_.status("c").state, RolloutState::completed);
  world_.add_release(Plane::config, "sorter", "3");
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.start(World::rule("d", "true", {{Plane::config, "sorter", "3"}}, {all}));
  EXPECT_EQ(standing("d000", "d"), Standing::held_by_other);
  world_.restart();
  EXPECT_EQ(standing("d000", "d"), Standing::held_by_other);
  end_shadow("d000");
  EXPECT_EQ(standing("d000", "d"), Standing::assigned);
  EXPECT_EQ(standing("d000"), Standing::done);
}

// A rollout that has completed holds up none that is at work, on a device that joined it late either. What it was at
// there begins anew.
TEST_F(Shadows, AShadowThatAnotherShadowEndsBeginsAnew) {
  join(1);
  world_.start(shadow_rule({}, 100));
  end_shadow("d000");
  ASSERT_EQ(state(), RolloutState::completed);
  world_.join("d001", facts_of("rk3566", "eu"));
  ASSERT_EQ(standing("d001"), Standing::assigned);
  world_.known("sorter@2").shadow = true;
  auto other = shadow_rule({}, 100);
  other.rollout = "s";
  other.versions = {{Plane::config, "sorter", "2"}};
  ASSERT_TRUE(World::accepted(world_.start(other)));
  ASSERT_EQ(in_shadow("d001"), "sorter@2");
  EXPECT_EQ(standing("d001"), Standing::held_by_other);
  world_.restart();
  world_.tick(other.waves[0].soak_s + other.attempt_timeout_s - 1);
  EXPECT_EQ(standing("d001"), Standing::held_by_other) << "no attempt of its own, and no time to run out of";
  end_shadow("d001");
  EXPECT_EQ(standing("d001", "s"), Standing::done);
  EXPECT_EQ(in_shadow("d001"), "reader@2");
  end_shadow("d001");
  EXPECT_EQ(standing("d001"), Standing::done);
}

// Of two that have completed neither ends what a late joiner is at for the other, or it would come to neither's end.
TEST_F(Shadows, ALateJoinerRunsTheShadowsOfCompletedRolloutsOneAfterTheOther) {
  join(1);
  world_.start(shadow_rule({}, 100));
  end_shadow("d000");
  world_.known("sorter@2").shadow = true;
  auto other = shadow_rule({}, 100);
  other.rollout = "s";
  other.versions = {{Plane::config, "sorter", "2"}};
  ASSERT_TRUE(World::accepted(world_.start(other)));
  end_shadow("d000");
  ASSERT_EQ(state(), RolloutState::completed);
  ASSERT_EQ(world_.status("s").state, RolloutState::completed);
  world_.join("d001", facts_of("rk3566", "eu"));
  const auto first = in_shadow("d001");
  const auto epoch = world_.devices["d001"].assigned->epoch;
  world_.attempt("d001", AttemptState::shadowing);
  for (const auto* region : {"fr", "us"}) move("d001", region);
  EXPECT_EQ(in_shadow("d001"), first);
  EXPECT_EQ(world_.devices["d001"].assigned->epoch, epoch);
  end_shadow("d001");
  EXPECT_NE(in_shadow("d001"), first);
  end_shadow("d001");
  EXPECT_EQ(standing("d001"), Standing::done);
  EXPECT_EQ(standing("d001", "s"), Standing::done);
}

// A device that comes to be a target of both: it runs the shadow to its end, is counted there, and takes the other
// then.
TEST_F(Shadows, ADeviceThatMovesIntoAnotherRolloutOfThePlaneEndsItsShadowFirst) {
  join(2);
  auto rule = shadow_rule({}, 100);
  world_.start(rule);
  world_.add_release(Plane::model, "reader", "3");
  Wave all;
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(World::accepted(
      world_.start(World::rule("real", "device.region == \"fr\"", {{Plane::model, "reader", "3"}}, {all}))));
  world_.attempt("d000", AttemptState::shadowing);
  move("d000", "fr");
  EXPECT_EQ(standing("d000", "real"), Standing::held_by_other);
  end_shadow("d000");
  EXPECT_EQ(standing("d000"), Standing::done);
  EXPECT_EQ(wanted("d000"), "reader@3");
  world_.commit("d000");
  EXPECT_EQ(standing("d000"), Standing::done);
  EXPECT_EQ(world_.status("real").state, RolloutState::completed);
}

// Both time out at once: the rollout that waited for the device is halted before it could have it.
TEST_F(Shadows, WhatFailsAtTheSameTimeHaltsBeforeADeviceIsHandedOn) {
  join(2);
  world_.start(shadow_rule({}, 100));
  start_config();
  end_shadow("d000");
  ASSERT_EQ(standing("d000", "c"), Standing::assigned);
  ASSERT_EQ(standing("d001", "c"), Standing::held_by_other);
  world_.tick(100'000);
  EXPECT_EQ(standing("d001"), Standing::failed);
  EXPECT_EQ(world_.status("c").state, RolloutState::halted);
  EXPECT_EQ(world_.devices["d001"].assigned->rollout, "r") << "a halted rollout assigns nothing";
}

TEST_F(Shadows, ItNamesTheRolloutWhoseAttemptItWaitsFor) {
  join(1);
  start_config();
  world_.start(shadow_rule({}, 100));
  world_.lose("d000");
  world_.tick(3600);
  EXPECT_THAT(world_.status("r").waiting_for, HasSubstr("waiting for rollout c to end, which holds d000"));
}

TEST_F(Shadows, AnAbortEndsTheShadowsThatRun) {
  join(4);
  world_.start(shadow_rule());
  const auto ids = reached();
  end_shadow(ids[0]);
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(in_shadow(ids[0]), "reader@2") << "that one is over, and there is nothing to take back";
  EXPECT_EQ(in_shadow(ids[1]), "");
  world_.attempt(ids[1], AttemptState::committed);
  EXPECT_EQ(state(), RolloutState::aborted);
}

// Its way back ends a shadow of another plane, which begins anew then.
TEST_F(Shadows, AShadowThatAnAbortOfAnotherRolloutEndsBeginsAnew) {
  join(2);
  start_config();
  for (const auto* id : {"d000", "d001"}) world_.commit(id);
  world_.start(shadow_rule({}, 100));
  world_.attempt("d000", AttemptState::shadowing);
  world_.command(AbortRollout{"c", AbortMode::revert});
  EXPECT_EQ(in_shadow("d000"), "");
  for (const auto* id : {"d000", "d001"}) world_.commit(id);
  EXPECT_EQ(world_.status("c").state, RolloutState::aborted);
  EXPECT_EQ(in_shadow("d000"), "reader@2");
}

TEST_F(Shadows, AFixOfHigherPriorityTakesADeviceFromItsShadow) {
  join(2);
  world_.start(shadow_rule({}, 100));
  world_.attempt("d000", AttemptState::shadowing);
  world_.add_release(Plane::model, "reader", "3");
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto fix = World::rule("fix", "true", {{Plane::model, "reader", "3"}}, {all});
  EXPECT_FALSE(World::accepted(world_.start(fix)));
  fix.priority = 1;
  ASSERT_TRUE(World::accepted(world_.start(fix)));
  EXPECT_EQ(in_shadow("d000"), "");
  EXPECT_EQ(wanted("d000"), "reader@3");
}

// What it has found out stands, and there is nothing that it could be taken from.
TEST_F(Shadows, ADeviceThatIsDoneMovesOnToARolloutOfTheSamePlane) {
  join(4);
  auto rule = shadow_rule({}, 50);
  rule.waves.front().gate = Gate::manual;
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  const auto shadowed = reached();
  ASSERT_EQ(shadowed.size(), 2u);
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.add_release(Plane::model, "reader", "3");
  auto other = World::rule("other", "device.region == \"fr\"", {{Plane::model, "reader", "3"}}, {all});
  ASSERT_TRUE(World::accepted(world_.start(other)));
  world_.attempt(shadowed[0], AttemptState::shadowing);
  end_shadow(shadowed[0]);
  ASSERT_EQ(standing(shadowed[0]), Standing::done);
  move(shadowed[0], "fr");
  EXPECT_EQ(wanted(shadowed[0]), "reader@3");
  EXPECT_EQ(standing(shadowed[0]), Standing::done);
  EXPECT_EQ(in_shadow(shadowed[0]), "");
}

TEST_F(Shadows, WhatMakesNoSenseIsRefused) {
  join(2);
  auto rule = shadow_rule();
  rule.priority = 3;
  EXPECT_THAT(World::reply(world_.start(rule)), HasSubstr("a shadow takes no device from another rollout"));
  rule = shadow_rule();
  rule.waves[0].hold = HoldPoint::before_commit;
  EXPECT_THAT(World::reply(world_.start(rule)), HasSubstr("a shadow switches nothing"));
  world_.known("reader@2").shadow = false;
  EXPECT_THAT(World::reply(world_.start(shadow_rule())),
              HasSubstr("none of its releases says what runs it in the shadow"));
}

TEST_F(Shadows, TheSameAfterARestart) {
  join(2);
  world_.start(shadow_rule({}, 100));
  world_.attempt("d000", AttemptState::shadowing);
  world_.restart();
  std::vector<Effect> effects;
  world_.engine.republish(effects);
  for (const auto& effect : effects) {
    const auto* assign = std::get_if<Assign>(&effect);
    if (assign == nullptr) continue;
    EXPECT_EQ(assign->shadow, world_.devices[assign->device].assigned->shadow);
    EXPECT_EQ(assign->epoch, 1u);
  }
  for (const auto* id : {"d000", "d001"}) end_shadow(id);
  EXPECT_EQ(world_.status("r").done, 2u);
}

}  // namespace
}  // namespace muster::rules::test
