// Attempts that failed for a reason that may pass: who waits, for how long, what it costs the others, and what ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "rules/engine/audit_words.h"
#include "rules/engine/retry.h"
#include "schemas/common_generated.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The engine knows the codes by name: a name that no device can send would be a promise that nothing keeps.
TEST(RetryReasons, AreErrorCodes) {
  std::set<std::string_view> codes;
  for (const auto code : wire::EnumValuesErrorCode()) codes.insert(wire::EnumNameErrorCode(code));
  for (const auto& reason : retry_reasons) {
    EXPECT_TRUE(codes.contains(reason.name)) << reason.name;
    EXPECT_TRUE(reason.means.ends_with('.')) << reason.name;
  }
  // What people order and what is refused before an attempt begins is not tried again.
  for (const auto* name : {"none", "replayed", "wrong_device", "frozen", "updates_paused", "no_previous",
                           "journal_damaged", "directed_rollback"}) {
    EXPECT_EQ(codes.erase(name), 1u) << name;
  }
  EXPECT_EQ(codes.size(), retry_reasons.size()) << "a code is neither tried again nor known not to be";
}

TEST(RetryWait, DoublesUpToItsEndAndIsSpread) {
  Retry retry;
  retry.attempts = 10;
  retry.wait_s = 600;
  retry.wait_max_s = 3000;
  const std::uint64_t whole_s[] = {600, 1200, 2400, 3000, 3000, 3000};
  for (std::uint32_t tries = 1; tries <= 6; ++tries) {
    SCOPED_TRACE(tries);
    const auto whole = whole_s[tries - 1];
    std::uint64_t least = UINT64_MAX;
    std::uint64_t most = 0;
    std::set<std::uint64_t> different;
    for (int i = 0; i < 1000; ++i) {
      const auto wait_s = retry_wait_s(retry, 7, "gw-" + std::to_string(i), tries);
      EXPECT_EQ(wait_s, retry_wait_s(retry, 7, "gw-" + std::to_string(i), tries));
      least = std::min(least, wait_s);
      most = std::max(most, wait_s);
      different.insert(wait_s);
    }
    EXPECT_GE(least, whole / 2);
    EXPECT_LE(most, whole);
    EXPECT_GT(different.size(), 200u) << "they do not come back together";
  }
  retry.wait_s = 1;
  EXPECT_EQ(retry_wait_s(retry, 7, "gw-1", 1), 1u);
  retry.wait_s = retry.wait_max_s = UINT64_MAX;
  EXPECT_GE(retry_wait_s(retry, 7, "gw-1", 10), UINT64_MAX / 2);
}

TEST(RetryFault, WhatNoDeviceCouldObeyIsFound) {
  EXPECT_EQ(fault_of_retry(Retry()), "");
  for (const Retry& bad : {Retry{0, 1, 1, 1}, Retry{11, 1, 1, 1}, Retry{2, 0, 1, 1}, Retry{2, 2, 1, 1},
                           Retry{2, 1, 1, 0}, Retry{2, 1, 1, 1u << 31}}) {
    EXPECT_NE(fault_of_retry(bad), "");
  }
  const Retry one{2, 60, 60, retry_reason("disk_full")};
  EXPECT_EQ(fault_of_retry({3, 60, 60, usual_retry_reasons, {one}}), "");
  EXPECT_THAT(fault_of_retry({3, 60, 60, usual_retry_reasons, {one, one}}), HasSubstr("two speak of one error"));
  EXPECT_THAT(fault_of_retry({3, 60, 60, usual_retry_reasons, {Retry{2, 60, 60, 1, {one}}}}), HasSubstr("within"));
  EXPECT_THAT(fault_of_retry({3, 60, 60, usual_retry_reasons, {Retry{11, 60, 60, 1}}}),
              HasSubstr("by_error: it tries"));
}

