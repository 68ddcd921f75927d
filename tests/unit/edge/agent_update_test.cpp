// An assignment's whole way: good, bad at every step, refused, superseded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schemas/text.h"
#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Update : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* ref : {"m@1", "m@2", "m@3", "m@4"}) bench.release(ref);
    for (const auto* ref : {"c@1", "c@2"}) bench.release(ref, Plane::config);
    bench.start();
  }
  void settle(std::uint64_t epoch, const std::vector<std::string>& refs) {
    bench.assign(epoch, refs);
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
    static_cast<void>(bench.take_trace());
  }
  Bench bench;
};

TEST_F(Update, AGoodReleaseIsCommitted) {
  bench.assign(1, {"m@1"});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.wait_s(9);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.error(), ErrorCode::none);
  EXPECT_THAT(bench.take_trace(), ElementsAre(HasSubstr("idle -> fetching"), HasSubstr("fetching -> verifying"),
                                              HasSubstr("verifying -> staged"), HasSubstr("staged -> swapped"),
                                              HasSubstr("swapped -> probing"), HasSubstr("probing -> soaking"),
                                              HasSubstr("soaking -> committed")));
}

TEST_F(Update, ReportsShowTheWholeState) {
  settle(1, {"m@1"});
  settle(2, {"m@2"});
  const auto s = bench.agent->snapshot();
  EXPECT_EQ(s.attempt, wire::AttemptState::committed);
  EXPECT_EQ(s.attempt_epoch, 2u);
  const auto& model = s.planes[index_of(Plane::model)];
  EXPECT_EQ(model.active.manifest, Bench::digest("m@2"));
  EXPECT_EQ(model.previous.manifest, Bench::digest("m@1"));
  EXPECT_EQ(model.downloaded, Bench::digest("m@2"));
  EXPECT_EQ(model.active.version, "2");
  EXPECT_FALSE(s.planes[index_of(Plane::firmware)].configured);
}

// A character that is cut in half would make the broker refuse the report.
TEST_F(Update, LongDetailsAreCutBetweenCharacters) {
  bench.failure_words = std::string(limits::text_len_max - 1, 'x') + "\u00fc\u00fc";
  for (auto* failures : {&bench.fetch_fails, &bench.probe_fails}) {
    (*failures)["m@2"] = ErrorCode::internal;
    bench.assign(bench.agent->snapshot().attempt_epoch + 1, {"m@2"});
    EXPECT_EQ(bench.error(), ErrorCode::internal);
    const auto& detail = bench.agent->durable().attempt.detail;
    EXPECT_TRUE(is_text(detail)) << detail;
    EXPECT_EQ(detail.size(), limits::text_len_max - 1);
    failures->clear();
  }
}

// The opener takes `expires_s` as the last good second; the agent must not refuse what it let through.
TEST_F(Update, TheLastGoodSecondIsGood) {
  Assignment assignment;
  assignment.epoch = 1;
  assignment.issued_s = bench.now_s - 60;
  assignment.expires_s = bench.now_s - 1;
  assignment.releases = {{Plane::model, Bench::digest("m@1"), {}, 0, "m", "1"}};
  bench.feed(AssignmentArrived{assignment});
  EXPECT_EQ(bench.phase(), AttemptPhase::idle);
  assignment.expires_s = bench.now_s;
  bench.feed(AssignmentArrived{assignment});
  EXPECT_NE(bench.phase(), AttemptPhase::idle);
}

TEST_F(Update, OnlyTheLastTwoSlotsAreKept) {
  settle(1, {"m@1"});
  settle(2, {"m@2"});
  settle(3, {"m@3"});
  EXPECT_THAT(bench.slots[Plane::model], testing::UnorderedElementsAre(Bench::digest("m@2"), Bench::digest("m@3")));
}

TEST_F(Update, EveryStepBeforeTheSwapFailsWithoutAChange) {
  settle(1, {"m@1"});
  bench.fetch_fails["m@2"] = ErrorCode::fetch_failed;
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::fetch_failed);
  EXPECT_EQ(bench.active(), "m@1");
  bench.build_fails["m@3"] = ErrorCode::disk_full;
  bench.assign(3, {"m@3"});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::disk_full);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

