// Attempts that wait: with everything staged, or after the soak, until the same releases are assigned without the hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Holds : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* ref : {"m@1", "m@2", "m@3"}) bench.release(ref);
    bench.release("m@2").security_version = 2;
    bench.release("c@1", Plane::config);
    bench.release("c@2", Plane::config);
    bench.start();
    bench.assign(1, {"m@1"});
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
    static_cast<void>(bench.take_trace());
  }
  void hold_before_swap() {
    bench.assign(2, {"m@2"}, 10, Hold::before_swap);
    ASSERT_EQ(bench.phase(), AttemptPhase::staged);
  }
  void hold_before_commit() {
    bench.assign(2, {"m@2"}, 10, Hold::before_commit);
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::held);
  }
  [[nodiscard]] Snapshot::PlaneView model() const { return bench.agent->snapshot().planes[index_of(Plane::model)]; }
  static StandingOrder order(OrderKind kind, std::uint64_t epoch, const std::string& ref = {}) {
    return {kind, epoch, Plane::model, ref.empty() ? Sha256{} : Bench::digest(ref), "a reason", "alice"};
  }
  Bench bench;
};

TEST_F(Holds, BeforeTheSwapEverythingIsStagedAndNothingIsChanged) {
  hold_before_swap();
  bench.wait_s(100000);
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(bench.agent->snapshot().attempt, wire::AttemptState::staged);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(model().downloaded, Bench::digest("m@2"));
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Holds, BeforeTheSwapIsReleasedByTheSameReleasesWithoutIt) {
  hold_before_swap();
  bench.assign(3, {"m@2"}, 20);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.wait_s(19);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking) << "the soak is that of the assignment that let it swap";
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 3u);
  EXPECT_EQ(bench.fetch_count("m@2"), 1u);
}

