// Whole updates through the whole client: each plane, with the handover to the bootloader, what replaces them and what
// stops them on the way.
#include "tests/unit/mcu/session/session_test.h"

namespace muster::mcu::sim {
namespace {

using wire::AttemptState;
using wire::DeviceState;
using wire::ErrorCode;

const Releases& all() {
  return test_releases();
}

// Steps until the download of this release has begun and is not complete.
bool until_filling(TestWorld& world, std::uint64_t epoch) {
  return world.until([&] {
    return world.device.running() && world.device.client().machine().state().assignment.epoch == epoch &&
           world.device.client().machine().state().phase == Phase::fetching && world.asked() >= 2;
  });
}

TEST(McuSessionUpdate, AWholeSetWithTheHandoverToTheNewFirmware) {
  TestWorld world;
  world.assign(1, {&all().firmware, &all().model, &all().config});
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_TRUE(world.until_attempt(1, AttemptState::committed));
  EXPECT_EQ(world.device.resets, 1u);
  EXPECT_EQ(world.device.running_slot, 1);
  EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model) && world.runs(all().config));
  // What is over within one step is not reported.
  const std::vector<AttemptState> seen = {AttemptState::idle, AttemptState::fetching, AttemptState::probing,
                                          AttemptState::committed};
  EXPECT_EQ(world.attempts(), seen);
  EXPECT_EQ(world.last_state().boot_id, 2u);
  for (unsigned plane = 0; plane < plane_count; ++plane) EXPECT_FALSE(world.last_state().active[plane].is_zero());
  // Over a power cut everything is as it was, and the retained assignment is no news.
  const auto asked = world.asked();
  ASSERT_TRUE(world.device.start());
  ASSERT_TRUE(world.start_and_settle());
  world.run(5000);
  EXPECT_EQ(world.device.running_slot, 1);
  EXPECT_TRUE(world.runs(all().firmware) && world.runs(all().model) && world.runs(all().config));
  EXPECT_EQ(world.asked(), asked);
  EXPECT_EQ(world.device.resets, 1u);
}

TEST(McuSessionUpdate, ModelAndConfigurationNeedNoReset) {
  for (const auto* release : {&all().model, &all().config}) {
    TestWorld world;
    ASSERT_TRUE(world.start_and_settle());
    const auto reloads = world.device.reloads;
    world.assign(1, {release}, 3);
    ASSERT_TRUE(world.until_attempt(1, AttemptState::soaking));
    ASSERT_TRUE(world.until_attempt(1, AttemptState::committed, 5000));
    EXPECT_TRUE(world.runs(*release));
    EXPECT_EQ(world.device.resets, 0u);
    EXPECT_EQ(world.device.reloads, reloads + 1);
  }
}

TEST(McuSessionUpdate, BackAndForthAndToAnEmptyPlane) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  std::uint64_t epoch = 0;
  for (unsigned round = 0; round < 3; ++round) {
    world.assign(++epoch, {&all().model, &all().config});
    ASSERT_TRUE(world.until_attempt(epoch, AttemptState::committed));
    EXPECT_TRUE(world.runs(all().model) && world.runs(all().config));
    world.assign(++epoch, {&all().other_model, &all().other_config});
    ASSERT_TRUE(world.until_attempt(epoch, AttemptState::committed));
    EXPECT_TRUE(world.runs(all().other_model) && world.runs(all().other_config));
  }
  AssignmentSpec empty;
  empty.epoch = ++epoch;
  empty.emptied = {Plane::model};
  world.broker.publish(assignment_topic, sealed(wire::PayloadKind::assignment, assignment(empty), test_keys().control));
  ASSERT_TRUE(world.until_attempt(epoch, AttemptState::committed));
  EXPECT_TRUE(world.device.active(Plane::model).is_zero());
  EXPECT_TRUE(world.runs(all().other_config));
}

