// Where two things that are done to a device meet: it waits to try again, is stopped, cancelled or overridden, has to
// go back, leaves the targets, or another rollout brings it something on another plane.
#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

class Meetings : public Exclude {
 protected:
  Meetings() {
    world_.add_release(Plane::model, "reader", "3");
    world_.add_release(Plane::config, "sorter", "1");
    world_.add_release(Plane::config, "sorter", "2");
    join(4);  // d000 and d002 in de, d001 and d003 in us
  }
  void start_rollout(const std::string& name, const VersionChoice& version, const std::string& targets = "true",
                     std::uint32_t halt = 3) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule(name, targets, {version}, {all});
    rule.halt_failed_devices = halt;
    rule.retry.attempts = 3;
    rule.retry.wait_s = 600;
    const auto effects = world_.start(rule);
    ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  }
  void start_model(const std::string& targets = "true", std::uint32_t halt = 3) {
    start_rollout("r", {Plane::model, "reader", "2"}, targets, halt);
  }
  void start_config() { start_rollout("c", {Plane::config, "sorter", "2"}); }
  void fail(const std::string& id, const std::string& error) { world_.fail(id, error); }
  void move(const std::string& id, const std::string& region) {
    world_.devices[id].report.facts.region = region;
    world_.report(id);
  }
  // What its assignment says, in the order of activation. A plane that nothing was ever assigned on is not in it: a
  // device need not even have it.
  [[nodiscard]] std::string given(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->releases)
      text += (text.empty() ? "" : " ") + world_.release_name(digest);
    return text;
  }
  [[nodiscard]] RolloutStatus status(const std::string& name = "r") { return world_.status(name); }
};

TEST_F(Meetings, AStoppedDeviceThatLeavesTheTargetsHoldsNobodyAndGoesOnWhenItIsBack) {
  start_model("device.region != \"fr\"");
  for (const auto* id : {"d001", "d002", "d003"}) world_.commit(id);
  world_.commit("d000");
  ASSERT_EQ(status().state, RolloutState::completed);
  stop("region=de", true);
  for (const auto* id : {"d000", "d002"}) world_.commit(id);
  ASSERT_EQ(wanted("d000"), "reader@1");
  move("d000", "fr");
  EXPECT_EQ(status().state, RolloutState::completed);
  move("d000", "us");
  EXPECT_EQ(wanted("d000"), "reader@2") << why("d000");
}

