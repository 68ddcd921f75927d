// Power cut before and after every effect of whole stories: each ends as if it had not happened.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;
constexpr auto C = Plane::config;

// Runs `story` after `before` once without a cut and once with each; `right` looks at the end.
void cut_everywhere(const std::function<void(Bench&)>& before, const std::function<void(Bench&)>& story,
                    const std::function<void(Bench&)>& right) {
  Bench whole;
  before(whole);
  const auto begin = whole.points();
  story(whole);
  right(whole);
  const auto points = whole.points() - begin;
  ASSERT_GT(points, 4u);
  for (std::uint64_t n = 1; n <= points; ++n) {
    SCOPED_TRACE("cut at " + std::to_string(n) + " of " + std::to_string(points));
    Bench bench;
    before(bench);
    bench.cut_power_at(n);
    story(bench);
    right(bench);
    if (::testing::Test::HasFailure()) {
      std::printf("%s", bench.story().c_str());
      return;
    }
  }
}

void first(Bench& bench) {
  bench.give(assignment(1, {{F, 2}, {M, 1}, {C, 1}}));
  bench.settle();
}

TEST(McuMachinePower, AnUpdateOfEveryPlane) {
  cut_everywhere(
      first,
      [](Bench& bench) {
        bench.give(assignment(2, {{C, 2}, {F, 5}, {M, 2}}));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(F), 5u);
        EXPECT_EQ(bench.active(M), 2u);
        EXPECT_EQ(bench.active(C), 2u);
        EXPECT_EQ(bench.boot().security_floor, 2u);
        EXPECT_EQ(bench.state().planes[0].floor, 2u);
      });
}

TEST(McuMachinePower, AnUpdateThatIsHeldTwice) {
  cut_everywhere(
      first,
      [](Bench& bench) {
        bench.give(assignment(2, {{C, 2}, {F, 5}, {M, 2}}, 10, Hold::before_swap));
        bench.settle();
        EXPECT_EQ(bench.phase(), Phase::staged);
        EXPECT_EQ(bench.active(F), 2u);
        EXPECT_EQ(bench.active(C), 1u);
        bench.give(assignment(3, {{C, 2}, {F, 5}, {M, 2}}, 10, Hold::before_commit));
        bench.settle();
        EXPECT_EQ(bench.phase(), Phase::held);
        EXPECT_EQ(bench.active(F), 5u);
        EXPECT_EQ(bench.boot().security_floor, 1u) << "nothing is committed";
        EXPECT_EQ(bench.boot().outcome, TrialOutcome::requested);
        EXPECT_EQ(bench.state().planes[1].floor, 1u);
        bench.give(assignment(4, {{C, 2}, {F, 5}, {M, 2}}));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(F), 5u);
        EXPECT_EQ(bench.active(M), 2u);
        EXPECT_EQ(bench.active(C), 2u);
        EXPECT_EQ(bench.boot().security_floor, 2u);
      });
}

TEST(McuMachinePower, AnUpdateWithoutASoak) {
  cut_everywhere(
      first,
      [](Bench& bench) {
        bench.give(assignment(2, {{F, 5}, {M, nothing}}, 0));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(F), 5u);
        EXPECT_EQ(bench.active(M), 0u);
      });
}

TEST(McuMachinePower, AnUpdateThatFailsItsChecks) {
  cut_everywhere(
      first,
      [](Bench& bench) {
        bench.give(assignment(2, {{F, 3}, {M, 2}}));
        while (!bench.machine().settled() || bench.state().assignment.epoch != 2) {
          if (bench.machine().settled()) bench.give(assignment(2, {{F, 3}, {M, 2}}));
          ASSERT_TRUE(bench.answer(bench.job() == Bench::Job::checks ? ErrorCode::probe_failed : ErrorCode::none));
        }
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::rolled_back);
        EXPECT_EQ(bench.state().error, ErrorCode::probe_failed);
        EXPECT_EQ(bench.active(F), 2u);
        EXPECT_EQ(bench.active(M), 1u);
      });
}