TEST(McuSessionUpdate, FirmwareWhoseSensorFailsGoesBackByItself) {
  TestWorld world;
  world.device.sensor_of_slot_b = CheckResult::failed;
  world.assign(1, {&all().firmware, &all().model});
  ASSERT_TRUE(world.start_and_settle());
  ASSERT_TRUE(world.until_attempt(1, AttemptState::rolled_back));
  EXPECT_EQ(world.last_state().error, ErrorCode::probe_failed);
  EXPECT_EQ(world.last_state().detail, "sensor");
  EXPECT_EQ(world.device.resets, 2u);
  EXPECT_TRUE(world.runs(all().factory));
  EXPECT_TRUE(world.device.active(Plane::model).is_zero()) << "all of the set or none of it";
  world.run(120000);
  EXPECT_EQ(world.device.resets, 2u) << "and it is not tried again";
}

TEST(McuSessionUpdate, FirmwareThatNeverReachesTheBrokerGoesBackByItself) {
  TestWorld world;
  world.assign(1, {&all().firmware});
  ASSERT_TRUE(world.start_and_settle());
  world.before_poll = [&] { world.broker.reachable = world.device.running_slot != 1; };
  ASSERT_TRUE(world.until([&] { return world.device.running_slot == 1; }));
  const auto trial_ms = world.now_ms;
  ASSERT_TRUE(world.until([&] { return world.device.running_slot == 0; }, 120000));
  EXPECT_LE(world.now_ms - trial_ms, 31000u) << "the checks' window";
  ASSERT_TRUE(world.until_attempt(1, AttemptState::rolled_back));
  EXPECT_EQ(world.last_state().error, ErrorCode::probe_timeout);
  EXPECT_EQ(world.last_state().detail, "broker");
}

TEST(McuSessionUpdate, FirmwareThatHangsIsBittenAndGoesBack) {
  DeviceSpec spec;
  spec.watchdog_ms = 4000;
  TestWorld world(spec);
  world.assign(1, {&all().firmware});
  ASSERT_TRUE(world.start_and_settle());
  // In slot B the workload gives no sign of life.
  world.before_poll = [&] { world.device.workload_lives = world.device.running_slot != 1; };
  ASSERT_TRUE(world.until_attempt(1, AttemptState::rolled_back, 300000));
  EXPECT_GT(world.device.bites, 0u);
  EXPECT_TRUE(world.runs(all().factory));
}

TEST(McuSessionUpdate, ANewerAssignmentReplacesADownloadAndAnOlderOneDoesNot) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.broker.before_chunk = [](ChunkAnswer& answer) { answer.delay_ms = 300; };
  world.assign(5, {&all().model});
  ASSERT_TRUE(until_filling(world, 5));
  world.assign(4, {&all().config});
  world.run(100);
  EXPECT_TRUE(world.device.logged("an older assignment"));
  EXPECT_EQ(world.device.client().machine().state().assignment.epoch, 5u);
  const auto asked = world.asked();
  world.assign(6, {&all().other_model});
  ASSERT_TRUE(world.until_attempt(6, AttemptState::committed));
  EXPECT_TRUE(world.runs(all().other_model));
  EXPECT_TRUE(world.device.active(Plane::config).is_zero());
  EXPECT_GT(world.asked(), asked);
  // The same releases under a new number: nothing is fetched again.
  const auto before = world.asked();
  world.assign(7, {&all().other_model});
  ASSERT_TRUE(world.until_attempt(7, AttemptState::committed));
  EXPECT_EQ(world.asked(), before);
}

TEST(McuSessionUpdate, TheSameReleasesUnderANewNumberGoOnWhereTheyWere) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  world.broker.before_chunk = [](ChunkAnswer& answer) { answer.delay_ms = 300; };
  world.assign(5, {&all().model});
  ASSERT_TRUE(until_filling(world, 5));
  world.assign(6, {&all().model});
  ASSERT_TRUE(world.until_attempt(6, AttemptState::committed));
  EXPECT_EQ(world.asked(), 3u) << "one envelope, two pieces of the file";
}

// Orders that come in the middle of a download.
class McuSessionOrders : public ::testing::Test {
 protected:
  void begin() {
    ASSERT_TRUE(world_.start_and_settle());
    world_.broker.before_chunk = [](ChunkAnswer& answer) { answer.delay_ms = 300; };
    world_.assign(1, {&all().model});
    ASSERT_TRUE(until_filling(world_, 1));
  }
  static OrderSpec order(OrderKind kind) {
    OrderSpec made;
    made.kind = kind;
    made.plane = Plane::model;
    made.release = all().model.assigned.manifest;
    return made;
  }
  TestWorld world_;
};

