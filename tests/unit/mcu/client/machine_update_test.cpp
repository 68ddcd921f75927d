// One assignment from its arrival to its end: what is fetched, in which order, into which slot, and what stands in the
// way.
#include <gtest/gtest.h>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;
constexpr auto C = Plane::config;

TEST(McuMachineUpdate, ModelAloneGoesThroughEveryPhaseWithoutAReset) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  EXPECT_EQ(bench.phase(), Phase::fetching);
  EXPECT_EQ(bench.job(), Bench::Job::fill);
  bench.answer();
  EXPECT_EQ(bench.phase(), Phase::verifying);
  bench.answer();
  EXPECT_EQ(bench.phase(), Phase::probing);
  EXPECT_EQ(bench.active(M), 1u);
  bench.answer();
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.pass(9999);
  ASSERT_TRUE(bench.answer());  // the checks of the soak
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.pass(1);
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.state().planes[index_of(M)].floor, 1u);
  EXPECT_EQ(bench.starts(), 1u);
  EXPECT_EQ(bench.state().newest_signed_s, 1001u);
}

TEST(McuMachineUpdate, FirmwareIsTriedAfterAResetAndConfirmedAtTheCommit) {
  Bench bench;
  bench.give(assignment(1, {{F, 5}}));
  bench.answer();
  bench.answer();
  EXPECT_EQ(bench.starts(), 2u);
  EXPECT_EQ(bench.phase(), Phase::probing);
  EXPECT_EQ(bench.boot().running, 1);
  EXPECT_EQ(bench.boot().active, 0);
  bench.answer();
  EXPECT_EQ(bench.boot().outcome, TrialOutcome::requested);
  bench.pass(10000);
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.boot().outcome, TrialOutcome::confirmed);
  EXPECT_EQ(bench.boot().active, 1);
  EXPECT_EQ(bench.boot().security_floor, 2u);
  EXPECT_EQ(bench.machine().way_back(F), no_slot) << "the factory's is under the floor now";
}

TEST(McuMachineUpdate, AllPlanesInAnyOrderAreFetchedInTheOrderGivenAndSwappedTogether) {
  const Plane orders[6][3] = {{F, M, C}, {F, C, M}, {M, F, C}, {M, C, F}, {C, F, M}, {C, M, F}};
  for (const auto& planes : orders) {
    Bench bench;
    bench.give(assignment(1, {{planes[0], 2}, {planes[1], 2}, {planes[2], 2}}));
    for (const auto plane : planes) {
      ASSERT_EQ(bench.job(), Bench::Job::fill);
      EXPECT_EQ(bench.job_plane(), plane);
      EXPECT_EQ(bench.active(M), 0u);
      bench.answer();
    }
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::committed);
    for (const auto plane : planes) EXPECT_EQ(bench.active(plane), 2u);
    EXPECT_EQ(bench.starts(), 2u);
  }
}

TEST(McuMachineUpdate, WhatIsActiveAlreadyIsCommittedAtOnce) {
  Bench bench;
  bench.give(assignment(1, {{F, 1}}));
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.fills(), 0u);
  EXPECT_EQ(bench.starts(), 1u);
}

TEST(McuMachineUpdate, AFilledSlotIsNotFetchedAgain) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(assignment(2, {{M, 2}}));
  bench.settle();
  bench.give(assignment(3, {{M, 1}}));
  EXPECT_EQ(bench.phase(), Phase::verifying);
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.fills(), 2u);
  EXPECT_NE(bench.machine().way_back(M), no_slot);
}

TEST(McuMachineUpdate, WhatIsInTheSlotAlreadyButUnderTheFloorIsRefused) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(assignment(2, {{M, 5}}));
  bench.settle();
  bench.give(assignment(3, {{M, 1}}));
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::under_security_floor);
  EXPECT_EQ(bench.active(M), 5u);
}

TEST(McuMachineUpdate, APlaneCanBecomeEmptyAndComeBack) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}, {C, 1}}));
  bench.settle();
  bench.give(assignment(2, {{M, nothing}}));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(M), 0u);
  EXPECT_EQ(bench.active(C), 1u);
  EXPECT_NE(bench.machine().way_back(M), no_slot);
  bench.give(assignment(3, {{M, 1}}));
  bench.settle();
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.fills(), 2u);
  EXPECT_EQ(bench.machine().way_back(M), no_slot) << "it would go back to itself";
}

TEST(McuMachineUpdate, FirmwareCannotBeEmpty) {
  Bench bench;
  bench.give(assignment(1, {{F, nothing}}));
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::incompatible);
}

TEST(McuMachineUpdate, OlderAndChangedAssignmentsAreReplays) {
  Bench bench;
  bench.give(assignment(5, {{M, 1}}));
  bench.settle();
  bench.give(assignment(4, {{M, 2}}));
  EXPECT_EQ(bench.count(EffectKind::refused), 1u);
  bench.give(assignment(5, {{M, 2}}));
  EXPECT_EQ(bench.count(EffectKind::refused), 2u);
  bench.give(assignment(5, {{M, 1}}));
  EXPECT_EQ(bench.count(EffectKind::refused), 2u);
  EXPECT_EQ(bench.active(M), 1u);
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineUpdate, TheSameReleasesUnderANewEpochGoOnInEveryPhase) {
  for (int answers = 0; answers < 6; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {F, 2}}));
    for (int i = 0; i < answers; ++i) {
      if (!bench.answer()) bench.pass(1000);
    }
    const auto phase = bench.phase();
    const auto starts = bench.starts();
    bench.give(assignment(2, {{M, 1}, {F, 2}}));
    EXPECT_EQ(bench.phase(), phase);
    EXPECT_EQ(bench.starts(), starts);
    EXPECT_EQ(bench.state().assignment.epoch, 2u);
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.fills(), 2u);
  }
}

