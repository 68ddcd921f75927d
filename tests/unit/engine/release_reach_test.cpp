// How far the state of a release lets a rollout of it go, wave by wave.
#include <gmock/gmock.h>

#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;

class ReleaseReaches : public Exclude {
 protected:
  void start_in(Reach reach, std::vector<std::uint32_t> percents) {
    world_.known("reader@2").reach = reach;
    start_waves(std::move(percents));
  }
  void start_rings(Reach reach, const std::vector<std::string>& conditions) {
    world_.known("reader@2").reach = reach;
    std::vector<Wave> waves;
    for (const auto& condition : conditions) {
      Wave wave;
      wave.name = "ring" + std::to_string(waves.size() + 1);
      wave.ring_text = condition;
      wave.ring = World::compile(condition);
      waves.push_back(wave);
    }
    ASSERT_TRUE(World::accepted(world_.start(World::rule("r", "true", {{Plane::model, "reader", "2"}}, waves))));
  }
  void reach(Reach now) { world_.step(ReleaseReach{{{world_.release("reader@2").manifest, now}}}); }
  void commit_reached() {
    for (const auto& id : reached()) world_.commit(id);
  }
  [[nodiscard]] std::size_t reached_count() { return world_.status("r").reached; }
  [[nodiscard]] std::string waits_for() { return world_.status("r").waiting_for; }
};

TEST_F(ReleaseReaches, InDevelopmentNoWaveOpens) {
  join(8);
  start_in(Reach::development, {25, 100});
  EXPECT_EQ(reached_count(), 0u);
  EXPECT_THAT(waits_for(), HasSubstr("wave w25 (25 %) waits for the state of reader@2: it is development, and a wave "
                                     "that is the first needs candidate, canary or promoted"));
}

TEST_F(ReleaseReaches, ACandidateHasTheFirstWaveAndACanaryAllButTheLast) {
  join(8);
  start_in(Reach::candidate, {25, 50, 100});
  EXPECT_EQ(reached_count(), 2u);
  commit_reached();
  EXPECT_EQ(reached_count(), 2u);
  EXPECT_THAT(waits_for(), HasSubstr("it is candidate, and a wave that follows the first needs canary or promoted"));
  reach(Reach::canary);
  EXPECT_EQ(reached_count(), 4u);
  commit_reached();
  EXPECT_EQ(reached_count(), 4u);
  EXPECT_THAT(waits_for(), HasSubstr("it is canary, and a wave that takes everybody needs promoted"));
  reach(Reach::promoted);
  EXPECT_EQ(reached_count(), 8u);
}

// 99 % of four devices are four.
TEST_F(ReleaseReaches, AShareThatComesToAllTargetsTakesEverybody) {
  join(4);
  start_in(Reach::candidate, {99, 100});
  EXPECT_EQ(reached_count(), 0u);
  EXPECT_THAT(waits_for(), HasSubstr("it is candidate, and a wave that takes everybody needs promoted"));
}

TEST_F(ReleaseReaches, AShareThatLeavesOneOutDoesNot) {
  join(100);
  start_in(Reach::candidate, {99, 100});
  EXPECT_EQ(reached_count(), 99u);
}

// A share of one device says nothing about how careful somebody wanted to be.
TEST_F(ReleaseReaches, OneDeviceMayBeTheFirstWave) {
  join(1);
  start_in(Reach::candidate, {10, 100});
  EXPECT_EQ(reached_count(), 1u);
}

TEST_F(ReleaseReaches, ARingOfAllTakesEverybody) {
  join(8);
  start_rings(Reach::candidate, {"true"});
  EXPECT_EQ(reached_count(), 0u);
  EXPECT_THAT(waits_for(), HasSubstr("it is candidate, and a wave that takes everybody needs promoted"));
  join(1);
  EXPECT_EQ(reached_count(), 0u);
  world_.restart();
  EXPECT_THAT(waits_for(), HasSubstr("a wave that takes everybody needs promoted"));
  reach(Reach::canary);
  EXPECT_EQ(reached_count(), 0u);
  reach(Reach::promoted);
  EXPECT_EQ(reached_count(), 9u);
}

// Region by region: the last one takes whoever is left.
TEST_F(ReleaseReaches, TheRingAfterWhichNobodyIsLeftTakesEverybody) {
  join(8);
  start_rings(Reach::canary, {"device.region == \"de\"", "device.region == \"us\""});
  EXPECT_EQ(reached_count(), 4u);
  commit_reached();
  EXPECT_EQ(reached_count(), 4u);
  EXPECT_THAT(waits_for(), HasSubstr("wave ring2 (ring) waits for the state of reader@2: it is canary, and a wave that "
                                     "takes everybody needs promoted"));
  reach(Reach::promoted);
  EXPECT_EQ(reached_count(), 8u);
  commit_reached();
  EXPECT_EQ(state(), RolloutState::completed);
}

// Who comes or moves to where the ring does not reach makes it a part; when the last of them goes it is the rest again.
TEST_F(ReleaseReaches, AsLongAsATargetIsOutsideARingIsAPart) {
  join(8);
  start_rings(Reach::canary, {"device.region == \"de\"", "device.region == \"us\""});
  move("d001", "ch");
  move("d001", "us");
  commit_reached();
  ASSERT_EQ(reached_count(), 4u);
  move("d003", "ch");
  EXPECT_EQ(reached_count(), 7u) << "d003 is a target of no ring";
  EXPECT_EQ(wanted("d003"), "nothing");
}

}  // namespace
}  // namespace muster::rules::test