TEST_F(Update, AFailedSwapGoesBack) {
  settle(1, {"m@1"});
  bench.activate_fails["m@2"] = ErrorCode::install_failed;
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::install_failed);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Update, AFailedProbeGoesBack) {
  settle(1, {"m@1"});
  bench.probe_fails["m@2"] = ErrorCode::probe_timeout;
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.state(), DeviceState::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::probe_timeout);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.agent->snapshot().attempt_plane, Plane::model);
  // The next good release makes it healthy again.
  settle(3, {"m@3"});
  EXPECT_EQ(bench.state(), DeviceState::healthy);
}

// What ran the model, too: the workload that said it is not the one that runs now.
TEST_F(Update, WhatWasMeasuredIsForgottenWithTheSwapAndWithTheWayBack) {
  settle(1, {"m@1"});
  EXPECT_EQ(bench.forgotten, 1u);
  bench.probe_fails["m@2"] = ErrorCode::probe_timeout;
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.forgotten, 3u);
}

TEST_F(Update, AProbeThatFailsInTheSoakGoesBack) {
  settle(1, {"m@1"});
  bench.assign(2, {"m@2"}, 100);
  bench.wait_s(50);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.probe_fails["m@2"] = ErrorCode::probe_failed;
  bench.wait_s(25);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.error(), ErrorCode::soak_failed);
  EXPECT_EQ(bench.active(), "m@1");
}

TEST_F(Update, TheFirstReleaseEverGoesBackToNothing) {
  bench.probe_fails["m@1"] = ErrorCode::probe_failed;
  bench.assign(1, {"m@1"});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.active(), "");
}