TEST(McuMachinePower, AnOrderedRollbackOfFirmwareAndModel) {
  cut_everywhere(
      [](Bench& bench) {
        first(bench);
        bench.give(assignment(2, {{F, 3}, {M, 2}}));
        bench.settle();
      },
      [](Bench& bench) {
        bench.give(directive(0, 1, {order(OrderKind::rollback, 1, F, 3), order(OrderKind::rollback, 1, M, 2)}));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::rolled_back);
        EXPECT_EQ(bench.active(F), 2u);
        EXPECT_EQ(bench.active(M), 1u);
        EXPECT_EQ(bench.active(C), 1u);
        EXPECT_EQ(bench.machine().directive_epoch(), 1u);
      });
}

// The firmware on probation is taken back first, which takes a reset; the order speaks of another plane and must not be
// lost in it.
TEST(McuMachinePower, AnOrderedRollbackWhileFirmwareIsOnProbation) {
  cut_everywhere(
      [](Bench& bench) {
        first(bench);
        bench.give(assignment(2, {{M, 2}}));
        bench.settle();
        bench.give(assignment(3, {{F, 3}, {C, 2}}, 100));
        while (bench.phase() != Phase::soaking) bench.answer();
      },
      [](Bench& bench) {
        bench.give(directive(0, 9, {order(OrderKind::rollback, 9, M, 2), order(OrderKind::pause_updates, 9)}));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.active(M), 1u);
        EXPECT_EQ(bench.active(F), 2u);
        EXPECT_EQ(bench.active(C), 1u);
        EXPECT_EQ(bench.machine().directive_epoch(), 9u);
        EXPECT_TRUE(bench.machine().updates_paused());
      });
}

TEST(McuMachinePower, ANewerAssignmentOnProbation) {
  cut_everywhere(
      [](Bench& bench) {
        first(bench);
        bench.give(assignment(2, {{F, 3}, {M, 2}}, 100));
        while (bench.phase() != Phase::soaking) bench.answer();
      },
      [](Bench& bench) {
        bench.give(assignment(3, {{F, 4}, {M, 3}}, 1));
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(F), 4u);
        EXPECT_EQ(bench.active(M), 3u);
      });
}

TEST(McuMachinePower, SafeModeInAndOut) {
  cut_everywhere(
      first,
      [](Bench& bench) {
        bench.give(directive(0, 1, {order(OrderKind::safe_mode, 1)}));
        bench.settle();
        EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
        bench.give(directive(0, 2, {order(OrderKind::safe_mode, 1), order(OrderKind::resume, 2)}));
        bench.settle();
      },
      [](Bench& bench) { EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal); });
}

TEST(McuMachinePower, ADamagedModelThatIsFetchedAgain) {
  cut_everywhere(
      [](Bench& bench) {
        first(bench);
        bench.give(assignment(2, {{M, 2}, {F, 3}}));
        bench.settle();
        bench.damage(M, bench.state().planes[index_of(M)].active, true);
      },
      [](Bench& bench) {
        bench.start();
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(M), 2u);
        EXPECT_EQ(bench.active(F), 3u);
        EXPECT_EQ(bench.state().error, ErrorCode::none);
      });
}

// The same firmware is tried again for the same assignment: what the boot log says of its first trial is not about this
// one.
TEST(McuMachinePower, DamagedFirmwareAndModelThatAreFetchedAgain) {
  cut_everywhere(
      [](Bench& bench) {
        first(bench);
        bench.give(assignment(2, {{M, 2}, {F, 3}}));
        bench.settle();
        bench.damage(M, bench.state().planes[index_of(M)].active, false);
        bench.damage(F, bench.boot().active, false);
      },
      [](Bench& bench) {
        bench.start();
        bench.settle();
      },
      [](Bench& bench) {
        EXPECT_EQ(bench.phase(), Phase::committed);
        EXPECT_EQ(bench.active(M), 2u);
        EXPECT_EQ(bench.active(F), 3u);
      });
}

}  // namespace
}  // namespace muster::mcu::testing
