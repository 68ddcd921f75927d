// Every state of an attempt has an end: a device that stays in one is timed out, and what is said of it names the
// state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t soak_s = 300, timeout_s = 600;

class AttemptStates : public testing::TestWithParam<AttemptState> {
 protected:
  AttemptStates() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"d1", "d2"}) {
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
    Wave all;
    all.name = "all";
    all.percent = 100;
    all.soak_s = soak_s;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.attempt_timeout_s = timeout_s;
    rule.halt_failed_devices = 2;
    rule.retry.attempts = 5;
    rule.retry.on = all_retry_reasons;
    EXPECT_TRUE(World::accepted(world_.start(rule)));
    world_.commit("d2");
  }
  [[nodiscard]] const RolloutStatus& status() const { return world_.status("r"); }
  [[nodiscard]] std::string why() const { return world_.engine.why("d1").at(0).text; }
  void order(OrderKind kind, const std::string& scope) {
    GiveOrder order;
    order.scope = scope;
    order.kind = kind;
    EXPECT_TRUE(World::accepted(world_.command(order)));
  }

  World world_;
};

std::string name_of_case(const testing::TestParamInfo<AttemptState>& info) {
  return std::string(name_of(info.param));
}
INSTANTIATE_TEST_SUITE_P(Each, AttemptStates,
                         testing::Values(AttemptState::fetching, AttemptState::verifying, AttemptState::staged,
                                         AttemptState::swapped, AttemptState::probing, AttemptState::soaking),
                         name_of_case);

TEST_P(AttemptStates, WhoStaysInItHasFailedInTime) {
  const std::string state(name_of(GetParam()));
  world_.tick(100);
  world_.attempt("d1", GetParam());
  EXPECT_THAT(why(), HasSubstr("its attempt is " + state));
  EXPECT_EQ(World::count_audits(world_.tick(timeout_s + soak_s - 101), audit::device_failed), 0u);
  const auto effects = world_.tick(1);
  ASSERT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_THAT(World::why_of(effects, audit::device_failed),
              AllOf(HasSubstr("attempt_timeout"), HasSubstr("it last said " + state)));
  ASSERT_EQ(status().failures.size(), 1u);
  EXPECT_EQ(status().failures[0].error, "attempt_timeout");
  EXPECT_THAT(status().failures[0].detail, HasSubstr("it last said " + state));
  EXPECT_THAT(why(), HasSubstr("it showed no end of its attempt in time, and last said " + state));
}

TEST_P(AttemptStates, ALinkThatDropsForAMomentNowAndThenGivesItNoMoreTime) {
  world_.attempt("d1", GetParam());
  std::uint64_t passed_s = 0;
  while (status().failed == 0 && passed_s < 10 * timeout_s) {
    world_.tick(90);
    world_.lose("d1");
    world_.tick(10);
    world_.see("d1");
    passed_s += 100;
  }
  EXPECT_EQ(status().failed, 1u);
  EXPECT_LE(passed_s, soak_s + timeout_s + 100);
}

TEST_P(AttemptStates, NorDoesAClientThatIsHardlyEverConnected) {
  world_.attempt("d1", GetParam());
  std::uint64_t passed_s = 0;
  while (status().failed == 0 && passed_s < 10 * timeout_s) {
    world_.see("d1");
    world_.lose("d1");
    world_.tick(20);
    passed_s += 20;
  }
  EXPECT_EQ(status().failed, 1u);
  EXPECT_GE(passed_s, soak_s + timeout_s);
  EXPECT_LE(passed_s, soak_s + timeout_s + 40);
}

TEST_P(AttemptStates, TheTimeThatItIsAwayDoesNotCount) {
  world_.attempt("d1", GetParam());
  world_.tick(timeout_s);
  world_.lose("d1");
  world_.tick(5000);
  EXPECT_EQ(status().unreachable, 1u);
  world_.see("d1");
  EXPECT_EQ(status().unreachable, 0u);
  world_.tick(soak_s - 1);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 1u);
}

TEST_P(AttemptStates, WhoStaysAwayLongAgainAndAgainRunsOutOfItsTimeToo) {
  world_.attempt("d1", GetParam());
  int connections = 0;
  while (connections < 100) {
    ++connections;
    world_.tick(100);
    if (status().failed != 0) break;
    world_.lose("d1");
    world_.tick(200);
    EXPECT_EQ(status().unreachable, 1u) << "it holds up nobody meanwhile";
    world_.see("d1");
  }
  EXPECT_EQ(status().failed, 1u);
  EXPECT_EQ(connections, static_cast<int>((soak_s + timeout_s) / 100));
}

TEST_P(AttemptStates, WhoComesBackWhenItsTimeIsOverMaySayWhatCameOfIt) {
  world_.attempt("d1", GetParam());
  world_.tick(soak_s + timeout_s - 5);
  world_.lose("d1");
  world_.tick(20);
  world_.see("d1");
  world_.tick(10);
  EXPECT_EQ(status().failed, 0u);
  world_.commit("d1");
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_P(AttemptStates, AnAbsenceUnderALongUnreachableAfterIsNoFailureEither) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  world_.commit("d1");
  world_.add_release(Plane::model, "reader", "3");
  auto rule = World::rule("parked", "true", {{Plane::model, "reader", "3"}}, {all});
  rule.attempt_timeout_s = timeout_s;
  rule.unreachable_after_s = 12 * 3600;
  world_.start(rule);
  world_.commit("d2");
  world_.attempt("d1", GetParam());
  world_.lose("d1");
  world_.tick(8 * 3600);
  world_.see("d1");
  world_.tick(timeout_s - 1);
  EXPECT_EQ(world_.status("parked").failed, 0u);
  EXPECT_EQ(world_.status("parked").state, RolloutState::running);
  world_.tick(1);
  EXPECT_EQ(world_.status("parked").failed, 1u);
}