TEST_F(Meetings, OneThatWaitsToTryAgainAndIsNoTargetAnyMoreIsNotAssignedByAContinue) {
  start_model("device.region == \"de\"");
  fail("d000", "fetch_failed");
  ASSERT_EQ(standing("d000"), Standing::retrying);
  world_.devices["d000"].report.facts.site = "s1";
  move("d000", "us");
  stop("site=s1");
  go_on("site=s1");
  world_.tick(10'000);
  EXPECT_EQ(world_.devices["d000"].assigned->epoch, 1u);
}

TEST_F(Meetings, WhatWasTakenFromADeviceComesWithNoOtherRollout) {
  start_model();
  for (const auto* id : {"d000", "d001"}) fail(id, "fetch_failed");
  ASSERT_EQ(status().retrying, 2u);
  cancel("d001");
  stop("region=de");
  start_config();
  for (const auto* id : {"d000", "d001"}) EXPECT_EQ(given(id), "reader@1 sorter@2") << id;
}

// A rollout of another plane does not fail for what failed before, and a pause keeps the release from the device.
TEST_F(Meetings, WhatFailedComesWithNoOtherRolloutAndIsTriedAgainByItsOwn) {
  start_model();
  fail("d000", "fetch_failed");
  fail("d001", "probe_failed");
  for (const auto* id : {"d002", "d003"}) world_.commit(id);
  world_.command(PauseRollout{"r"});
  start_config();
  for (const auto* id : {"d000", "d001"}) EXPECT_EQ(given(id), "reader@1 sorter@2") << id;
  for (const auto* id : {"d002", "d003"}) EXPECT_EQ(given(id), "reader@2 sorter@2") << id;
  for (const auto* id : {"d000", "d001", "d002", "d003"}) world_.commit(id);
  EXPECT_EQ(status("c").state, RolloutState::completed);
  EXPECT_EQ(status().done, 2u) << "they run the earlier model, which is none of r's";
  EXPECT_EQ(status().failed, 1u);
  EXPECT_EQ(status().retrying, 1u);
  world_.restart();
  world_.tick(3600);
  EXPECT_EQ(given("d000"), "reader@1 sorter@2") << "paused";
  world_.command(ResumeRollout{"r", true});
  world_.tick(1);
  EXPECT_EQ(given("d000"), "reader@2 sorter@2");
  world_.commit("d000");
  EXPECT_EQ(status().done, 3u);
  EXPECT_EQ(status("c").done, 4u);
}

// c brings d000 and d001 no model, because the model had failed there: that c fails too says nothing about it.
TEST_F(Meetings, AnAttemptThatLeftAReleaseOutSaysNothingAboutIt) {
  start_model();
  fail("d000", "fetch_failed");
  fail("d001", "probe_failed");
  for (const auto* id : {"d002", "d003"}) world_.commit(id);
  const auto retrying = why("d000");
  ASSERT_THAT(retrying, HasSubstr("attempt 1 of 3 failed: fetch_failed"));
  ASSERT_THAT(why("d001"), HasSubstr("it failed: probe_failed"));
  start_config();
  for (const auto* id : {"d000", "d001"}) {
    ASSERT_EQ(given(id), "reader@1 sorter@2") << id;
    world_.roll_back(id, "soak_failed", "odd labels");
  }
  EXPECT_EQ(status().rolled_back, 0u);
  EXPECT_THAT(status().failures,
              ElementsAre(AllOf(Field(&FailedDevice::device, "d001"), Field(&FailedDevice::error, "probe_failed"))));
  EXPECT_THAT(why("d001"), HasSubstr("it failed: probe_failed"));
  EXPECT_THAT(why("d001"), Not(HasSubstr("put itself back")));
  EXPECT_THAT(why("d000"), HasSubstr("attempt 1 of 3 failed"));
  EXPECT_THAT(why("d000"), Not(HasSubstr("soak_failed")));
  move("d000", "fr");
  EXPECT_EQ(status().retrying, 1u) << "the second attempt is still to come";
}

// The way back failed as well; with the next assignment it is tried once more, also after a stop or a cancel.
TEST_F(Meetings, WhatCouldNotGoBackGoesBackWithTheNextAssignment) {
  start_model();
  for (const auto* id : {"d000", "d001", "d002", "d003"}) world_.commit(id);
  stop("region=de", true);
  cancel("d001", true);
  for (const auto* id : {"d000", "d001"}) fail(id, "install_failed");
  start_config();
  for (const auto* id : {"d000", "d001"}) EXPECT_EQ(given(id), "reader@1 sorter@2") << id;
}

TEST_F(Meetings, ACancelledDevicesAssignmentIsTheSameAfterARestart) {
  start_model();
  fail("d000", "probe_failed");
  cancel("d000");
  world_.restart();
  std::vector<Effect> effects;
  world_.engine.republish(effects);
  const auto& before = world_.devices["d000"].assigned;
  bool found = false;
  for (const auto& effect : effects) {
    const auto* assign = std::get_if<Assign>(&effect);
    if (assign == nullptr || assign->device != "d000") continue;
    found = true;
    EXPECT_EQ(assign->epoch, before->epoch);
    EXPECT_EQ(assign->releases, before->releases) << "a device refuses the same epoch with other releases";
  }
  EXPECT_TRUE(found);
}

TEST_F(Meetings, OverridesOfTwoPlanesStandBesideEachOther) {
  const auto set = [&](const std::string& ref) {
    return world_.command(OverrideDevice{"d000", world_.release(ref)}, "alice", "odd camera");
  };
  ASSERT_TRUE(World::accepted(set("reader@3")));
  ASSERT_TRUE(World::accepted(set("sorter@2")));
  EXPECT_EQ(given("d000"), "reader@3 sorter@2");
}

TEST_F(Meetings, AnOverrideWaitsUntilADeviceHasGoneBackFromAnAbortedRollout) {
  start_config();
  for (const auto* id : {"d000", "d001", "d002", "d003"}) world_.commit(id);
  world_.lose("d000");
  world_.tick(3600);
  world_.command(AbortRollout{"c", AbortMode::revert});
  for (const auto* id : {"d001", "d002", "d003"}) world_.commit(id);
  ASSERT_EQ(status("c").state, RolloutState::aborted) << status("c").waiting_for;
  const auto refused = world_.command(OverrideDevice{"d000", world_.release("reader@3")}, "alice", "odd camera");
  EXPECT_FALSE(World::accepted(refused));
  EXPECT_NE(World::reply(refused).find("wait until it has gone back"), std::string::npos) << World::reply(refused);
}

TEST_F(Meetings, AFailureStaysCountedWhoeverIsCancelledAndReadmitted) {
  start_model("device.region != \"fr\"", 2);
  fail("d000", "probe_failed");
  cancel("d000");
  move("d000", "fr");
  readmit("d000");
  EXPECT_EQ(status().failed, 1u);
  fail("d001", "probe_failed");
  EXPECT_EQ(status().state, RolloutState::halted);
}

}  // namespace
}  // namespace muster::rules::test
