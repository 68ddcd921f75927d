// Directives: who may be obeyed when, and what outlives what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

StandingOrder order(OrderKind kind, std::uint64_t epoch, const std::string& ref = {}, Plane plane = Plane::model) {
  return {kind, epoch, plane, ref.empty() ? Sha256{} : Bench::digest(ref), "a reason", "alice"};
}

class Orders : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* ref : {"m@1", "m@2", "m@3"}) bench.release(ref);
    bench.release("c@1", Plane::config);
    bench.release("c@2", Plane::config);
    bench.start();
    settle(1, {"m@1", "c@1"});
  }
  void settle(std::uint64_t epoch, const std::vector<std::string>& refs) {
    bench.assign(epoch, refs);
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
    static_cast<void>(bench.take_trace());
  }
  Bench bench;
};

TEST_F(Orders, SafeModeIsEnteredAndLeft) {
  bench.direct("device/gw-17", 10, {order(OrderKind::safe_mode, 10)});
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  EXPECT_THAT(bench.take_trace(), Contains("workload degraded"));
  bench.direct("device/gw-17", 11, {order(OrderKind::resume, 11)});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
  EXPECT_THAT(bench.take_trace(), Contains("workload normal"));
}

TEST_F(Orders, AnyScopeIsEnoughAndAllMustLetGo) {
  bench.direct("group/region=eu", 10, {order(OrderKind::safe_mode, 10)});
  bench.direct("fleet", 11, {order(OrderKind::safe_mode, 11)});
  bench.direct("group/region=eu", 12, {order(OrderKind::resume, 12)});
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  bench.direct("fleet", 13, {});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Orders, SafeModeOutlivesARestartAndIsAssertedAgain) {
  bench.direct("fleet", 10, {order(OrderKind::safe_mode, 10)});
  static_cast<void>(bench.take_trace());
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  EXPECT_THAT(bench.take_trace(), Contains("workload degraded"));
}

// This agent keeps no bundles: it says so once, and goes on.
TEST_F(Orders, EvidenceIsAskedForInVain) {
  const auto said = [&] {
    return std::count_if(bench.notes.begin(), bench.notes.end(), [](const std::string& note) {
      return note == "evidence was asked for by alice: a reason; this agent keeps none and sends none";
    });
  };
  bench.direct("fleet", 10, {order(OrderKind::send_evidence, 10)});
  EXPECT_EQ(said(), 1);
  EXPECT_THAT(bench.take_refusals(), IsEmpty());
  EXPECT_EQ(bench.state(), DeviceState::healthy);
  bench.direct("fleet", 11, {order(OrderKind::send_evidence, 10), order(OrderKind::safe_mode, 11)});
  EXPECT_EQ(said(), 1) << "it was obeyed before, as far as it goes";
  bench.lose_power();
  bench.start();
  bench.direct("fleet", 11, {order(OrderKind::send_evidence, 10), order(OrderKind::safe_mode, 11)});
  EXPECT_EQ(said(), 1);
  bench.direct("fleet", 12, {order(OrderKind::send_evidence, 12)});
  EXPECT_EQ(said(), 2);
  settle(2, {"m@2"});
}

TEST_F(Orders, AssignmentsAreTakenInSafeMode) {
  bench.direct("fleet", 10, {order(OrderKind::safe_mode, 10)});
  settle(2, {"m@2"});
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
}

TEST_F(Orders, OldAndForeignDirectivesAreRefused) {
  bench.direct("fleet", 10, {});
  bench.direct("fleet", 9, {order(OrderKind::safe_mode, 9)});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.direct("fleet", 10, {order(OrderKind::safe_mode, 10)});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.direct("group/region=us", 11, {order(OrderKind::safe_mode, 11)});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("wrong_device")));
  bench.direct("fleet", 10, {});
  EXPECT_THAT(bench.take_refusals(), IsEmpty());
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Orders, ReplayProtectionOutlivesARestart) {
  bench.direct("fleet", 10, {order(OrderKind::safe_mode, 10)});
  bench.direct("fleet", 11, {});
  bench.lose_power();
  bench.start();
  bench.direct("fleet", 10, {order(OrderKind::safe_mode, 10)});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Orders, ARollbackGoesBackOnceAndStays) {
  settle(2, {"m@2"});
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@2")});
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
  EXPECT_EQ(bench.state(), DeviceState::rolled_back);
  // The same assignment does not take it forward again; a new one may.
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.active(), "m@1");
  settle(3, {"m@2"});
  // The order was obeyed when it came; it still stands in later snapshots of its scope without biting again.
  bench.direct("fleet", 11, {order(OrderKind::rollback, 10, "m@2"), order(OrderKind::freeze, 11, "m@3")});
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Orders, ARollbackOfSomethingElseIsNothing) {
  settle(2, {"m@2"});
  bench.direct("fleet", 10,
               {order(OrderKind::rollback, 10, "m@3"), order(OrderKind::rollback, 10, "m@2", Plane::config)});
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Orders, ARollbackWithoutAPreviousIsReported) {
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@1")});
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.error(), ErrorCode::no_previous);
}

