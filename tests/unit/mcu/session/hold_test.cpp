// Updates that wait, through the whole client: before the swap, before the commit, through resets and lost links; and
// shadows, which it refuses.
#include "tests/unit/mcu/session/session_test.h"

namespace muster::mcu::sim {
namespace {

using wire::AttemptState;
using wire::ErrorCode;
using wire::Hold;

const Releases& all() {
  return test_releases();
}

TEST(McuSessionHold, BeforeTheSwapThroughResetsUntilItIsReleased) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().firmware, &all().model}, 2, Hold::before_swap);
  ASSERT_TRUE(world.until_attempt(1, AttemptState::staged));
  const auto asked = world.asked();
  for (int i = 0; i < 5; ++i) {
    world.run(60000);
    EXPECT_EQ(world.last_state().attempt, AttemptState::staged);
    EXPECT_TRUE(world.runs(all().factory));
    EXPECT_TRUE(world.device.active(Plane::model).is_zero());
    ASSERT_TRUE(world.start_and_settle());
  }
  EXPECT_EQ(world.asked(), asked) << "nothing is fetched again";
  EXPECT_EQ(world.device.resets, 0u);
  world.assign(2, {&all().firmware, &all().model}, 2);
  ASSERT_TRUE(world.until_attempt(2, AttemptState::committed));
  EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model));
  EXPECT_EQ(world.asked(), asked);
}

TEST(McuSessionHold, BeforeTheCommitThroughMoreResetsThanATrialHasStarts) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().firmware, &all().model}, 2, Hold::before_commit);
  ASSERT_TRUE(world.until_attempt(1, AttemptState::held));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(world.start_and_settle());
    world.run(20000);
    EXPECT_EQ(world.last_state().attempt, AttemptState::held) << i;
    EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model)) << i;
  }
  EXPECT_EQ(world.last_state().error, ErrorCode::none);
  world.assign(2, {&all().firmware, &all().model}, 2);
  ASSERT_TRUE(world.until_attempt(2, AttemptState::committed));
  ASSERT_TRUE(world.start_and_settle());
  EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model));
}

TEST(McuSessionHold, WhatIsHeldStillGoesBackByItself) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().firmware, &all().model}, 2, Hold::before_commit);
  ASSERT_TRUE(world.until_attempt(1, AttemptState::held));
  world.device.sensor_of_slot_b = CheckResult::failed;
  ASSERT_TRUE(world.until_attempt(1, AttemptState::rolled_back));
  EXPECT_EQ(world.last_state().error, ErrorCode::soak_failed);
  EXPECT_TRUE(world.runs(all().factory));
  EXPECT_TRUE(world.device.active(Plane::model).is_zero());
}

TEST(McuSessionHold, NeedsNoBrokerToGoOnWaiting) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().firmware}, 2, Hold::before_commit);
  ASSERT_TRUE(world.until_attempt(1, AttemptState::held));
  world.broker.reachable = false;
  world.broker.drop();
  world.run(600000);
  EXPECT_TRUE(world.runs(all().firmware));
  world.broker.reachable = true;
  world.assign(2, {&all().firmware}, 2);
  ASSERT_TRUE(world.until_attempt(2, AttemptState::committed, 600000));
}

TEST(McuSessionHold, IsReplacedByOtherReleases) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().model}, 2, Hold::before_swap);
  ASSERT_TRUE(world.until_attempt(1, AttemptState::staged));
  world.assign(2, {&all().other_model}, 2, Hold::before_commit);
  ASSERT_TRUE(world.until_attempt(2, AttemptState::held));
  EXPECT_TRUE(world.runs(all().other_model));
  world.assign(3, {&all().model}, 2);
  ASSERT_TRUE(world.until_attempt(3, AttemptState::committed));
  EXPECT_TRUE(world.runs(all().model));
}

TEST(McuSessionShadow, IsRefusedAndWhatRunsGoesOn) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.assign(1, {&all().model});
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  const auto asked = world.asked();
  world.assign(2, {&all().model}, 60, Hold::none, {&all().other_model});
  ASSERT_TRUE(world.until_attempt(2, AttemptState::failed));
  EXPECT_EQ(world.last_state().error, ErrorCode::incompatible);
  EXPECT_EQ(world.last_state().detail, "nothing can run in the shadow here");
  EXPECT_TRUE(world.runs(all().model));
  EXPECT_EQ(world.asked(), asked);
}

}  // namespace
}  // namespace muster::mcu::sim