TEST_F(McuSessionOrders, AFreezeEndsTheDownload) {
  begin();
  world_.order(1, {order(OrderKind::freeze)}, "group/region=eu");
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::failed));
  EXPECT_EQ(world_.last_state().error, ErrorCode::frozen);
  const auto asked = world_.asked();
  world_.run(20000);
  EXPECT_EQ(world_.asked(), asked);
}

TEST_F(McuSessionOrders, ARollbackOfWhatIsFetchedEndsTheDownload) {
  begin();
  world_.order(1, {order(OrderKind::rollback)});
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::failed));
  EXPECT_EQ(world_.last_state().error, ErrorCode::directed_rollback);
}

TEST_F(McuSessionOrders, SafeModeTurnsTheWorkloadOffAndTheDownloadGoesOn) {
  begin();
  world_.order(1, {order(OrderKind::safe_mode)});
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::committed));
  EXPECT_EQ(world_.device.mode, WorkloadMode::off);
  EXPECT_EQ(world_.last_state().device, DeviceState::safe_mode);
  EXPECT_TRUE(world_.runs(all().model));
  ASSERT_TRUE(world_.device.start());
  EXPECT_EQ(world_.device.mode, WorkloadMode::off) << "kept across resets";
  world_.order(2, {});
  ASSERT_TRUE(world_.until([&] { return world_.device.mode == WorkloadMode::normal; }));
}

// With the workload off nothing can show that a release works, but a check can still show that it does not.
TEST_F(McuSessionOrders, InSafeModeACheckThatFailsEndsTheUpdateAndOneThatWaitsDoesNot) {
  begin();
  world_.order(1, {order(OrderKind::safe_mode)});
  world_.device.sensor = CheckResult::failed;
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::rolled_back));
  EXPECT_EQ(world_.last_state().error, ErrorCode::probe_failed);
  EXPECT_EQ(world_.last_state().detail, "sensor");
  EXPECT_FALSE(world_.runs(all().model));
  world_.device.sensor = CheckResult::waiting;
  world_.assign(2, {&all().other_model});
  ASSERT_TRUE(world_.until_attempt(2, AttemptState::committed));
  EXPECT_TRUE(world_.runs(all().other_model));
}

TEST_F(McuSessionOrders, APauseLetsItGoOnAndTakesNothingNew) {
  begin();
  world_.order(1, {order(OrderKind::pause_updates)}, "fleet");
  world_.assign(2, {&all().config});
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::committed));
  world_.run(20000);
  EXPECT_EQ(world_.last_state().epoch, 1u);
  world_.order(2, {}, "fleet");
  ASSERT_TRUE(world_.until_attempt(2, AttemptState::committed));
  EXPECT_TRUE(world_.runs(all().model) && world_.runs(all().config));
}

TEST_F(McuSessionOrders, EvidenceIsSentBesideTheDownload) {
  begin();
  world_.order(1, {order(OrderKind::send_evidence)});
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::committed));
  EXPECT_TRUE(world_.until([&] { return world_.broker.evidence_complete; }));
}

TEST_F(McuSessionOrders, ARollbackAfterTheCommitBringsThePreviousReleaseBack) {
  begin();
  ASSERT_TRUE(world_.until_attempt(1, AttemptState::committed));
  world_.assign(2, {&all().other_model});
  ASSERT_TRUE(world_.until_attempt(2, AttemptState::committed));
  auto back = order(OrderKind::rollback);
  back.release = all().other_model.assigned.manifest;
  world_.order(1, {back});
  ASSERT_TRUE(world_.until_attempt(2, AttemptState::rolled_back));
  EXPECT_TRUE(world_.runs(all().model));
  EXPECT_EQ(world_.last_state().error, ErrorCode::directed_rollback);
}

}  // namespace
}  // namespace muster::mcu::sim