TEST_F(Update, AllPlanesOfOneAssignmentStandOrFallTogether) {
  settle(1, {"m@1", "c@1"});
  bench.probe_fails["c@2"] = ErrorCode::probe_failed;
  bench.assign(2, {"m@2", "c@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.active(Plane::model), "m@1");
  EXPECT_EQ(bench.active(Plane::config), "c@1");
  EXPECT_EQ(bench.agent->snapshot().attempt_plane, Plane::config);
}

TEST_F(Update, NothingIsSwappedBeforeEverythingIsStaged) {
  settle(1, {"m@1", "c@1"});
  bench.build_fails["c@2"] = ErrorCode::digest_mismatch;
  bench.assign(2, {"m@2", "c@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.active(Plane::model), "m@1");
}

TEST_F(Update, OnlyPlanesThatDifferAreWorkedOn) {
  settle(1, {"m@1", "c@1"});
  bench.assign(2, {"m@1", "c@2"});
  EXPECT_EQ(bench.fetch_count("m@1"), 1u);
  EXPECT_EQ(bench.active(Plane::config), "c@2");
  bench.wait_s(10);
  bench.assign(3, {"m@1", "c@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 3u);
  EXPECT_EQ(bench.fetch_count("c@2"), 1u);
}

TEST_F(Update, AZeroDigestEmptiesThePlane) {
  settle(1, {"m@1"});
  bench.assign(2, {"-model"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "");
  EXPECT_EQ(bench.previous(), "m@1");
}

TEST_F(Update, ASoakOfNoTimeCommitsAtOnce) {
  bench.assign(1, {"m@1"}, 0);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Update, AReplayedOrAlteredAssignmentIsRefused) {
  settle(5, {"m@1"});
  bench.assign(4, {"m@2"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.assign(5, {"m@2"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("replayed")));
  bench.assign(5, {"m@1"});
  EXPECT_THAT(bench.take_refusals(), IsEmpty());
  EXPECT_EQ(bench.active(), "m@1");
  EXPECT_EQ(bench.fetch_count("m@2"), 0u);
}

TEST_F(Update, AFailedAssignmentIsNotTriedAgainUntilItIsGivenAgain) {
  bench.probe_fails["m@1"] = ErrorCode::probe_failed;
  bench.assign(1, {"m@1"});
  bench.probe_fails.clear();
  bench.assign(1, {"m@1"});
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  bench.assign(2, {"m@1"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Update, APlaneNamedTwiceIsRefused) {
  bench.assign(1, {"m@1", "m@2"});
  EXPECT_THAT(bench.take_refusals(), ElementsAre(HasSubstr("malformed")));
  EXPECT_EQ(bench.phase(), AttemptPhase::idle);
}

TEST_F(Update, AnUnconfiguredPlaneIsIncompatible) {
  bench.release("f@1", Plane::firmware);
  bench.assign(1, {"f@1"});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::incompatible);
}

TEST_F(Update, WhatDoesNotFitIsRefusedBeforeItsFilesAreFetched) {
  bench.release("class@1").classes = {"esp32"};
  bench.release("memory@1").memory_mb_min = 4096;
  bench.release("gpu@1").accelerators = {"gpu"};
  std::uint64_t epoch = 0;
  for (const auto* ref : {"class@1", "memory@1", "gpu@1"}) {
    bench.assign(++epoch, {ref});
    EXPECT_EQ(bench.error(), ErrorCode::incompatible) << ref;
    EXPECT_EQ(bench.fetch_count(ref), 0u);
  }
  bench.release("fits@1").classes = {"esp32", "rk3566"};
  bench.release("fits@1").memory_mb_min = 2048;
  bench.release("fits@1").accelerators = {"npu"};
  settle(++epoch, {"fits@1"});
}

TEST_F(Update, RequirementsAreCheckedAgainstWhatWillBeActive) {
  bench.release("c@3", Plane::config).needs = {{Plane::model, "2"}};
  settle(1, {"m@1"});
  bench.assign(2, {"c@3"});
  EXPECT_EQ(bench.error(), ErrorCode::requirement_unmet);
  settle(3, {"m@2", "c@3"});
  // The other side: the model may not go under what the active config needs.
  bench.assign(4, {"m@1"});
  EXPECT_EQ(bench.error(), ErrorCode::requirement_unmet);
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Update, TheSecurityFloorRisesWithACommitOnly) {
  bench.release("s@5", Plane::model, 5);
  bench.release("s@6", Plane::model, 6);
  settle(1, {"s@5"});
  bench.assign(2, {"m@1"});
  EXPECT_EQ(bench.error(), ErrorCode::under_security_floor);
  bench.probe_fails["s@6"] = ErrorCode::probe_failed;
  bench.assign(3, {"s@6"});
  EXPECT_EQ(bench.active(), "s@5");
  EXPECT_EQ(bench.agent->snapshot().planes[1].security_floor, 5u);
}

TEST_F(Update, ANewerAssignmentReplacesOneThatIsBeingFetched) {
  bench.hold_jobs = true;
  bench.assign(1, {"m@1"});
  bench.assign(2, {"m@2"});
  bench.release_jobs();
  bench.wait_s(10);
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.fetch_count("m@1"), 0u);
}

TEST_F(Update, ANewerAssignmentFirstTakesBackWhatIsOnProbation) {
  settle(1, {"m@1"});
  bench.assign(2, {"m@2"}, 1000);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  bench.assign(3, {"m@3"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@3");
  // What was never committed is nothing to go back to.
  EXPECT_EQ(bench.previous(), "m@1");
}

TEST_F(Update, TheSameReleasesUnderANewEpochGoOnSoaking) {
  bench.assign(1, {"m@1"}, 10);
  bench.wait_s(9);
  bench.assign(2, {"m@1"}, 10);
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  EXPECT_EQ(bench.agent->snapshot().attempt_epoch, 2u);
  bench.wait_s(1);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
}

TEST_F(Update, AnswersToCancelledJobsChangeNothing) {
  bench.hold_jobs = true;
  bench.assign(1, {"m@1"});
  std::vector<Effect> effects;
  bench.agent->step({bench.now_ms, bench.now_s, FilesArrived{77}}, effects);
  bench.agent->step({bench.now_ms, bench.now_s, JobFailed{78, {}, std::nullopt}}, effects);
  bench.agent->step({bench.now_ms, bench.now_s, ProbesPassed{0}}, effects);
  EXPECT_EQ(bench.phase(), AttemptPhase::fetching);
}

TEST_F(Update, AWayBackThatFailsIsTriedAgainAndThenSafeMode) {
  settle(1, {"m@1"});
  bench.probe_fails["m@2"] = ErrorCode::probe_failed;
  bench.activate_back_fails["m@1"] = 2;
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::rolled_back);
  EXPECT_EQ(bench.active(), "m@1");
  bench.probe_fails["m@3"] = ErrorCode::probe_failed;
  bench.activate_back_fails["m@1"] = 3;
  bench.assign(3, {"m@3"});
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::install_failed);
  EXPECT_EQ(bench.state(), DeviceState::safe_mode);
  EXPECT_THAT(bench.take_trace(), Contains("workload degraded"));
}

}  // namespace
}  // namespace muster::edge
