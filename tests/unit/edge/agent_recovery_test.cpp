// The recovery policy: the first rule that holds decides, acts once, and lets go only when seen false for a whole
// window.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

RecoveryRule rule(const std::string& when, RecoveryAction action) {
  const auto compiled = rules::compile_condition(when, rules::recovery_vocabulary());
  EXPECT_TRUE(compiled.ok()) << when;
  return {compiled.program, action, when};
}

class Recovery : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* ref : {"m@1", "m@2", "m@3"}) bench.release(ref);
    // The policy of the design, in its order.
    bench.release("c@1", Plane::config).recovery = {
        rule("gpu_oom_count > 2", RecoveryAction::switch_to_degraded_model),
        rule("camera_timeout_secs > 5", RecoveryAction::restart_ingest_pipeline),
        rule("inference_p99_ms > 2 * slo_ms", RecoveryAction::drop_to_safe_mode),
        rule("crash_loop_count > 3", RecoveryAction::rollback_release)};
    bench.start();
    settle(1, {"m@1", "c@1"});
    settle(2, {"m@2"});
  }
  void settle(std::uint64_t epoch, const std::vector<std::string>& refs) {
    bench.assign(epoch, refs);
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
    static_cast<void>(bench.take_trace());
  }
  std::size_t count(const std::vector<std::string>& trace, const std::string& line) {
    return static_cast<std::size_t>(std::count(trace.begin(), trace.end(), line));
  }
  Bench bench;
  const ReadingList well = {{"camera_timeout_secs", 0},
                            {"crash_loop_count", 0},
                            {"gpu_oom_count", 0},
                            {"inference_p99_ms", 20},
                            {"slo_ms", 50}};
};

TEST_F(Recovery, DegradesOnceAndHealsAfterAWindow) {
  bench.readings({{"gpu_oom_count", 3}});
  bench.wait_s(1);
  bench.readings({{"gpu_oom_count", 3}});
  EXPECT_EQ(bench.state(), DeviceState::degraded);
  EXPECT_EQ(count(bench.take_trace(), "workload degraded"), 1u);
  EXPECT_EQ(bench.agent->snapshot().last_action, RecoveryAction::switch_to_degraded_model);
  bench.readings({{"gpu_oom_count", 0}});
  bench.wait_s(59);
  bench.readings({{"gpu_oom_count", 0}});
  EXPECT_EQ(bench.state(), DeviceState::degraded);
  bench.wait_s(1);
  bench.readings({{"gpu_oom_count", 0}});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
  EXPECT_EQ(count(bench.take_trace(), "workload normal"), 1u);
}

TEST_F(Recovery, UnknownIsNeverHealthy) {
  bench.readings({{"gpu_oom_count", 3}});
  for (int i = 0; i < 5; ++i) {
    bench.wait_s(60);
    bench.readings({});
  }
  EXPECT_EQ(bench.state(), DeviceState::degraded);
}

TEST_F(Recovery, NothingIsDoneWhileNothingIsKnown) {
  bench.readings({});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Recovery, TheFirstRuleThatHoldsDecides) {
  bench.readings({{"crash_loop_count", 9}, {"gpu_oom_count", 9}});
  EXPECT_EQ(bench.state(), DeviceState::degraded);
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Recovery, RestartsClimbALadderAndThenTheReleaseGoesBack) {
  const ReadingList bad = {{"camera_timeout_secs", 9}, {"gpu_oom_count", 0}};
  std::vector<std::string> trace;
  std::size_t restarts = 0;
  const auto forgotten = bench.forgotten;
  for (int second = 0; second < 1000 && bench.active() == "m@2"; ++second) {
    bench.readings(bad);
    bench.wait_s(1);
    for (const auto& line : bench.take_trace()) restarts += line == "workload restart" ? 1u : 0u;
  }
  EXPECT_EQ(restarts, RecoveryPolicy::restarts_max);
  EXPECT_EQ(bench.forgotten - forgotten, restarts + 1) << "what was measured, with each restart and the way back";
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.error(), ErrorCode::recovery_rollback);
}

