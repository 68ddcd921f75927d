// Directives: freeze, pause, rollback, safe mode and resume, of one scope and of several, in every phase.
#include <gtest/gtest.h>

#include "tests/unit/mcu/client/bench.h"

namespace muster::mcu::testing {
namespace {

constexpr auto F = Plane::firmware;
constexpr auto M = Plane::model;
constexpr auto C = Plane::config;
constexpr int phases_max = 6;  // answers until an attempt with model and firmware soaks, and one second of it

void walk_into(Bench& bench, int answers) {
  for (int i = 0; i < answers; ++i) {
    if (!bench.answer()) bench.pass(1000);
  }
}

TEST(McuMachineOrders, AReleaseThatIsFrozenBeforeIsRefused) {
  Bench bench;
  bench.give(directive(0, 1, {order(OrderKind::freeze, 1, M, 1)}));
  bench.give(assignment(1, {{M, 1}}));
  EXPECT_EQ(bench.phase(), Phase::failed);
  EXPECT_EQ(bench.state().error, ErrorCode::frozen);
  EXPECT_EQ(bench.fills(), 0u);
}

TEST(McuMachineOrders, AFreezeEndsAnAttemptInEveryPhase) {
  for (int answers = 0; answers < phases_max; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {F, 2}}));
    walk_into(bench, answers);
    const bool probation = bench.machine().on_probation();
    bench.give(directive(1, 1, {order(OrderKind::freeze, 1, F, 2)}));
    EXPECT_EQ(bench.phase(), probation ? Phase::rolled_back : Phase::failed);
    EXPECT_EQ(bench.state().error, ErrorCode::frozen);
    EXPECT_EQ(bench.active(M), 0u);
    EXPECT_EQ(bench.active(F), 1u);
  }
}

TEST(McuMachineOrders, AFreezeOfWhatIsCommittedChangesNothing) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(directive(0, 1, {order(OrderKind::freeze, 1, M, 1)}));
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.active(M), 1u);
  bench.give(assignment(2, {{M, 2}}));
  bench.settle();
  bench.give(directive(1, 2, {order(OrderKind::rollback, 2, M, 2)}));
  EXPECT_EQ(bench.active(M), 2u) << "it may not go back to what is frozen";
  EXPECT_EQ(bench.state().error, ErrorCode::frozen);
}

TEST(McuMachineOrders, APauseKeepsTheNewestAssignmentUntilItEnds) {
  Bench bench;
  bench.give(directive(0, 1, {order(OrderKind::pause_updates, 1)}));
  bench.give(directive(1, 2, {order(OrderKind::pause_updates, 2)}));
  bench.give(assignment(1, {{M, 1}}));
  bench.give(assignment(2, {{M, 2}}));
  bench.give(assignment(1, {{M, 1}}));
  EXPECT_EQ(bench.phase(), Phase::idle);
  EXPECT_TRUE(bench.machine().updates_paused());
  bench.give(directive(0, 3, {}));
  EXPECT_EQ(bench.phase(), Phase::idle);
  bench.give(directive(1, 4, {}));
  bench.settle();
  EXPECT_EQ(bench.active(M), 2u);
  EXPECT_EQ(bench.fills(), 1u);
}

TEST(McuMachineOrders, APauseDoesNotStopWhatIsUnderWay) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}, {F, 2}}));
  bench.answer();
  bench.give(directive(0, 1, {order(OrderKind::pause_updates, 1)}));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineOrders, ARollbackIsObeyedOnceInEveryPhaseOfTheNextAttempt) {
  for (int answers = 0; answers <= phases_max; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {C, 1}}));
    bench.settle();
    bench.give(assignment(2, {{M, 2}}));
    bench.settle();
    bench.give(assignment(3, {{C, 2}, {F, 2}}));
    walk_into(bench, answers);
    bench.give(directive(0, 7, {order(OrderKind::rollback, 7, M, 2)}));
    bench.settle();
    EXPECT_EQ(bench.active(M), 1u) << answers;
    EXPECT_EQ(bench.state().planes[index_of(M)].previous, no_slot);
    // Assigned later, it stays, although the order still stands.
    bench.give(assignment(4, {{M, 2}}));
    bench.settle();
    bench.start();
    bench.settle();
    EXPECT_EQ(bench.active(M), 2u);
  }
}

TEST(McuMachineOrders, ARollbackOfWhatIsBeingBroughtInEndsTheAttempt) {
  for (int answers = 0; answers < phases_max; ++answers) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}}));
    bench.settle();
    bench.give(assignment(2, {{M, 2}, {F, 2}}));
    walk_into(bench, answers);
    bench.give(directive(0, 7, {order(OrderKind::rollback, 7, F, 2)}));
    bench.settle();
    EXPECT_EQ(bench.state().error, ErrorCode::directed_rollback);
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.active(M), 1u);
  }
}