TEST_F(Holds, BeforeTheSwapStaysWithAnotherEpochThatHoldsToo) {
  hold_before_swap();
  bench.assign(3, {"m@2"}, 10, Hold::before_swap);
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 3u);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, BeforeTheSwapMayBecomeOneBeforeTheCommit) {
  hold_before_swap();
  bench.assign(3, {"m@2"}, 10, Hold::before_commit);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  bench.assign(4, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Holds, AHoldThatIsTakenAwayOrAddedOnTheWayCountsWhenItIsReached) {
  bench.hold_jobs = true;
  bench.assign(2, {"m@2"}, 10, Hold::before_swap);
  bench.assign(3, {"m@2"}, 10);
  bench.release_jobs();
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.assign(4, {"m@2"}, 10, Hold::before_commit);
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
}

TEST_F(Holds, BeforeTheCommitItStaysOnProbation) {
  hold_before_commit();
  bench.wait_s(100000);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  EXPECT_EQ(bench.agent->snapshot().attempt, wire::AttemptState::held);
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(model().security_floor, 1u) << "only a commit raises it";
  EXPECT_EQ(model().previous.manifest, Bench::digest("m@1")) << "where it would go back to";
  EXPECT_TRUE(bench.agent->durable().planes[1].previous.empty());
  EXPECT_THAT(bench.take_trace(), ElementsAre(HasSubstr("committed -> fetching"), HasSubstr("fetching -> verifying"),
                                              HasSubstr("verifying -> staged"), HasSubstr("staged -> swapped"),
                                              HasSubstr("swapped -> probing"), HasSubstr("probing -> soaking"),
                                              HasSubstr("soaking -> held")));
}

TEST_F(Holds, BeforeTheCommitIsReleasedByTheSameReleasesWithoutIt) {
  hold_before_commit();
  bench.assign(3, {"m@2"}, 10, Hold::before_commit);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  // It has swapped: a hold that asks for less than the one before does not let it commit.
  bench.assign(4, {"m@2"}, 10, Hold::before_swap);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  bench.assign(5, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(model().security_floor, 2u);
  EXPECT_EQ(bench.agent->durable().planes[1].previous.manifest, Bench::digest("m@1"));
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 5u);
}

TEST_F(Holds, WithoutASoakItHoldsAtOnce) {
  bench.assign(2, {"m@2"}, 0, Hold::before_commit);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
}

TEST_F(Holds, WhatRunsAlreadyHasNothingToHoldFor) {
  bench.assign(2, {"m@1"}, 10, Hold::before_swap);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Holds, ProbesGoOnAtTheSoaksInterval) {
  bench.assign(2, {"m@2"}, 100, Hold::before_commit);
  bench.wait_s(100);
  ASSERT_EQ(bench.phase(), AttemptPhase::held);
  const auto before = bench.probe_runs;
  bench.wait_s(200);
  EXPECT_EQ(bench.probe_runs, before + 10);
  bench.probe_fails["m@2"] = ErrorCode::probe_timeout;
  bench.wait_s(20);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, NothingIsWrittenWhileItWaits) {
  hold_before_commit();
  const auto journal = bench.journal;
  const auto operations = bench.operations;
  const auto probes = bench.probe_runs;
  bench.wait_s(1000);
  EXPECT_EQ(bench.journal, journal);
  EXPECT_EQ(bench.operations - operations, bench.probe_runs - probes) << "probes and nothing else";
}

TEST_F(Holds, AReleaseDuringAProbeCommitsWhenItHasPassed) {
  hold_before_commit();
  bench.hold_jobs = true;
  bench.wait_s(5);
  bench.assign(3, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  bench.release_jobs();
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Holds, AReleaseDuringAProbeThatFailsGoesBack) {
  hold_before_commit();
  bench.hold_jobs = true;
  bench.wait_s(5);
  bench.assign(3, {"m@2"});
  bench.probe_fails["m@2"] = ErrorCode::probe_failed;
  bench.release_jobs();
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
}

TEST_F(Holds, OtherReleasesReplaceWhatIsHeldBeforeTheSwap) {
  hold_before_swap();
  bench.assign(3, {"m@3"}, 10, Hold::before_swap);
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(model().downloaded, Bench::digest("m@3"));
  EXPECT_THAT(bench.slots[Plane::model], ElementsAre(Bench::digest("m@1"), Bench::digest("m@3")));
  bench.assign(4, {"m@1"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed) << "it is cancelled by what runs";
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, OtherReleasesFirstTakeBackWhatIsHeldBeforeTheCommit) {
  hold_before_commit();
  bench.assign(3, {"m@3"}, 10);
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@3");
  EXPECT_EQ(bench.previous(), "m@1");
}

TEST_F(Holds, AnotherHoldUnderTheSameEpochIsAReplay) {
  hold_before_swap();
  bench.assign(2, {"m@2"}, 10, Hold::before_commit);
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.assign(2, {"m@2"}, 10, Hold::none);
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  bench.assign(2, {"m@2"}, 10, Hold::before_swap);
  EXPECT_THAT(bench.take_refusals(), IsEmpty());
}

TEST_F(Holds, APauseLeavesItAsItIsAndReleasesItAtItsEnd) {
  for (const auto hold : {Hold::before_swap, Hold::before_commit}) {
    const std::uint64_t epoch = hold == Hold::before_swap ? 10 : 20;
    const auto* ref = hold == Hold::before_swap ? "m@2" : "m@3";
    bench.release("m@3").security_version = 2;
    bench.assign(epoch, {ref}, 10, hold);
    bench.wait_s(10);
    const auto waits = bench.phase();
    ASSERT_EQ(waits, hold == Hold::before_swap ? AttemptPhase::staged : AttemptPhase::held);
    bench.direct("fleet", epoch, {order(OrderKind::pause_updates, epoch)});
    EXPECT_EQ(bench.phase(), waits);
    bench.assign(epoch + 1, {ref});
    bench.wait_s(1000);
    EXPECT_EQ(bench.phase(), waits) << "the release of the hold waits for the end of the pause";
    bench.direct("fleet", epoch + 1, {});
    bench.wait_s(10);
    EXPECT_EQ(bench.phase(), AttemptPhase::committed);
    EXPECT_EQ(bench.active(), ref);
  }
}

TEST_F(Holds, AFreezeEndsBoth) {
  hold_before_swap();
  bench.direct("fleet", 5, {order(OrderKind::freeze, 5, "m@2")});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::frozen);
  bench.direct("fleet", 6, {});
  bench.assign(3, {"m@2"}, 10, Hold::before_commit);
  bench.wait_s(10);
  ASSERT_EQ(bench.phase(), AttemptPhase::held);
  bench.direct("fleet", 7, {order(OrderKind::freeze, 7, "m@2")});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, ARollbackEndsBoth) {
  hold_before_swap();
  bench.direct("fleet", 5, {order(OrderKind::rollback, 5, "m@2")});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
  bench.assign(3, {"m@2"}, 10, Hold::before_commit);
  bench.wait_s(10);
  ASSERT_EQ(bench.phase(), AttemptPhase::held);
  bench.direct("fleet", 6, {order(OrderKind::rollback, 6, "m@2")});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::directed_rollback);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, SafeModeNeitherEndsItNorKeepsItFromItsRelease) {
  hold_before_commit();
  bench.direct("fleet", 5, {order(OrderKind::safe_mode, 5)});
  bench.wait_s(100);
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  bench.assign(3, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
}

TEST_F(Holds, ARestartComesBackToStagedAndWaitsAgain) {
  hold_before_swap();
  for (const bool in_order : {true, false}) {
    if (in_order) bench.stop_in_order();
    bench.lose_power();
    bench.start();
    EXPECT_EQ(bench.phase(), AttemptPhase::staged);
    EXPECT_EQ(bench.active(), "m@1");
    EXPECT_EQ(model().downloaded, Bench::digest("m@2"));
  }
  bench.assign(3, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Holds, ARestartResumesHeldWithoutAnotherSoak) {
  hold_before_commit();
  bench.stop_in_order();
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::held);
  EXPECT_EQ(bench.active(), "m@2");
  const auto probes = bench.probe_runs;
  bench.wait_s(2);
  EXPECT_GT(bench.probe_runs, probes);
  bench.assign(3, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Holds, CrashesAreCountedWhileHeld) {
  hold_before_commit();
  for (std::uint32_t i = 1; i < Agent::crashes_max; ++i) {
    bench.lose_power();
    bench.start();
    EXPECT_EQ(bench.phase(), AttemptPhase::held) << i;
  }
  bench.lose_power();
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, ADamagedSlotGoesBackWhileHeld) {
  hold_before_commit();
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@2"));
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::slot_damaged);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Holds, ADamagedActiveSlotBeforeTheSwapIsFetchedAgainAndTheHoldStays) {
  bench.assign(2, {"m@1", "c@2"}, 10, Hold::before_swap);
  ASSERT_EQ(bench.phase(), AttemptPhase::staged);
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  bench.start();
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(bench.active(Plane::config), "");
}

// What was committed is only put back: nobody has to let it through twice.
TEST_F(Holds, ARepairDoesNotWait) {
  bench.assign(2, {"m@1"}, 10, Hold::before_swap);
  ASSERT_EQ(bench.phase(), AttemptPhase::committed);
  bench.stop_in_order();
  bench.damaged.insert(Bench::digest("m@1"));
  bench.start();
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@1");
}

}  // namespace
}  // namespace muster::edge
