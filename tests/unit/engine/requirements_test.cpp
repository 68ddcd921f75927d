// What releases on other planes ask of one that comes, or comes back.
#include <gmock/gmock.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// gw-1 and gw-2 run fw@1.4.0, which fw-14 brought them; gw-1 has reader@2 too, which needs that.
class Requirements : public testing::Test {
 protected:
  Requirements() {
    for (const auto* version : {"1.3.0", "1.4.0", "1.5.0"}) world_.add_release(Plane::firmware, "fw", version);
    for (const auto* version : {"1", "2", "3"}) world_.add_release(Plane::model, "reader", version);
    world_.known("reader@2").needs.version_min[0] = "1.4.0";
    for (const auto* id : {"gw-1", "gw-2"}) {
      run(id, Plane::firmware, "fw", "1.3.0");
      run(id, Plane::model, "reader", "1");
      world_.join(id, facts_of("gateway", "eu"));
    }
    bring("fw-13", Plane::firmware, "fw", "1.3.0", "true");
    bring("fw-14", Plane::firmware, "fw", "1.4.0", "true");
    bring("reader-2", Plane::model, "reader", "2", "device.region == \"eu\" && device.id == \"gw-1\"");
  }
  void run(const std::string& id, Plane plane, const std::string& name, const std::string& version) {
    auto& report = world_.devices[id].report;
    report.active[static_cast<std::size_t>(plane)] = world_.release(name + "@" + version).manifest;
    report.version[static_cast<std::size_t>(plane)] = version;
  }
  std::vector<Effect> start(const std::string& rollout, Plane plane, const std::string& name,
                            const std::string& version, const std::string& targets) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    return world_.start(World::rule(rollout, targets, {{plane, name, version}}, {all}));
  }
  void bring(const std::string& rollout, Plane plane, const std::string& name, const std::string& version,
             const std::string& targets) {
    ASSERT_TRUE(World::accepted(start(rollout, plane, name, version, targets)));
    for (const auto& id : world_.assigned_by(rollout)) {
      run(id, plane, name, version);
      world_.commit(id);
    }
    ASSERT_EQ(world_.status(rollout).state, RolloutState::completed);
  }

  World world_;
};

TEST_F(Requirements, WhatRunsElsewhereKeepsAnOlderReleaseFromADevice) {
  const auto effects = start("back", Plane::firmware, "fw", "1.3.0", "true");
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_EQ(World::assigned_in(effects), std::vector<std::string>{"gw-2"});
  EXPECT_THAT(World::why_of(effects, audit::rollout_started), HasSubstr("1 device cannot run it (1 prerequisite)"));
  const auto unfit = world_.engine.unfit_for("back");
  ASSERT_EQ(unfit.devices.size(), 1u);
  EXPECT_EQ(unfit.devices[0].device, "gw-1");
  EXPECT_EQ(unfit.devices[0].why, "reader@2, which it runs, needs firmware >= 1.4.0, and this is fw@1.3.0");
  world_.restart();
  EXPECT_EQ(world_.engine.unfit_for("back").unfit, 1u);
  EXPECT_EQ(world_.status("back").targets, 1u);
}

TEST_F(Requirements, ANewEnoughReleaseIsTakenAndSoIsOneWithAModelOfItsOwn) {
  EXPECT_EQ(World::assigned_in(start("on", Plane::firmware, "fw", "1.5.0", "true")).size(), 2u);
  world_.command(AbortRollout{"on", AbortMode::keep});
  Wave all;
  all.name = "all";
  all.percent = 100;
  const auto both = world_.start(
      World::rule("both", "true", {{Plane::model, "reader", "1"}, {Plane::firmware, "fw", "1.3.0"}}, {all}));
  EXPECT_EQ(World::assigned_in(both).size(), 2u) << World::reply(both);
}