TEST_P(AttemptStates, ARestartGivesItItsTimeAnewAndNoMoreThanThat) {
  world_.attempt("d1", GetParam());
  world_.tick(timeout_s);
  world_.restart();
  world_.tick(timeout_s + soak_s - 1);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 1u);
}

TEST_P(AttemptStates, WhoGoesAwayInItHoldsNothingUp) {
  world_.attempt("d1", GetParam());
  world_.lose("d1");
  world_.tick(60);
  EXPECT_EQ(status().unreachable, 1u);
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_P(AttemptStates, OneThatEndsWellAfterItsTimeHasNotFailed) {
  world_.attempt("d1", GetParam());
  world_.tick(timeout_s + soak_s);
  ASSERT_EQ(status().failed, 1u);
  world_.commit("d1");
  EXPECT_EQ(status().failed, 0u);
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_P(AttemptStates, WhoDoesNotGetBackOutOfItIsTimedOutToo) {
  world_.attempt("d1", GetParam());
  world_.command(AbortRollout{"r", AbortMode::revert});
  world_.attempt("d1", GetParam());
  world_.commit("d2");
  EXPECT_EQ(status().state, RolloutState::reverting);
  const auto effects = world_.tick(timeout_s);
  EXPECT_EQ(World::count_audits(effects, audit::device_not_reverted), 1u);
  EXPECT_EQ(status().state, RolloutState::aborted);
}

TEST_P(AttemptStates, WhoDoesNotGetBackOverABadLinkIsTimedOutToo) {
  world_.attempt("d1", GetParam());
  world_.command(AbortRollout{"r", AbortMode::revert});
  world_.attempt("d1", GetParam());
  world_.commit("d2");
  for (int i = 0; i < 7; ++i) {
    world_.tick(90);
    world_.lose("d1");
    world_.tick(10);
    world_.see("d1");
  }
  EXPECT_EQ(status().state, RolloutState::aborted);
}

TEST_P(AttemptStates, AnOrderThatEndsGivesTimeToThoseAloneWhomItKeptFromWorking) {
  world_.attempt("d1", GetParam());
  world_.tick(timeout_s);
  order(OrderKind::pause_updates, "device/d2");
  order(OrderKind::resume, "device/d2");
  world_.tick(soak_s - 1);
  EXPECT_EQ(status().failed, 0u);
  order(OrderKind::pause_updates, "device/d1");
  world_.tick(10 * timeout_s);
  EXPECT_EQ(status().failed, 0u);
  order(OrderKind::resume, "device/d1");
  world_.tick(timeout_s + soak_s - 1);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 1u);
}

TEST_P(AttemptStates, WhoLeavesTheGroupOfAnOrderHasItsTimeAgain) {
  order(OrderKind::pause_updates, "group/region=eu");
  world_.attempt("d1", GetParam());
  world_.tick(10 * timeout_s);
  world_.devices["d1"].report.facts.region = "us";
  world_.report("d1");
  world_.tick(timeout_s + soak_s - 1);
  EXPECT_EQ(status().failed, 0u);
  world_.tick(1);
  EXPECT_EQ(status().failed, 1u);
}

TEST(AttemptThatNeverBegins, IsTimedOutAndSaysSo) {
  World world;
  world.add_release(Plane::model, "reader", "2");
  world.join("d1", facts_of("rk3566", "eu"));
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.attempt_timeout_s = timeout_s;
  ASSERT_TRUE(World::accepted(world.start(rule)));
  world.tick(timeout_s);
  EXPECT_EQ(world.status("r").state, RolloutState::halted);
  EXPECT_THAT(world.status("r").failures.at(0).detail, HasSubstr("it did not begin"));
  EXPECT_THAT(world.engine.why("d1").at(0).text, HasSubstr("it failed: it did not begin the attempt in time"));
}

TEST(AttemptThatEndedUnhealthy, IsTimedOutAndSaysSo) {
  for (const auto state : {DeviceState::degraded, DeviceState::recovering, DeviceState::safe_mode}) {
    SCOPED_TRACE(name_of(state));
    World world;
    world.add_release(Plane::model, "reader", "2");
    world.join("d1", facts_of("rk3566", "eu"));
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.attempt_timeout_s = timeout_s;
    ASSERT_TRUE(World::accepted(world.start(rule)));
    auto& report = world.devices["d1"].report;
    report.active[1] = world.release("reader@2").manifest;
    report.state = state;
    world.attempt("d1", AttemptState::committed);
    EXPECT_EQ(world.status("r").done, 0u);
    world.tick(timeout_s);
    EXPECT_EQ(world.status("r").failed, 1u);
    EXPECT_THAT(world.engine.why("d1").at(0).text,
                HasSubstr("last said committed, state " + std::string(name_of(state))));
  }
}

}  // namespace
}  // namespace muster::rules::test