TEST_F(Orders, ARollbackNeverGoesUnderTheFloor) {
  bench.release("s@9", Plane::model, 9);
  settle(2, {"s@9"});
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "s@9")});
  EXPECT_EQ(bench.active(), "s@9");
  EXPECT_EQ(bench.error(), ErrorCode::under_security_floor);
}

TEST_F(Orders, ARollbackEndsASoak) {
  bench.assign(2, {"m@2"}, 1000);
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@2")});
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
}

TEST_F(Orders, ARollbackOfWhatIsBeingFetchedStopsIt) {
  bench.hold_jobs = true;
  bench.assign(2, {"m@2"});
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@2")});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
}

TEST_F(Orders, ARollbackDuringTheFetchOfAnotherReleaseDoesBoth) {
  settle(2, {"m@2"});
  bench.hold_jobs = true;
  bench.assign(3, {"c@2"});
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@2")});
  bench.release_jobs();
  bench.wait_s(20);
  EXPECT_EQ(bench.active(Plane::model), "m@1");
  EXPECT_EQ(bench.active(Plane::config), "c@2");
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Orders, ARollbackOfAnotherPlaneDuringASoakTakesBothBack) {
  settle(2, {"m@2"});
  bench.assign(3, {"c@2"}, 1000);
  bench.direct("fleet", 10, {order(OrderKind::rollback, 10, "m@2")});
  EXPECT_EQ(bench.active(Plane::model), "m@1");
  EXPECT_EQ(bench.active(Plane::config), "c@1");
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
}

TEST_F(Orders, AFrozenReleaseIsNotActivated) {
  bench.direct("fleet", 10, {order(OrderKind::freeze, 10, "m@2")});
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::frozen);
  EXPECT_EQ(bench.fetch_count("m@2"), 0u);
  bench.direct("fleet", 11, {});
  settle(3, {"m@2"});
}

TEST_F(Orders, AFreezeStopsAnAttemptWhereverItIs) {
  bench.hold_jobs = true;
  bench.assign(2, {"m@2"});
  bench.direct("fleet", 10, {order(OrderKind::freeze, 10, "m@2")});
  EXPECT_EQ(bench.error(), ErrorCode::frozen);
  bench.release_jobs();
  bench.assign(3, {"m@3"}, 1000);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.direct("fleet", 11, {order(OrderKind::freeze, 11, "m@3")});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::frozen);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Orders, AFreezeWhileTheSwapIsUnderWayTakesItBack) {
  bench.assign(2, {"m@2"}, 1000);
  settle(3, {"m@1"});
  bench.hold_jobs = true;
  bench.assign(4, {"m@2"});
  // Let the fetch go by, then hold at the first activation.
  while (bench.phase() != AttemptPhase::swapped) {
    bench.hold_jobs = false;
    bench.release_jobs();
    break;
  }
  bench.direct("fleet", 11, {order(OrderKind::freeze, 11, "m@2")});
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Orders, PausedUpdatesWait) {
  bench.direct("fleet", 10, {order(OrderKind::pause_updates, 10)});
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_TRUE(bench.agent->snapshot().updates_paused);
  EXPECT_EQ(bench.agent->snapshot().assignment_epoch, 1u);
  bench.assign(3, {"m@3"});
  bench.direct("fleet", 11, {});
  bench.wait_s(10);
  EXPECT_EQ(bench.active(), "m@3");
  EXPECT_EQ(bench.fetch_count("m@2"), 0u);
}

TEST_F(Orders, APauseLetsTheRunningAttemptEnd) {
  bench.assign(2, {"m@2"}, 100);
  bench.direct("fleet", 10, {order(OrderKind::pause_updates, 10)});
  bench.wait_s(100);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Orders, AScopeTheDeviceHasLeftIsNotObeyedAnyMore) {
  bench.direct("group/region=eu", 10, {order(OrderKind::safe_mode, 10)});
  bench.stop_in_order();
  bench.setup.scopes = {"device/gw-17", "group/region=us", "fleet"};
  bench.start();
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Orders, TheNewestSignedTimeIsRemembered) {
  bench.now_s += 1000;
  bench.direct("fleet", 10, {});
  const auto seen = bench.agent->newest_signed_s();
  EXPECT_EQ(seen, bench.now_s);
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.agent->newest_signed_s(), seen);
}

}  // namespace
}  // namespace muster::edge