TEST(RetryAfter, AnErrorIsWaitedAfterAsTheRuleSaysOfIt) {
  const Retry disk{2, 40'000, 80'000, retry_reason("disk_full")};
  const Retry probe{5, 1, 2, retry_reason("probe_timeout")};
  const Retry retry{3, 60, 600, usual_retry_reasons, {disk, probe}};
  EXPECT_EQ(retry_after(retry, "fetch_failed"), &retry);
  EXPECT_EQ(retry_after(retry, "disk_full"), &retry.by_error[0]);
  EXPECT_EQ(retry_after(retry, "probe_timeout"), &retry.by_error[1]) << "it need not stand in `on`";
  EXPECT_EQ(retry_after(retry, "probe_failed"), nullptr);
  EXPECT_EQ(retry_after(retry, "no_such_code"), nullptr);
  EXPECT_TRUE(tries_again(retry, "disk_full", 1));
  EXPECT_FALSE(tries_again(retry, "disk_full", 2));
  EXPECT_TRUE(tries_again(retry, "probe_timeout", 4));
  EXPECT_EQ(longest_wait_s(retry), 80'000u);
  EXPECT_EQ(longest_wait_s(Retry()), 0u);
}

class Retries : public testing::Test {
 protected:
  Retries() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"d1", "d2", "d3", "d4"}) {
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", "eu"));
    }
  }
  void start(std::uint32_t attempts = 3, const Pace& pace = {}) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.retry.attempts = attempts;
    rule.pace = pace;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
  }
  std::vector<Effect> fail(const std::string& id, const std::string& error) {
    return world_.fail(id, error, "no answer for 300 s");
  }
  // Goes on until the device has a new assignment, at most so long; how long it took.
  std::uint64_t until_assigned(const std::string& id, std::uint64_t at_most_s) {
    const auto epoch = world_.devices[id].assigned->epoch;
    const auto begin_s = world_.now_s;
    while (world_.devices[id].assigned->epoch == epoch && world_.now_s < begin_s + at_most_s) world_.tick(1);
    EXPECT_GT(world_.devices[id].assigned->epoch, epoch) << id << " was not tried again";
    return world_.now_s - begin_s;
  }
  [[nodiscard]] const RolloutStatus& status() const { return world_.status("r"); }
  [[nodiscard]] Standing standing(const std::string& id) const {
    DeviceStatus device;
    EXPECT_TRUE(world_.engine.device(id, device));
    return device.rollouts.at(0).standing;
  }
  [[nodiscard]] std::string why(const std::string& id) const { return world_.engine.why(id).at(0).text; }

  World world_;
};

TEST_F(Retries, ADeviceIsTriedAgainAndItsWaveWaits) {
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  const auto effects = fail("d1", "fetch_failed");
  EXPECT_EQ(World::count_audits(effects, audit::device_retrying), 1u);
  EXPECT_EQ(World::count_audits(effects, audit::device_failed), 0u);
  EXPECT_EQ(standing("d1"), Standing::retrying);
  EXPECT_EQ(status().state, RolloutState::running);
  EXPECT_EQ(status().failed, 0u);
  EXPECT_EQ(status().retrying, 1u);
  EXPECT_EQ(status().waves[0].retrying, 1u);
  EXPECT_THAT(status().waiting_for, HasSubstr("1 device of wave all (100 %) waits to try again (d1), at 1970-01-12"));
  EXPECT_THAT(why("d1"), AllOf(HasSubstr("attempt 1 of 3 failed: fetch_failed, no answer for 300 s"),
                               HasSubstr("it tries again in ")));
  const auto waited_s = until_assigned("d1", 600);
  EXPECT_GE(waited_s, 300u);
  EXPECT_EQ(standing("d1"), Standing::assigned);
  EXPECT_EQ(world_.release_name(world_.devices["d1"].assigned->releases.at(0).second), "reader@2");
  world_.commit("d1");
  EXPECT_EQ(status().state, RolloutState::completed);
  EXPECT_EQ(status().failed, 0u);
}

TEST_F(Retries, AfterTheLastAttemptItHasFailed) {
  start();
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    EXPECT_EQ(World::count_audits(fail("d1", "fetch_timeout"), audit::device_retrying), 1u);
    const auto waited_s = until_assigned("d1", 1200);
    EXPECT_GE(waited_s, 300u * attempt);
    EXPECT_LE(waited_s, 600u * attempt);
  }
  const auto effects = fail("d1", "fetch_timeout");
  ASSERT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_THAT(World::why_of(effects, audit::device_failed), HasSubstr("attempt 3 of 3"));
  EXPECT_EQ(status().state, RolloutState::halted);
  EXPECT_EQ(status().failed, 1u);
  world_.tick(100'000);
  EXPECT_EQ(status().retrying, 0u);
}