TEST(McuMachineOrders, RollbacksOfSeveralPlanesInOneDirectiveAreAllObeyed) {
  for (const bool firmware_first : {false, true}) {
    Bench bench;
    bench.give(assignment(1, {{M, 1}, {C, 1}}));
    bench.settle();
    bench.give(assignment(2, {{F, 2}, {M, 2}, {C, 2}}));
    bench.settle();
    const auto firmware = order(OrderKind::rollback, 4, F, 2);
    const auto model = order(OrderKind::rollback, 5, M, 2);
    bench.give(firmware_first ? directive(0, 5, {firmware, model}) : directive(0, 5, {model, firmware}));
    bench.settle();
    EXPECT_EQ(bench.active(F), 1u);
    EXPECT_EQ(bench.active(M), 1u);
    EXPECT_EQ(bench.active(C), 2u);
    EXPECT_EQ(bench.machine().directive_epoch(), 5u);
    EXPECT_EQ(bench.phase(), Phase::rolled_back);
  }
}

TEST(McuMachineOrders, ARollbackUnderTheFloorOrToNothingIsNotDone) {
  Bench bench;
  bench.give(assignment(1, {{M, 1}}));
  bench.settle();
  bench.give(directive(0, 1, {order(OrderKind::rollback, 1, M, 1)}));
  EXPECT_EQ(bench.state().error, ErrorCode::no_previous);
  bench.give(assignment(2, {{M, 5}, {F, 5}}));
  bench.settle();
  bench.give(directive(0, 2, {order(OrderKind::rollback, 2, M, 5)}));
  EXPECT_EQ(bench.state().error, ErrorCode::under_security_floor);
  bench.give(directive(0, 3, {order(OrderKind::rollback, 3, F, 5)}));
  EXPECT_EQ(bench.state().error, ErrorCode::under_security_floor);
  EXPECT_EQ(bench.active(M), 5u);
  EXPECT_EQ(bench.active(F), 5u);
  EXPECT_EQ(bench.phase(), Phase::committed);
}

TEST(McuMachineOrders, AnOlderDirectiveIsAReplayAndTheSameIsNoNews) {
  Bench bench;
  bench.give(directive(0, 5, {order(OrderKind::pause_updates, 5)}));
  bench.give(directive(0, 4, {}));
  EXPECT_EQ(bench.count(EffectKind::refused), 1u);
  bench.give(directive(0, 5, {}));
  EXPECT_TRUE(bench.machine().updates_paused());
  EXPECT_EQ(bench.count(EffectKind::refused), 1u);
}

TEST(McuMachineOrders, MoreOrdersThanCanBeKeptAreRefusedAndChangeNothing) {
  Bench bench;
  auto many = directive(0, 1, {});
  for (std::uint32_t i = 0; i < orders_max; ++i) many.orders[many.count++] = order(OrderKind::freeze, 1, M, i + 1);
  bench.give(many);
  EXPECT_EQ(bench.count(EffectKind::refused), 0u);
  bench.give(directive(1, 2, {order(OrderKind::pause_updates, 2)}));
  EXPECT_EQ(bench.count(EffectKind::refused), 1u);
  EXPECT_FALSE(bench.machine().updates_paused());
  many.epoch = 3;
  many.too_many = true;
  bench.give(many);
  EXPECT_EQ(bench.count(EffectKind::refused), 2u);
  EXPECT_EQ(bench.machine().directive_epoch(), 1u);
  bench.give(directive(0, 4, {}));
  EXPECT_EQ(bench.machine().orders().count, 0u);
}

TEST(McuMachineOrders, SafeModeIsTheUnionOfAllScopesAndOutlivesStarts) {
  Bench bench;
  bench.give(directive(0, 1, {order(OrderKind::safe_mode, 1)}));
  bench.give(directive(1, 2, {order(OrderKind::safe_mode, 2)}));
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  bench.start();
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  bench.give(directive(0, 3, {order(OrderKind::safe_mode, 1), order(OrderKind::resume, 3)}));
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
  bench.give(directive(1, 4, {}));
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::normal);
  EXPECT_EQ(bench.state().device, DeviceState::healthy);
  bench.give(directive(0, 5, {order(OrderKind::resume, 3), order(OrderKind::safe_mode, 5)}));
  EXPECT_EQ(bench.machine().mode(), WorkloadMode::off);
}

TEST(McuMachineOrders, ALatchEndsByAResumeGivenAfterItOnly) {
  Bench bench;
  bench.give(directive(0, 5, {order(OrderKind::resume, 5)}));
  bench.policy(RecoveryAction::drop_to_safe_mode);
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
  bench.start();
  bench.give(directive(1, 6, {order(OrderKind::resume, 4)}));
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
  bench.give(directive(1, 7, {order(OrderKind::resume, 7)}));
  EXPECT_EQ(bench.state().device, DeviceState::healthy);
  EXPECT_EQ(bench.last().items[bench.last().count - 1].kind, EffectKind::report);
}

TEST(McuMachineOrders, SafeModeIsRepairedByAnAssignmentInIt) {
  Bench bench;
  bench.give(directive(0, 1, {order(OrderKind::safe_mode, 1)}));
  bench.give(assignment(1, {{M, 1}, {F, 2}}));
  bench.settle();
  EXPECT_EQ(bench.phase(), Phase::committed);
  EXPECT_EQ(bench.state().device, DeviceState::safe_mode);
}

}  // namespace
}  // namespace muster::mcu::testing
