// Releases that run beside what is active: what is asked of them, how long they run, what ends them, and that nothing
// of them is ever switched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RecoveryRule rule(const std::string& when, RecoveryAction action) {
  const auto compiled = rules::compile_condition(when, rules::recovery_vocabulary());
  EXPECT_TRUE(compiled.ok()) << when;
  return {compiled.program, action, when};
}

class Shadows : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* ref : {"m@1", "m@2", "m@3"}) bench.release(ref);
    for (const auto* ref : {"c@1", "c@2"}) bench.release(ref, Plane::config);
    bench.release("m@2", Plane::model, 2).shadow = "replay";
    bench.release("c@1", Plane::config).recovery = {
        rule("gpu_oom_count > 2", RecoveryAction::switch_to_degraded_model),
        rule("camera_timeout_secs > 5", RecoveryAction::restart_ingest_pipeline),
        rule("crash_loop_count > 3", RecoveryAction::rollback_release)};
    bench.start();
    bench.assign(1, {"m@3", "c@2"});
    bench.wait_s(10);
    bench.assign(2, {"m@1", "c@1"});
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
    before = bench.agent->durable();
    static_cast<void>(bench.take_trace());
  }
  void shadow(std::uint64_t epoch = 3, std::uint32_t soak_s = 10) {
    bench.assign(epoch, {"m@1", "c@1"}, soak_s, Hold::none, {"m@2"});
  }
  void expect_nothing_switched() {
    const auto& now = bench.agent->durable();
    EXPECT_EQ(bench.active(), "m@1");
    EXPECT_EQ(bench.previous(), "m@3");
    for (std::size_t i = 0; i < plane_count; ++i) {
      EXPECT_EQ(now.planes[i].active.manifest, before.planes[i].active.manifest);
      EXPECT_EQ(now.planes[i].previous.manifest, before.planes[i].previous.manifest);
      EXPECT_EQ(now.planes[i].security_floor, before.planes[i].security_floor);
    }
    EXPECT_EQ(now.last_swapped, before.last_swapped);
  }
  void expect_refused(ErrorCode code, const std::string& detail) {
    EXPECT_EQ(bench.phase(), AttemptPhase::failed);
    EXPECT_EQ(bench.error(), code);
    EXPECT_THAT(bench.agent->durable().attempt.detail, HasSubstr(detail));
    EXPECT_THAT(bench.shadow(), IsEmpty());
    expect_nothing_switched();
  }
  [[nodiscard]] Sha256 downloaded() const { return bench.agent->snapshot().planes[1].downloaded; }
  static StandingOrder order(OrderKind kind, std::uint64_t epoch, const std::string& ref = {}) {
    return {kind, epoch, Plane::model, ref.empty() ? Sha256{} : Bench::digest(ref), "a reason", "alice"};
  }
  Bench bench;
  DurableState before;
};

TEST_F(Shadows, RunForTheSoakAndAreThenCommittedWithNothingSwitched) {
  shadow();
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  EXPECT_EQ(bench.agent->snapshot().attempt, wire::AttemptState::shadowing);
  EXPECT_THAT(bench.shadow(), ElementsAre("m@2 replay"));
  bench.wait_s(9);
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 3u);
  EXPECT_EQ(bench.error(), ErrorCode::none);
  EXPECT_THAT(bench.shadow(), IsEmpty());
  expect_nothing_switched();
  EXPECT_THAT(bench.take_trace(), ElementsAre(HasSubstr("committed -> fetching"), HasSubstr("fetching -> verifying"),
                                              HasSubstr("verifying -> staged"), HasSubstr("staged -> shadowing"),
                                              HasSubstr("shadowing -> committed")));
}

TEST_F(Shadows, AreKeptUntilTheNextAttemptWhichNeedNotFetchThem) {
  shadow();
  bench.wait_s(10);
  EXPECT_EQ(downloaded(), Bench::digest("m@2"));
  bench.stop_in_order();
  bench.start();
  EXPECT_EQ(downloaded(), Bench::digest("m@2")) << "also after a restart";
  EXPECT_EQ(bench.slots[Plane::model].count(Bench::digest("m@2")), 1u);
  bench.assign(4, {"m@2", "c@1"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.previous(), "m@1");
}

TEST_F(Shadows, GoWithTheNextAttemptAtSomethingElse) {
  shadow();
  bench.wait_s(10);
  bench.assign(4, {"m@1", "c@2"});
  EXPECT_EQ(bench.slots[Plane::model].count(Bench::digest("m@2")), 0u);
  EXPECT_EQ(downloaded(), Bench::digest("m@1"));
}

TEST_F(Shadows, WithoutACommandAreThereForTheOthers) {
  bench.assign(3, {"m@1", "c@1"}, 10, Hold::none, {"m@2", "c@2"});
  EXPECT_THAT(bench.shadow(), ElementsAre("m@2 replay", "c@2 "));
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(Plane::config), "c@1");
  expect_nothing_switched();
}