TEST_F(Retries, OnlyForTheReasonsThatTheRuleNames) {
  start();
  for (const auto* error : {"probe_failed", "digest_mismatch", "bad_signature", "no_such_code"}) {
    world_.command(ResumeRollout{"r", true});
    const std::string id = "d" + std::to_string(1 + status().failed);
    EXPECT_EQ(World::count_audits(fail(id, error), audit::device_failed), 1u) << error;
  }
  EXPECT_EQ(status().retrying, 0u);
}

TEST_F(Retries, EachErrorHasItsOwnPatience) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.halt_failed_devices = 5;
  rule.attempt_timeout_s = 100'000;
  rule.retry = {5, 60, 600, usual_retry_reasons, {Retry{2, 7200, 7200, retry_reason("disk_full")}}};
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  EXPECT_THAT(World::why_of(fail("d1", "disk_full"), audit::device_retrying),
              HasSubstr("attempt 1 of 2, the next one"));
  fail("d2", "fetch_failed");
  EXPECT_LE(until_assigned("d2", 60), 60u);
  world_.restart();
  EXPECT_THAT(why("d1"), HasSubstr("attempt 1 of 2 failed: disk_full"));
  EXPECT_GE(until_assigned("d1", 7200), 3000u);
  EXPECT_THAT(World::why_of(fail("d1", "disk_full"), audit::device_failed), HasSubstr("; attempt 2 of 2"));
  // All its attempts count, whatever ended them.
  fail("d2", "fetch_failed");
  until_assigned("d2", 120);
  EXPECT_THAT(World::why_of(fail("d2", "disk_full"), audit::device_failed),
              HasSubstr("; attempt 3, the last because disk_full has 2"));
  fail("d3", "fetch_failed");
  until_assigned("d3", 60);
  EXPECT_THAT(World::why_of(fail("d3", "probe_failed"), audit::device_failed),
              HasSubstr("; attempt 2, the last because probe_failed is not tried again"));
}

TEST_F(Retries, ARuleWithoutThemHasNone) {
  start(1);
  EXPECT_EQ(World::count_audits(fail("d1", "fetch_failed"), audit::device_failed), 1u);
  EXPECT_EQ(status().state, RolloutState::halted);
}

TEST_F(Retries, TheSameEndReportedAgainCountsOnce) {
  start();
  fail("d1", "fetch_failed");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(World::count_audits(world_.report("d1"), audit::device_retrying), 0u);
    world_.lose("d1");
    world_.see("d1");
  }
  EXPECT_THAT(why("d1"), HasSubstr("attempt 1 of 3 failed"));
  until_assigned("d1", 600);
  world_.report("d1");  // a retained report of the attempt before
  EXPECT_EQ(standing("d1"), Standing::assigned);
}

TEST_F(Retries, WhileItWaitsItTakesNobodysPlaceAndThenWaitsForItsTurn) {
  start(3, {0, 0, 1, 0});
  const auto working = [&] {
    for (const auto& id : world_.assigned_by("r")) {
      if (standing(id) == Standing::assigned) return id;
    }
    return std::string();
  };
  const auto first = working();
  fail(first, "fetch_failed");
  world_.tick(1);
  const auto second = working();
  EXPECT_NE(second, "");
  EXPECT_NE(second, first) << "its place is another's now";
  for (int i = 0; i < 700; ++i) world_.tick(1);
  EXPECT_EQ(standing(first), Standing::retrying);
  EXPECT_THAT(why(first), HasSubstr("its time to try again has come, and its turn comes at the rule's pace"));
  for (int i = 0; i < 4; ++i) {
    world_.commit(working());
    world_.tick(1);
  }
  EXPECT_EQ(status().state, RolloutState::completed) << status().waiting_for;
}

TEST_F(Retries, OneThatGoesAwayHoldsNothingUpAndIsTriedOnItsReturn) {
  start();
  for (const auto* id : {"d2", "d3", "d4"}) world_.commit(id);
  fail("d1", "fetch_failed");
  world_.lose("d1");
  world_.tick(60);
  EXPECT_EQ(standing("d1"), Standing::unreachable);
  EXPECT_EQ(status().state, RolloutState::completed);
  world_.tick(600);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
  world_.restart();
  world_.see("d1");
  EXPECT_EQ(standing("d1"), Standing::retrying);
  world_.tick(1);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 2u);
  world_.commit("d1");
  EXPECT_EQ(status().done, 4u);
}

