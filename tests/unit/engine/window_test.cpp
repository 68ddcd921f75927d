// Maintenance windows: the calendar, and devices that are assigned only when it is time where they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "rules/engine/audit_words.h"
#include "rules/engine/window.h"
#include "tests/support/long_form.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t minute_s = 60, hour_s = 3600, day_s = 86'400;
constexpr std::uint64_t monday_s = 1'763'942'400;  // Monday, 2025-11-24 00:00:00 UTC
constexpr std::uint8_t mon = 1, tue = 2, sun = 64;
const Zone utc = zone_of(0);

TEST(Windows, OpenAndCloseInTheTimeOfTheDevice) {
  const std::vector<Window> night = {{all_days, 120, 300}};
  EXPECT_FALSE(is_open(night, utc, monday_s + 2 * hour_s - 1));
  EXPECT_TRUE(is_open(night, utc, monday_s + 2 * hour_s));
  EXPECT_TRUE(is_open(night, utc, monday_s + 5 * hour_s - 1));
  EXPECT_FALSE(is_open(night, utc, monday_s + 5 * hour_s));
  EXPECT_TRUE(is_open(night, zone_of(330), monday_s + 21 * hour_s)) << "02:30 in Delhi";
  EXPECT_FALSE(is_open(night, zone_of(330), monday_s + 2 * hour_s));
  EXPECT_TRUE(is_open(night, zone_of(-210), monday_s + 6 * hour_s)) << "02:30 in Newfoundland";
  EXPECT_TRUE(is_open(night, zone_of(-720), monday_s + 14 * hour_s));
  EXPECT_TRUE(is_open(night, zone_of(840), monday_s - 12 * hour_s));
  EXPECT_EQ(next_opening_s(night, zone_of(60), monday_s), monday_s + hour_s);
  EXPECT_EQ(next_opening_s(night, zone_of(60), monday_s + 12 * hour_s), monday_s + 25 * hour_s);
}

TEST(Windows, BelongToTheDayOnWhichTheyOpen) {
  const std::vector<Window> late = {{mon, 22 * 60, 2 * 60}};
  EXPECT_FALSE(is_open(late, utc, monday_s + hour_s)) << "Sunday's window would be open, and there is none";
  EXPECT_TRUE(is_open(late, utc, monday_s + 23 * hour_s));
  EXPECT_TRUE(is_open(late, utc, monday_s + 25 * hour_s));
  EXPECT_FALSE(is_open(late, utc, monday_s + 26 * hour_s));
  EXPECT_EQ(next_opening_s(late, utc, monday_s + 26 * hour_s), monday_s + 7 * day_s + 22 * hour_s);
  const std::vector<Window> over_the_week = {{sun, 23 * 60, 60}};
  EXPECT_TRUE(is_open(over_the_week, utc, monday_s + 30 * minute_s));
  EXPECT_FALSE(is_open(over_the_week, utc, monday_s + day_s));
  const std::vector<Window> whole = {{tue, 0, day_min}};
  EXPECT_FALSE(is_open(whole, utc, monday_s + day_s - 1));
  EXPECT_TRUE(is_open(whole, utc, monday_s + day_s));
  EXPECT_TRUE(is_open(whole, utc, monday_s + 2 * day_s - 1));
  EXPECT_FALSE(is_open(whole, utc, monday_s + 2 * day_s));
}

// Against a calendar that walks minute by minute.
TEST(Windows, TheNextOpeningIsTheFirstOpenMinute) {
  const auto seed = muster::testing::seed_or(20'251'124);
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<Window> windows(1 + random() % 3);
    for (auto& window : windows) {
      window.days = static_cast<std::uint8_t>(1 + random() % all_days);
      window.from_min = static_cast<std::uint16_t>(random() % day_min);
      do window.to_min = static_cast<std::uint16_t>(random() % (day_min + 1));
      while (window.to_min == window.from_min);
      ASSERT_EQ(fault_of_window(window), "");
    }
    const auto zone = static_cast<Zone>(1 + random() % (zones_end - 1));
    const auto now_s = monday_s + random() % (14 * day_s);
    if (is_open(windows, zone, now_s)) continue;
    auto first_s = now_s / minute_s * minute_s;
    while (!is_open(windows, zone, first_s)) first_s += minute_s;
    ASSERT_EQ(next_opening_s(windows, zone, now_s), first_s) << describe_windows(windows) << " in " << zone_text(zone);
  }
}