TEST_F(Requirements, AnOverrideIsRefusedForTheSameReason) {
  const auto refused = world_.command(OverrideDevice{"gw-1", world_.release("fw@1.3.0")}, "alice", "a try");
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_THAT(World::reply(refused), HasSubstr("reader@2, which it runs, needs firmware >= 1.4.0"));
  EXPECT_TRUE(World::accepted(world_.command(OverrideDevice{"gw-2", world_.release("fw@1.3.0")}, "alice", "a try")));
  // Also in the place of another override of the plane.
  ASSERT_TRUE(World::accepted(world_.command(OverrideDevice{"gw-1", world_.release("fw@1.5.0")}, "alice", "a try")));
  const auto again = world_.command(OverrideDevice{"gw-1", world_.release("fw@1.3.0")}, "alice", "a try");
  EXPECT_FALSE(World::accepted(again));
  EXPECT_THAT(World::reply(again), HasSubstr("reader@2, which it runs, needs firmware >= 1.4.0"));
}

TEST_F(Requirements, AnOverrideAsksToo) {
  ASSERT_TRUE(World::accepted(world_.command(OverrideDevice{"gw-2", world_.known("reader@2")}, "alice", "a try")));
  world_.command(AbortRollout{"reader-2", AbortMode::keep});
  run("gw-2", Plane::model, "reader", "2");
  world_.commit("gw-2");
  world_.restart();
  EXPECT_THAT(World::assigned_in(start("back", Plane::firmware, "fw", "1.3.0", "true")), IsEmpty());
}

// The firmware that fw-14 replaced is too old for the model that came since: it stays, and the audit record says why.
TEST_F(Requirements, WhoCannotGoBackUnderItsModelStays) {
  const auto effects = world_.command(AbortRollout{"fw-14", AbortMode::revert});
  EXPECT_TRUE(World::accepted(effects));
  EXPECT_EQ(World::count_audits(effects, audit::device_not_revertible), 1u);
  EXPECT_THAT(
      World::why_of(effects, audit::device_not_revertible),
      HasSubstr("rollout fw-14: plane firmware stays as it is: reader@2, which it runs, needs firmware >= 1.4.0, "
                "and its earlier release is fw@1.3.0"));
  const auto firmware_of = [&](const std::string& id) {
    for (const auto& [plane, digest] : world_.devices[id].assigned->releases) {
      if (plane == Plane::firmware) return world_.release_name(digest);
    }
    return std::string();
  };
  EXPECT_EQ(firmware_of("gw-1"), "fw@1.4.0");
  EXPECT_EQ(firmware_of("gw-2"), "fw@1.3.0");
  for (const auto* id : {"gw-1", "gw-2"}) world_.commit(id);
  EXPECT_EQ(world_.status("fw-14").state, RolloutState::aborted);
}

// A wave that has not opened: who comes to run the model meanwhile is no target any more.
TEST_F(Requirements, WhoComesToNeedMoreLeaves) {
  Wave first, all;
  first.name = "first";
  first.ring_text = "device.region == \"none\"";
  first.ring = World::compile(first.ring_text);
  all.name = "all";
  all.percent = 100;
  ASSERT_TRUE(
      World::accepted(world_.start(World::rule("back", "true", {{Plane::firmware, "fw", "1.3.0"}}, {first, all}))));
  EXPECT_EQ(world_.status("back").targets, 1u);
  run("gw-2", Plane::model, "reader", "2");
  world_.report("gw-2");
  EXPECT_EQ(world_.status("back").targets, 0u);
  run("gw-1", Plane::model, "reader", "1");
  world_.report("gw-1");
  EXPECT_EQ(world_.status("back").targets, 1u);
}

// A release that came to a device by other ways is known here from the first rollout that names it on.
TEST_F(Requirements, WhatIsLearntOfAReleaseCountsAtOnce) {
  world_.known("reader@3").needs.version_min[0] = "1.4.0";
  run("gw-2", Plane::model, "reader", "3");
  world_.report("gw-2");
  Wave first;
  first.name = "first";
  first.ring_text = "device.region == \"none\"";
  first.ring = World::compile(first.ring_text);
  ASSERT_TRUE(World::accepted(world_.start(World::rule("back", "true", {{Plane::firmware, "fw", "1.3.0"}}, {first}))));
  EXPECT_EQ(world_.status("back").targets, 1u);
  ASSERT_TRUE(World::accepted(start("reader-3", Plane::model, "reader", "3", "device.id == \"gw-9\"")));
  EXPECT_EQ(world_.status("back").targets, 0u);
  world_.restart();
  EXPECT_EQ(world_.status("back").targets, 0u);
}

}  // namespace
}  // namespace muster::rules::test