TEST_F(Retries, ARestartForgetsNeitherTheCountNorTheTime) {
  start();
  fail("d1", "fetch_failed");
  until_assigned("d1", 600);
  fail("d1", "fetch_failed");
  world_.tick(100);
  const auto before = why("d1");
  world_.restart();
  EXPECT_EQ(standing("d1"), Standing::retrying);
  EXPECT_EQ(why("d1"), before);
  EXPECT_GE(until_assigned("d1", 1100), 500u);
  EXPECT_EQ(World::count_audits(fail("d1", "fetch_failed"), audit::device_failed), 1u) << "its third and last";
}

TEST_F(Retries, ABrokerThatWasOffWhenItsTimeCameDoesItThen) {
  start();
  fail("d1", "fetch_failed");
  world_.now_s += 5000;
  world_.restart();
  world_.tick(1);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 2u);
}

TEST_F(Retries, NothingIsTriedWhileTheRolloutIsStopped) {
  start();
  fail("d1", "fetch_failed");
  world_.command(PauseRollout{"r"});
  for (int i = 0; i < 20; ++i) world_.tick(100);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
  EXPECT_THAT(why("d1"), HasSubstr("its time to try again has come, and the rollout is paused"));
  world_.command(ResumeRollout{"r", false});
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 2u);
}

TEST_F(Retries, AnOrderKeepsItFromTryingUntilItIsTakenBack) {
  start();
  fail("d1", "fetch_failed");
  GiveOrder order;
  order.scope = "device/d1";
  order.kind = OrderKind::pause_updates;
  world_.command(order);
  for (int i = 0; i < 20; ++i) world_.tick(100);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
  EXPECT_THAT(why("d1"), HasSubstr("updates are paused in device/d1 by alice"));
  order.kind = OrderKind::resume;
  world_.command(order);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 2u);
}

TEST_F(Retries, AnAbortEndsTheWaiting) {
  start();
  fail("d1", "fetch_failed");
  world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_EQ(world_.release_name(world_.devices["d1"].assigned->releases.at(0).second), "reader@1");
  EXPECT_EQ(status().retrying, 0u);
  for (const auto* id : {"d1", "d2", "d3", "d4"}) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::aborted);
  const auto epoch = world_.devices["d1"].assigned->epoch;
  world_.tick(100'000);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, epoch);
}

TEST_F(Retries, OneThatIsNoTargetAnyMoreHasFailed) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "device.region == \"eu\"", {{Plane::model, "reader", "2"}}, {all});
  rule.retry.attempts = 3;
  rule.halt_failed_devices = 5;
  ASSERT_TRUE(World::accepted(world_.start(rule)));
  fail("d1", "fetch_failed");
  world_.devices["d1"].report.facts.region = "us";
  world_.report("d1");
  EXPECT_EQ(standing("d1"), Standing::retrying);
  const auto effects = world_.tick(600);
  EXPECT_EQ(World::count_audits(effects, audit::device_failed), 1u);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
  ASSERT_EQ(status().failures.size(), 1u);
  EXPECT_EQ(status().failures[0].error, "fetch_failed");
  EXPECT_THAT(status().failures[0].detail, HasSubstr("it is no target any more"));
  world_.devices["d2"].report.facts.region = "us";
  world_.report("d2");
  EXPECT_EQ(World::count_audits(fail("d2", "fetch_failed"), audit::device_failed), 1u) << "at once";
}

TEST_F(Retries, AStoppedGroupTriesNoMore) {
  start();
  fail("d1", "fetch_failed");
  world_.lose("d1");
  world_.tick(60);
  world_.command(StopGroup{"r", "region=eu", false});
  world_.see("d1");
  world_.tick(1000);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
  EXPECT_EQ(status().retrying, 0u);
  world_.command(ContinueGroup{"r", "region=eu"});
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 2u);
}

TEST_F(Retries, ATimeOutIsNoReasonToTryAgain) {
  start();
  world_.tick(3600);
  EXPECT_EQ(status().failed, 4u);
  EXPECT_EQ(status().retrying, 0u);
}

TEST_F(Retries, OneThatWorksAfterAllNeedsNoOther) {
  start();
  fail("d1", "fetch_failed");
  world_.commit("d1");
  EXPECT_EQ(standing("d1"), Standing::done);
  world_.tick(10'000);
  EXPECT_EQ(world_.devices["d1"].assigned->epoch, 1u);
}

}  // namespace
}  // namespace muster::rules::test