TEST_F(Shadows, OfWhichNoneHasACommandAreRefusedBeforeTheyAreFetched) {
  bench.assign(3, {"m@1", "c@1"}, 10, Hold::none, {"c@2"});
  expect_refused(ErrorCode::incompatible, "in the shadow");
  EXPECT_EQ(bench.fetch_count("c@2"), 1u) << "at its first rollout";
}

TEST_F(Shadows, NeedADeviceThatRunsWhatItIsAssigned) {
  bench.assign(3, {"m@1", "c@2"}, 10, Hold::none, {"m@2"});
  expect_refused(ErrorCode::incompatible, "a shadow needs a device that runs what it is assigned");
  EXPECT_EQ(bench.agent->snapshot().attempt_plane, Plane::config);
}

TEST_F(Shadows, OfWhatIsActiveRunBesideIt) {
  bench.release("m@1").shadow = "replay";
  bench.stop_in_order();
  bench.start();
  bench.assign(3, {"m@1"}, 10, Hold::none, {"m@1"});
  EXPECT_THAT(bench.shadow(), ElementsAre("m@1 replay"));
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  expect_nothing_switched();
}

TEST_F(Shadows, MustFitTheDeviceLikeAnyRelease) {
  std::uint64_t epoch = 3;
  const auto expect = [&](ErrorCode code) {
    bench.start();  // it would remember the manifest
    shadow(epoch++);
    EXPECT_EQ(bench.error(), code);
    EXPECT_EQ(bench.phase(), AttemptPhase::failed);
    EXPECT_EQ(bench.fetch_count("m@2"), 0u);
  };
  auto& release = bench.release("m@2", Plane::model, 2);
  release.shadow = "replay";
  release.classes = {"esp32"};
  expect(ErrorCode::incompatible);
  release.classes.clear();
  release.memory_mb_min = 100000;
  expect(ErrorCode::incompatible);
  release.memory_mb_min = 0;
  release.security_version = 0;
  expect(ErrorCode::under_security_floor);
  release.security_version = 1;
  release.needs = {{Plane::config, "2"}};
  expect(ErrorCode::requirement_unmet);
  // As if it were to be active: together with the config that it brings along it would do.
  bench.start();
  bench.assign(epoch, {"m@1", "c@1"}, 10, Hold::none, {"m@2", "c@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
}

TEST_F(Shadows, OnPlanesThatAreNotThereAreRefused) {
  bench.release("f@1", Plane::firmware).shadow = "replay";
  bench.assign(3, {"m@1"}, 10, Hold::none, {"f@1"});
  expect_refused(ErrorCode::incompatible, "not configured");
}

TEST_F(Shadows, ThatNameAPlaneTwiceOrNothingAreNoAssignment) {
  bench.assign(3, {"m@1"}, 10, Hold::none, {"m@2", "m@3"});
  bench.assign(4, {"m@1"}, 10, Hold::none, {"-model"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("malformed"), HasSubstr("malformed")));
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 2u);
}

TEST_F(Shadows, ThatCannotBeFetchedOrBuiltFailAsAnyRelease) {
  bench.fetch_fails["m@2"] = ErrorCode::fetch_failed;
  shadow(3);
  expect_refused(ErrorCode::fetch_failed, "");
  bench.fetch_fails.clear();
  bench.build_fails["m@2"] = ErrorCode::disk_full;
  shadow(4);
  expect_refused(ErrorCode::disk_full, "");
}

TEST_F(Shadows, ThatEndByThemselvesHaveFailed) {
  std::uint64_t epoch = 3;
  for (const auto code : {ErrorCode::shadow_failed, ErrorCode::probe_not_allowed}) {
    shadow(epoch++);
    bench.failure_words = "exit code 3";
    bench.end_shadow(code);
    expect_refused(code, "exit code 3");
    EXPECT_EQ(bench.state(), DeviceState::healthy) << "nothing that counts has failed";
    bench.wait_s(100);
    EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  }
}

TEST_F(Shadows, GiveWayToSafeMode) {
  shadow();
  bench.direct("fleet", 5, {order(OrderKind::safe_mode, 5)});
  expect_refused(ErrorCode::shadow_failed, "safe mode");
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  shadow(4);
  expect_refused(ErrorCode::shadow_failed, "safe mode");
}

TEST_F(Shadows, GiveWayToADegradedDevice) {
  shadow();
  bench.readings({{"gpu_oom_count", 3}});
  expect_refused(ErrorCode::shadow_failed, "degraded");
  EXPECT_EQ(bench.state(), DeviceState::degraded);
  bench.start();
  shadow(4);
  expect_refused(ErrorCode::shadow_failed, "degraded");
}

TEST_F(Shadows, GoOnWhileTheWorkloadIsRestartedAndEndWhenItGoesBack) {
  shadow(3, 100);
  bench.readings({{"camera_timeout_secs", 9}});
  EXPECT_EQ(bench.state(), DeviceState::recovering);
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.wait_s(10);
  bench.readings({{"crash_loop_count", 9}});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::recovery_rollback);
  EXPECT_EQ(bench.active(), "m@3");
  EXPECT_THAT(bench.shadow(), IsEmpty());
}