TEST(McuMachineUpdate, ANewerAssignmentReplacesOneInEveryPhaseAndNothingUncommittedIsGoneBackTo) {
  for (int answers = 0; answers < 7; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {F, 2}}));
    bench.settle();
    bench.give(assignment(2, {{M, 2}, {F, 3}}));
    for (int i = 0; i < answers; ++i) {
      if (!bench.answer()) bench.pass(1000);
    }
    bench.give(assignment(3, {{M, 3}, {F, 4}}, 0));
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::committed);
    EXPECT_EQ(bench.active(M), 3u);
    EXPECT_EQ(bench.active(F), 4u);
    const auto back = bench.machine().way_back(M);
    EXPECT_TRUE(back == no_slot || bench.machine().slot(M, back).manifest == release(M, 1));
  }
}

TEST(McuMachineUpdate, EveryFailureBeforeTheSwapIsFailedAndChangesNothing) {
  for (int answers = 0; answers < 3; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {F, 2}}));
    for (int i = 0; i < answers; ++i) bench.answer();
    bench.answer(ErrorCode::digest_mismatch);
    EXPECT_EQ(bench.phase(), Phase::failed);
    EXPECT_EQ(bench.state().error, ErrorCode::digest_mismatch);
    EXPECT_EQ(bench.active(M), 0u);
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.starts(), 1u);
    bench.settle();
    EXPECT_EQ(bench.phase(), Phase::failed) << "it is not tried again by itself";
  }
}

TEST(McuMachineUpdate, FailedChecksBringAllPlanesBack) {
  for (const bool firmware : {false, true}) {
    Bench bench;
    bench.give(firmware ? assignment(1, {{M, 1}, {F, 2}}) : assignment(1, {{M, 1}, {C, 2}}));
    while (bench.phase() != Phase::probing) bench.answer();
    bench.answer(ErrorCode::probe_failed);
    EXPECT_EQ(bench.phase(), Phase::rolled_back);
    EXPECT_EQ(bench.state().error, ErrorCode::probe_failed);
    EXPECT_EQ(bench.state().device, DeviceState::rolled_back);
    EXPECT_EQ(bench.active(M), 0u);
    EXPECT_EQ(bench.active(C), 0u);
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.starts(), firmware ? 3u : 1u);
  }
}

TEST(McuMachineUpdate, ACheckThatFailsInTheSoakIsAFailedSoak) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}, 100));
  while (bench.phase() != Phase::soaking) bench.answer();
  bench.pass(20000);
  ASSERT_TRUE(bench.answer(ErrorCode::probe_timeout));
  EXPECT_EQ(bench.phase(), Phase::rolled_back);
  EXPECT_EQ(bench.state().error, ErrorCode::soak_failed);
}

TEST(McuMachineUpdate, TheSoakWaitsForAWorkloadThatRecoversButNotForEver) {
  for (const bool recovers : {true, false}) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}}, 5));
    while (bench.phase() != Phase::soaking) bench.answer();
    bench.policy(RecoveryAction::restart_workload);
    bench.pass(5000);
    EXPECT_EQ(bench.phase(), Phase::soaking);
    bench.pass(119000);
    EXPECT_EQ(bench.phase(), Phase::soaking);
    if (recovers) {
      bench.give(EventKind::policy_clear);
      EXPECT_EQ(bench.phase(), Phase::committed);
    } else {
      bench.pass(1000);
      EXPECT_EQ(bench.phase(), Phase::rolled_back);
      EXPECT_EQ(bench.state().error, ErrorCode::soak_failed);
    }
  }
}

TEST(McuMachineUpdate, TheSoakCountsOnlyTimeInWhichTheDeviceWatched) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}, 100));
  while (bench.phase() != Phase::soaking) bench.answer();
  for (int i = 0; i < 2; ++i) {
    bench.pass(20000);
    ASSERT_TRUE(bench.answer());
  }
  bench.start();
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.pass(59999);
  bench.answer();
  EXPECT_EQ(bench.phase(), Phase::soaking);
  bench.pass(1);
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineUpdate, TheBrokerCanNotServeWhatHasNoEnvelope) {
  Bench bench;
  auto wanted = assignment(1, {{M, 1}});
  wanted.releases[0].envelope = Sha256();
  bench.give(wanted);
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::fetch_failed);
}

TEST(McuMachineUpdate, OnProbationAReportNamesWhereItWouldGoBackTo) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(assignment(2, {{M, 2}}));
  while (bench.phase() != Phase::soaking) bench.answer();
  const auto back = bench.machine().way_back(M);
  ASSERT_NE(back, no_slot);
  EXPECT_EQ(bench.machine().slot(M, back).manifest, release(M, 1));
}

}  // namespace
}  // namespace muster::mcu::testing
