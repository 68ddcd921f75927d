// What a release has a device wait for, before the download and before the switch: when it goes on, when it gives up,
// and what is not made to wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "tests/unit/edge/bench.h"

namespace muster::edge {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Waits : public testing::Test {
 protected:
  void SetUp() override {
    bench.release("m@1");
    bench.start();
    bench.assign(1, {"m@1"});
    bench.wait_s(10);
    ASSERT_EQ(bench.phase(), AttemptPhase::committed);
  }
  static WaitCondition condition(const std::string& text) {
    const auto compiled = rules::compile_condition(text, rules::recovery_vocabulary());
    EXPECT_TRUE(compiled.ok()) << text;
    return {compiled.program, text};
  }
  ReleaseInfo& release(const std::string& ref, const std::string& fetch_when, const std::string& swap_when) {
    auto& info = bench.release(ref);
    if (!fetch_when.empty()) info.fetch_when = condition(fetch_when);
    if (!swap_when.empty()) info.swap_when = condition(swap_when);
    info.wait_max_s = 3600;
    return info;
  }
  [[nodiscard]] std::string detail() const { return bench.agent->snapshot().detail; }
  [[nodiscard]] bool waits() const { return bench.agent->snapshot().waits; }

  Bench bench;
};

TEST_F(Waits, WithEverythingStagedUntilTheConditionHolds) {
  release("m@2", "", "battery_percent >= 40 && on_mains == 1");
  bench.readings({{"battery_percent", 23}, {"on_mains", 0}, {"p95_ms", 12}});
  const auto reports = bench.reports;
  bench.assign(2, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_TRUE(waits());
  EXPECT_EQ(
      detail(),
      "waits to switch to m@2 until battery_percent >= 40 && on_mains == 1; battery_percent is 23, on_mains is 0");
  EXPECT_GT(bench.reports, reports);
  EXPECT_EQ(bench.active(), "m@1");
  bench.readings({{"battery_percent", 24}, {"on_mains", 0}});
  const auto said = bench.reports;
  for (int i = 0; i < 10; ++i) {
    bench.wait_s(60);
    bench.readings({{"battery_percent", 25.0 + i}, {"on_mains", 1}});
  }
  EXPECT_EQ(bench.reports, said) << "nothing new to say";
  bench.readings({{"battery_percent", 40}, {"on_mains", 1}});
  EXPECT_FALSE(waits());
  EXPECT_EQ(detail(), "");
  bench.wait_s(10);
  EXPECT_EQ(bench.phase(), AttemptPhase::committed);
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Waits, WhenNothingIsKnownOfIt) {
  release("m@2", "", "idle == 1");
  bench.assign(2, {"m@2"});
  EXPECT_EQ(detail(), "waits to switch to m@2 until idle == 1; idle is unknown");
  bench.readings({{"idle_ms", 1}, {"not_idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(detail(), "waits to switch to m@2 until idle == 1; idle is unknown");
  const auto reports = bench.reports;
  bench.readings({{"idle", 0}});
  EXPECT_EQ(detail(), "waits to switch to m@2 until idle == 1; idle is 0");
  EXPECT_EQ(bench.reports, reports + 1) << "who looks sees that it is known now";
  bench.readings({});
  EXPECT_EQ(detail(), "waits to switch to m@2 until idle == 1; idle is unknown");
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Waits, BeforeItFetchesAndStopsWhenItHoldsNoMore) {
  release("m@2", "link_wifi == 1", "");
  bench.hold_jobs = true;
  bench.readings({{"link_wifi", 1}});
  bench.assign(2, {"m@2"});
  bench.release_job();  // the manifest is here, the files are under way
  EXPECT_FALSE(waits());
  bench.readings({{"link_wifi", 0}});
  EXPECT_TRUE(waits());
  EXPECT_THAT(detail(), HasSubstr("waits to fetch m@2 until link_wifi == 1; link_wifi is 0"));
  bench.release_jobs();  // what was cancelled answers nothing
  EXPECT_EQ(bench.phase(), AttemptPhase::fetching);
  bench.readings({{"link_wifi", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
  EXPECT_EQ(bench.active(), "m@2");
}

TEST_F(Waits, OnlySoLongAndRestartsDoNotBeginItAnew) {
  release("m@2", "link_wifi == 1", "idle == 1");
  bench.assign(2, {"m@2"});
  bench.wait_s(2000);
  bench.lose_power();
  bench.start();
  EXPECT_TRUE(waits());
  bench.readings({{"link_wifi", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_THAT(detail(), HasSubstr("waits to switch to m@2 until idle == 1"));
  bench.wait_s(1599);
  bench.readings({{"idle", 0}, {"link_wifi", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  bench.wait_s(1);
  bench.readings({{"idle", 0}, {"link_wifi", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::failed);
  EXPECT_EQ(bench.error(), ErrorCode::conditions_unmet);
  EXPECT_EQ(detail(), "waited to switch to m@2 until idle == 1; idle is 0");
  EXPECT_FALSE(waits());
  EXPECT_EQ(bench.active(), "m@1");
  // The next assignment of the same waits for as long again.
  bench.assign(3, {"m@2"});
  EXPECT_TRUE(waits());
}

TEST_F(Waits, NotOnTheWayBack) {
  release("m@2", "link_wifi == 1", "battery_percent >= 40");
  release("m@3", "", "");
  bench.readings({{"battery_percent", 90}, {"link_wifi", 1}});
  for (const auto& [epoch, ref] : {std::pair(2, "m@2"), {3, "m@3"}}) {
    bench.assign(static_cast<std::uint64_t>(epoch), {ref});
    bench.wait_s(10);
    ASSERT_EQ(bench.active(), ref);
  }
  bench.readings({{"battery_percent", 1}, {"link_wifi", 0}});
  bench.assign(4, {"m@2"});
  EXPECT_EQ(bench.active(), "m@2");
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Waits, NotWhenWhatRanIsLost) {
  release("m@2", "link_wifi == 1", "battery_percent >= 40");
  bench.readings({{"battery_percent", 90}, {"link_wifi", 1}});
  bench.assign(2, {"m@2"});
  bench.wait_s(10);
  bench.lose_power();
  bench.damaged = {Bench::digest("m@1"), Bench::digest("m@2")};
  bench.start();
  bench.damaged.clear();
  EXPECT_EQ(bench.active(), "m@2") << bench.agent->snapshot().detail;
}

TEST_F(Waits, WhileUpdatesArePausedAlthoughItHolds) {
  release("m@2", "", "idle == 1");
  bench.assign(2, {"m@2"});
  bench.direct("fleet", 1, {{OrderKind::pause_updates, 1, {}, {}, "why", "who"}});
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  bench.direct("fleet", 2, {});
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Waits, ForTheOperatorFirstAndForTheConditionThen) {
  release("m@2", "", "idle == 1");
  bench.readings({{"idle", 0}});
  bench.assign(2, {"m@2"}, 10, Hold::before_swap);
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_FALSE(waits()) << "it holds";
  bench.assign(3, {"m@2"});
  EXPECT_TRUE(waits());
  bench.assign(4, {"m@2"}, 10, Hold::before_swap);
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  bench.assign(5, {"m@2"});
  EXPECT_EQ(bench.phase(), AttemptPhase::soaking);
}

TEST_F(Waits, UntilSomethingElseIsAssigned) {
  release("m@2", "", "idle == 1");
  bench.release("m@3");
  bench.assign(2, {"m@2"});
  bench.assign(3, {"m@3"});
  bench.wait_s(10);
  EXPECT_FALSE(waits());
  EXPECT_EQ(bench.active(), "m@3");
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.active(), "m@3");
}

TEST_F(Waits, AShadowForItsDownloadAlone) {
  release("m@2", "link_wifi == 1", "idle == 1").shadow = "replay";
  bench.assign(2, {"m@1"}, 10, Hold::none, {"m@2"});
  EXPECT_TRUE(waits());
  bench.readings({{"link_wifi", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::shadowing);
}

TEST_F(Waits, ForeverForWhatCannotBeReadAndThenGivesUp) {
  auto& info = release("m@2", "", "idle == 1");
  info.swap_when.program = {1, 2, 3};
  bench.assign(2, {"m@2"});
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.phase(), AttemptPhase::staged);
  EXPECT_EQ(detail(), "waits to switch to m@2 until idle == 1; it cannot be read");
  bench.wait_s(3600);
  bench.readings({{"idle", 1}});
  EXPECT_EQ(bench.error(), ErrorCode::conditions_unmet);
}

}  // namespace
}  // namespace muster::edge