TEST_F(Shadows, GoOnThroughAPause) {
  shadow();
  bench.direct("fleet", 5, {order(OrderKind::pause_updates, 5)});
  bench.assign(4, {"m@3", "c@1"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 3u);
  bench.direct("fleet", 6, {});
  EXPECT_EQ(bench.active(), "m@3");
}

TEST_F(Shadows, AreReplacedAtOnceByANewerAssignment) {
  shadow();
  bench.assign(4, {"m@3", "c@1"});
  EXPECT_THAT(bench.shadow(), IsEmpty());
  EXPECT_EQ(bench.active(), "m@3");
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.previous(), "m@1");
}

TEST_F(Shadows, OfOtherReleasesReplaceEachOther) {
  bench.release("m@3").shadow = "replay";
  bench.stop_in_order();
  bench.start();
  shadow();
  bench.assign(4, {"m@1", "c@1"}, 10, Hold::none, {"m@3"});
  EXPECT_THAT(bench.shadow(), ElementsAre("m@3 replay"));
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Shadows, OfTheSameReleasesGoOnUnderANewEpoch) {
  shadow(3, 10);
  bench.wait_s(6);
  shadow(4, 10);
  EXPECT_EQ(bench.shadow_runs, 1u);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 4u);
  bench.wait_s(4);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Shadows, AnotherShadowUnderTheSameEpochIsAReplay) {
  shadow();
  bench.assign(3, {"m@1", "c@1"}, 10, Hold::none, {"c@2"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.assign(3, {"m@1", "c@1"}, 10);
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.assign(2, {"m@1", "c@1"}, 10, Hold::none, {"m@2"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  shadow();
  EXPECT_THAT(bench.take_refusals(), IsEmpty());
}

TEST_F(Shadows, AFrozenOneIsNotRunAndARunningOneEnds) {
  bench.direct("fleet", 5, {order(OrderKind::freeze, 5, "m@2")});
  shadow(3);
  expect_refused(ErrorCode::frozen, "m@2");
  EXPECT_EQ(bench.fetch_count("m@2"), 0u);
  bench.direct("fleet", 6, {});
  shadow(4);
  ASSERT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.direct("fleet", 7, {order(OrderKind::freeze, 7, "m@2")});
  expect_refused(ErrorCode::frozen, "m@2");
}

TEST_F(Shadows, ARollbackOfTheShadowEndsItAndOfTheActiveOneGoesBack) {
  shadow(3);
  bench.direct("fleet", 5, {order(OrderKind::rollback, 5, "m@2")});
  expect_refused(ErrorCode::directed_rollback, "alice");
  shadow(4);
  bench.direct("fleet", 6, {order(OrderKind::rollback, 6, "m@1")});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
  EXPECT_EQ(bench.active(), "m@3");
  EXPECT_THAT(bench.shadow(), IsEmpty());
  bench.wait_s(100);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back) << "the shadow is over";
}

TEST_F(Shadows, ARollbackOfWhatRunsInBothWaysGoesBackToo) {
  bench.release("m@1").shadow = "replay";
  bench.stop_in_order();
  bench.start();
  bench.assign(3, {"m@1"}, 10, Hold::none, {"m@1"});
  ASSERT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.direct("fleet", 6, {order(OrderKind::rollback, 6, "m@1")});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.active(), "m@3");
}

TEST_F(Shadows, ShadowAgainWithTheTimeThatIsLeftAfterARestart) {
  shadow(3, 100);
  bench.wait_s(40);
  bench.stop_in_order();
  bench.now_s += 100000;
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  EXPECT_THAT(bench.shadow(), ElementsAre("m@2 replay"));
  EXPECT_EQ(bench.shadow_runs, 2u);
  bench.wait_s(59);
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  expect_nothing_switched();
}

TEST_F(Shadows, LoseAtMostOneIntervalToAKill) {
  shadow(3, 100);
  bench.wait_s(59);
  bench.lose_power();
  bench.start();
  bench.wait_s(59);
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed) << "40 s were written down";
}

TEST_F(Shadows, ThatTakeTheDeviceWithThemAreGivenUp) {
  shadow(3, 1000);
  for (std::uint32_t i = 1; i < Agent::crashes_max; ++i) {
    bench.lose_power();
    bench.start();
    EXPECT_EQ(bench.phase(), AttemptPhase::shadowing) << i;
  }
  bench.lose_power();
  bench.start();
  expect_refused(ErrorCode::shadow_failed, "3 times after a crash");
}

TEST_F(Shadows, OfNoTimeAreOverAtOnce) {
  shadow(3, 0);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_THAT(bench.shadow(), IsEmpty());
}

TEST_F(Shadows, ADamagedActiveSlotHasAWayBackAndEndsTheShadow) {
  shadow();
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::slot_damaged);
  EXPECT_EQ(bench.active(), "m@3");
  EXPECT_THAT(bench.shadow(), IsEmpty());
}

}  // namespace
}  // namespace muster::edge