TEST(Windows, TimesAsText) {
  EXPECT_EQ(utc_text(monday_s + 3 * hour_s + 4 * minute_s + 5), "2025-11-24 03:04:05 UTC");
  EXPECT_EQ(utc_text(UINT64_MAX).substr(0, 10), "9999-12-31");
  EXPECT_EQ(utc_text(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(utc_text(951'782'400), "2000-02-29 00:00:00 UTC");
  EXPECT_EQ(utc_text(951'868'800), "2000-03-01 00:00:00 UTC");
  EXPECT_EQ(utc_text(4'107'542'399), "2100-02-28 23:59:59 UTC");
  EXPECT_EQ(utc_text(4'107'542'400), "2100-03-01 00:00:00 UTC");
  EXPECT_EQ(utc_text(12'622'780'800), "2370-01-01 00:00:00 UTC") << "a cycle of the calendar later";
  EXPECT_EQ(local_time_text(zone_of(60), monday_s - hour_s), "mon 00:00");
  EXPECT_EQ(zone_text(zone_of(-210)), "-03:30");
  EXPECT_EQ(zone_text(zone_of(345)), "+05:45");
  EXPECT_EQ(zone_text(zone_of(59)), "+00:45") << "the quarter that has begun";
  EXPECT_EQ(describe_windows(std::vector<Window>{{mon | tue, 120, 300}, {all_days, 0, day_min}}),
            "mon, tue 02:00–05:00 or 00:00–24:00");
}

class WindowsOfARollout : public ::testing::Test {
 protected:
  WindowsOfARollout() {
    world_.now_s = monday_s;
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    join("berlin", 60);
    join("delhi", 330);
    join("unsaid", std::nullopt);
  }
  void join(const std::string& id, std::optional<std::int16_t> offset_min) {
    world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
    auto facts = facts_of("rk3566", "eu");
    facts.utc_offset_min = offset_min;
    world_.join(id, facts);
  }
  std::vector<Effect> start(const Pace& pace = {}) {
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
    rule.windows = {{all_days, 120, 300}};
    rule.utc_offset_min = -180;
    rule.attempt_timeout_s = 30 * day_s;
    rule.pace = pace;
    auto effects = world_.start(rule);
    EXPECT_TRUE(World::accepted(effects)) << World::reply(effects);
    return effects;
  }
  void go_to(std::uint64_t time_s) {
    ASSERT_GE(time_s, world_.now_s);
    world_.tick(time_s - world_.now_s);
  }
  [[nodiscard]] std::set<std::string> reached() const { return world_.assigned_by("r"); }
  [[nodiscard]] const RolloutStatus& status() const { return world_.status("r"); }
  [[nodiscard]] std::string why(const std::string& id) const { return world_.engine.why(id).at(0).text; }
  using Ids = std::set<std::string>;

  World world_;
};

TEST_F(WindowsOfARollout, EachDeviceIsAssignedWhenItIsTimeWhereItIs) {
  const auto effects = start();
  EXPECT_TRUE(reached().empty());
  EXPECT_EQ(status().awaiting_window, 3u);
  EXPECT_EQ(status().waiting_for,
            "3 devices wait for their maintenance window (02:00–05:00), which opens for the next at 2025-11-24 "
            "01:00:00 UTC");
  EXPECT_THAT(World::why_of(effects, audit::wave_opened), HasSubstr("3 wait for their window (02:00–05:00)"));
  EXPECT_THAT(why("berlin"), HasSubstr("its window opens at mon 02:00 its time (+01:00), in 3600 s"));
  EXPECT_THAT(why("delhi"), HasSubstr("its window opens at tue 02:00 its time (+05:30), in 73800 s"));
  EXPECT_THAT(why("unsaid"), HasSubstr("its window opens at mon 02:00 its time (-03:00), in 18000 s"));
  go_to(monday_s + hour_s - 1);
  EXPECT_TRUE(reached().empty());
  go_to(monday_s + hour_s);
  EXPECT_EQ(reached(), Ids({"berlin"}));
  EXPECT_EQ(status().awaiting_window, 2u);
  go_to(monday_s + 5 * hour_s);
  EXPECT_EQ(reached(), Ids({"berlin", "unsaid"}));
  go_to(monday_s + 20 * hour_s + 30 * minute_s);
  EXPECT_EQ(reached(), Ids({"berlin", "unsaid", "delhi"}));
  EXPECT_EQ(status().awaiting_window, 0u);
  for (const auto& id : reached()) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::completed);
}

TEST_F(WindowsOfARollout, ARestartForgetsNobody) {
  start();
  const auto before = status().waiting_for;
  world_.restart();
  EXPECT_EQ(status().waiting_for, before);
  EXPECT_EQ(status().awaiting_window, 3u);
  world_.tick(1);
  EXPECT_EQ(status().awaiting_window, 3u);
  go_to(monday_s + hour_s);
  EXPECT_EQ(reached(), Ids({"berlin"}));
  world_.now_s = monday_s + 5 * hour_s;  // it was off when the window opened
  world_.restart();
  world_.tick(1);
  EXPECT_EQ(reached(), Ids({"berlin", "unsaid"}));
}

TEST_F(WindowsOfARollout, ADeviceThatMovesWaitsForItsNewTime) {
  start();
  world_.devices["delhi"].report.facts.utc_offset_min = 120;
  world_.report("delhi");
  EXPECT_EQ(reached(), Ids({"delhi"})) << "it is 02:00 there";
  for (int i = 0; i < 500; ++i) {
    world_.devices["unsaid"].report.facts.utc_offset_min = static_cast<std::int16_t>(i % 2 == 0 ? -300 : -315);
    world_.report("unsaid");
  }
  EXPECT_EQ(status().awaiting_window, 2u);
  go_to(monday_s + hour_s);
  go_to(monday_s + 7 * hour_s);
  EXPECT_EQ(reached(), Ids({"berlin", "delhi"}));
  go_to(monday_s + 7 * hour_s + 15 * minute_s);
  EXPECT_EQ(reached(), Ids({"berlin", "delhi", "unsaid"}));
}

TEST_F(WindowsOfARollout, WhoseTurnDoesNotComeInTimeWaitsForTheNextDay) {
  for (const auto* id : {"b2", "b3", "b4"}) join(id, 60);
  start({0, 0, 1, 0});
  go_to(monday_s + hour_s);
  EXPECT_EQ(reached().size(), 1u);
  EXPECT_THAT(status().waiting_for, HasSubstr("3 devices of wave all (100 %) follow at the rule's pace"));
  go_to(monday_s + 4 * hour_s - 1);
  world_.commit(*reached().begin());
  go_to(monday_s + 4 * hour_s);
  EXPECT_EQ(reached().size(), 1u) << "it is 05:00 there";
  EXPECT_EQ(status().awaiting_window, 5u);
  go_to(monday_s + day_s + hour_s);
  EXPECT_EQ(reached().size(), 2u);
}

// Found by an audit: it was assigned in its window, and began when it was back, in the middle of the day.
TEST_F(WindowsOfARollout, WhoIsAwayInItsWindowIsAssignedWhenItConnectsInOne) {
  start();
  world_.lose("berlin");
  world_.lose("delhi");
  go_to(monday_s + hour_s);
  EXPECT_TRUE(reached().empty());
  EXPECT_EQ(status().awaiting_window, 3u);
  EXPECT_EQ(status().unreachable, 2u);
  EXPECT_THAT(why("berlin"), HasSubstr("its window is open, and it is not connected; the next opens at tue 02:00"));
  go_to(monday_s + 3 * hour_s);
  EXPECT_EQ(World::assigned_in(world_.see("berlin")), std::vector<std::string>{"berlin"});
  EXPECT_EQ(status().unreachable, 1u);
  go_to(monday_s + 5 * hour_s);
  go_to(monday_s + 21 * hour_s);
  EXPECT_EQ(reached(), Ids({"berlin", "unsaid"})) << "delhi is away still";
  go_to(monday_s + 24 * hour_s);
  EXPECT_TRUE(World::assigned_in(world_.see("delhi")).empty()) << "it is 05:30 there";
  EXPECT_EQ(status().unreachable, 0u);
  EXPECT_THAT(why("delhi"), HasSubstr("its window opens at wed 02:00"));
  go_to(monday_s + 44 * hour_s + 30 * minute_s);
  EXPECT_EQ(reached(), Ids({"berlin", "delhi", "unsaid"}));
}

TEST_F(WindowsOfARollout, WhoIsAwayHoldsUpNoWaveAndIsNotForgotten) {
  start();
  go_to(monday_s + hour_s);
  go_to(monday_s + 5 * hour_s);
  for (const auto& id : reached()) world_.commit(id);
  EXPECT_EQ(status().state, RolloutState::running) << "delhi waits for its window";
  world_.lose("delhi");
  world_.tick(59);
  EXPECT_EQ(status().state, RolloutState::running);
  world_.restart();
  world_.tick(59);
  EXPECT_EQ(status().state, RolloutState::running);
  world_.tick(1);
  EXPECT_EQ(status().state, RolloutState::completed);
  EXPECT_EQ(status().unreachable, 1u);
  world_.command(PauseRollout{"r"});
  world_.command(ResumeRollout{"r", false});
  go_to(monday_s + 21 * hour_s);
  EXPECT_EQ(status().done, 2u);
  world_.restart();
  world_.see("delhi");
  EXPECT_TRUE(reached().contains("delhi"));
  world_.commit("delhi");
  EXPECT_EQ(status().done, 3u);
}

TEST_F(WindowsOfARollout, AWaveThatOpensWhileSomeAreAwayCountsThem) {
  world_.lose("berlin");
  world_.tick(60);
  const auto effects = start();
  EXPECT_EQ(status().unreachable, 1u);
  EXPECT_THAT(World::why_of(effects, audit::wave_opened),
              AllOf(HasSubstr("3 wait for their window"), HasSubstr("1 unreachable"), Not(HasSubstr("kept back"))));
  GiveOrder order;
  order.scope = "device/berlin";
  order.kind = OrderKind::pause_updates;
  world_.command(order);
  order.kind = OrderKind::resume;
  world_.command(order);
  EXPECT_EQ(status().unreachable, 1u);
  world_.see("berlin");
  go_to(monday_s + hour_s);
  EXPECT_EQ(reached(), Ids({"berlin"}));
}

TEST_F(WindowsOfARollout, WhoIsAwayWhenItsTurnComesWaitsForTheWindowAgain) {
  for (const auto* id : {"b2", "b3"}) join(id, 60);
  start({0, 0, 1, 0});
  go_to(monday_s + hour_s);
  ASSERT_EQ(reached().size(), 1u);
  Ids waiting;
  for (const auto* id : {"berlin", "b2", "b3"}) {
    if (!reached().contains(id)) waiting.insert(id);
  }
  world_.lose(*waiting.begin());
  world_.commit(*reached().begin());
  world_.tick(1);
  EXPECT_EQ(reached().size(), 2u);
  EXPECT_FALSE(reached().contains(*waiting.begin()));
  world_.commit(*waiting.rbegin());
  world_.see(*waiting.begin());
  world_.tick(1);
  EXPECT_TRUE(reached().contains(*waiting.begin()));
}

TEST_F(WindowsOfARollout, GoingBackWaitsForNoWindow) {
  start();
  go_to(monday_s + hour_s);
  world_.commit("berlin");
  go_to(monday_s + 12 * hour_s);
  const auto effects = world_.command(AbortRollout{"r", AbortMode::revert});
  EXPECT_FALSE(World::assigned_in(effects).empty());
  EXPECT_EQ(status().awaiting_window, 0u);
  EXPECT_EQ(world_.release_name(world_.devices["berlin"].assigned->releases.at(0).second), "reader@1");
}

TEST_F(WindowsOfARollout, WhatElseIsInTheWayIsWaitedForFirst) {
  start();
  world_.command(PauseRollout{"r"});
  go_to(monday_s + hour_s);
  EXPECT_TRUE(reached().empty());
  world_.command(ResumeRollout{"r", false});
  EXPECT_EQ(reached(), Ids({"berlin"}));
  GiveOrder order;
  order.scope = "device/unsaid";
  order.kind = OrderKind::pause_updates;
  world_.command(order);
  go_to(monday_s + 6 * hour_s);
  EXPECT_EQ(reached(), Ids({"berlin"}));
  EXPECT_THAT(why("unsaid"), HasSubstr("updates are paused"));
  order.kind = OrderKind::resume;
  world_.command(order);
  EXPECT_EQ(reached(), Ids({"berlin", "unsaid"}));
}

TEST_F(WindowsOfARollout, ALateJoinerIsToldWhenItsTimeComes) {
  start();
  world_.devices["late"].report.active[1] = world_.release("reader@1").manifest;
  auto facts = facts_of("rk3566", "eu");
  facts.utc_offset_min = 0;
  EXPECT_THAT(World::why_of(world_.join("late", facts), audit::device_joined),
              HasSubstr("its window opens at mon 02:00 its time (+00:00), in 7200 s"));
}

TEST_F(WindowsOfARollout, ASecondAttemptWaitsForTheWindowToo) {
  Wave all;
  all.name = "all";
  all.percent = 100;
  auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {all});
  rule.windows = {{all_days, 120, 300}};
  rule.retry.attempts = 3;
  rule.attempt_timeout_s = 30 * day_s;
  world_.start(rule);
  go_to(monday_s + 4 * hour_s - 1);
  world_.fail("berlin", "fetch_failed");
  go_to(monday_s + 5 * hour_s);
  EXPECT_EQ(world_.devices["berlin"].assigned->epoch, 1u);
  EXPECT_THAT(why("berlin"), HasSubstr("its time to try again has come, and its window opens at tue 02:00"));
  world_.lose("berlin");
  go_to(monday_s + day_s + hour_s);
  EXPECT_EQ(world_.devices["berlin"].assigned->epoch, 1u) << "it is away";
  go_to(monday_s + day_s + 5 * hour_s);
  world_.see("berlin");
  EXPECT_EQ(world_.devices["berlin"].assigned->epoch, 1u);
  world_.restart();
  world_.devices["berlin"].report.facts.utc_offset_min = -120;  // it is 03:00 where it is now
  world_.report("berlin");
  world_.tick(1);
  EXPECT_EQ(world_.devices["berlin"].assigned->epoch, 2u);
}

}  // namespace
}  // namespace muster::rules::test