TEST_F(Recovery, ARestartThatHelpsEndsRecovering) {
  bench.readings({{"camera_timeout_secs", 9}, {"gpu_oom_count", 0}});
  EXPECT_EQ(bench.state(), DeviceState::recovering);
  bench.readings(well);
  bench.wait_s(60);
  bench.readings(well);
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Recovery, ItsOwnSafeModeIsLatchedUntilALaterResume) {
  bench.direct("fleet", 20, {});
  bench.readings({{"camera_timeout_secs", 0}, {"gpu_oom_count", 0}, {"inference_p99_ms", 101}, {"slo_ms", 50}});
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  bench.wait_s(60);
  bench.readings(well);
  bench.wait_s(600);
  bench.readings(well);
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  // A resume from before the latch does not end it.
  bench.direct("device/gw-17", 21, {{OrderKind::resume, 19, Plane::model, {}, "", ""}});
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  bench.direct("device/gw-17", 22, {{OrderKind::resume, 22, Plane::model, {}, "", ""}});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Recovery, ACrashLoopTakesTheReleaseBack) {
  bench.readings({{"camera_timeout_secs", 0},
                  {"crash_loop_count", 4},
                  {"gpu_oom_count", 0},
                  {"inference_p99_ms", 1},
                  {"slo_ms", 50}});
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.active(Plane::config), "c@1");
  EXPECT_EQ(bench.state(), DeviceState::rolled_back);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::recovery_rollback);
  // What the broken one still sends is not held against the old one.
  bench.readings({{"crash_loop_count", 4}});
  EXPECT_EQ(bench.state(), DeviceState::rolled_back);
}

TEST_F(Recovery, WithoutAWayBackItIsSafeMode) {
  const ReadingList bad = {{"camera_timeout_secs", 0},
                           {"crash_loop_count", 4},
                           {"gpu_oom_count", 0},
                           {"inference_p99_ms", 1},
                           {"slo_ms", 50}};
  bench.readings(bad);
  ASSERT_EQ(bench.active(), "m@1");
  bench.wait_s(60);
  bench.readings({});  // judged again from here on
  bench.readings(bad);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
}

TEST_F(Recovery, ASoakInWhichThePolicyActsHasFailed) {
  bench.assign(3, {"m@3"}, 1000);
  bench.readings({{"gpu_oom_count", 3}});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.state(), DeviceState::rolled_back);
}

TEST_F(Recovery, ARollbackRuleInTheSoakIsNamedSo) {
  bench.assign(3, {"m@3"}, 1000);
  bench.readings({{"camera_timeout_secs", 0},
                  {"crash_loop_count", 4},
                  {"gpu_oom_count", 0},
                  {"inference_p99_ms", 1},
                  {"slo_ms", 50}});
  EXPECT_EQ(bench.error(), ErrorCode::recovery_rollback);
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Recovery, ASoakDoesNotEndWhileTheWorkloadIsRecovering) {
  bench.assign(3, {"m@3"}, 100);
  bench.wait_s(90);
  bench.readings({{"camera_timeout_secs", 9}, {"gpu_oom_count", 0}});
  bench.wait_s(20);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.readings(well);
  bench.wait_s(60);
  bench.readings(well);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Recovery, AWorkloadThatStaysSilentAfterItsRestartFailsTheSoak) {
  bench.assign(3, {"m@3"}, 100);
  bench.wait_s(90);
  bench.readings({{"camera_timeout_secs", 9}, {"gpu_oom_count", 0}});
  bench.wait_s(300);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
}

TEST_F(Recovery, ANewConfigReleaseBringsItsOwnPolicy) {
  bench.release("c@2", Plane::config).recovery = {rule("queue_len > 10", RecoveryAction::switch_to_degraded_model)};
  settle(3, {"c@2"});
  bench.readings({{"gpu_oom_count", 9}});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
  bench.readings({{"queue_len", 11}});
  EXPECT_EQ(bench.state(), DeviceState::degraded);
}

TEST_F(Recovery, BytecodeThatIsNoneIsLeftOut) {
  auto& broken = bench.release("c@3", Plane::config);
  broken.recovery = {RecoveryRule{{1, 2, 3}, RecoveryAction::drop_to_safe_mode, "?"},
                     rule("queue_len > 10", RecoveryAction::switch_to_degraded_model)};
  settle(3, {"c@3"});
  bench.readings({{"queue_len", 11}});
  EXPECT_EQ(bench.state(), DeviceState::degraded);
}

TEST_F(Recovery, ADegradedDeviceHealsAfterARestartOfTheAgent) {
  bench.readings({{"gpu_oom_count", 3}});
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.state(), DeviceState::degraded);
  bench.readings(well);
  bench.wait_s(60);
  bench.readings(well);
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

}  // namespace
}  // namespace muster::edge
