// The parts of a rule that say when, from a file to the engine's values and back.
#include "rules/config/times.h"

#include <gtest/gtest.h>

#include <random>

#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "rules/config/write_rule.h"
#include "tests/support/long_form.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

const std::string base = "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n";

Rule rule_of(const std::string& more) {
  const LoadedRule loaded = load_rule(base + more, "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  return loaded.rule.value_or(Rule());
}

TEST(Times, ARetryIsRead) {
  EXPECT_EQ(rule_of("").retry, Retry());
  EXPECT_EQ(rule_of("retry: { attempts: 3 }\n").retry, (Retry{3, 600, 21'600, usual_retry_reasons}));
  const auto retry =
      rule_of("retry: { attempts: 10, wait: 90s, wait_max: 1d, on: [probe_failed, fetch_failed] }\n").retry;
  EXPECT_EQ(retry, (Retry{10, 90, 86'400, retry.on}));
  for (std::size_t i = 0; i < retry_reasons.size(); ++i) {
    const bool named = retry_reasons[i].name == "probe_failed" || retry_reasons[i].name == "fetch_failed";
    EXPECT_EQ((retry.on >> i & 1) != 0, named) << retry_reasons[i].name;
    EXPECT_EQ(tries_again(retry, retry_reasons[i].name, 1), named);
  }
}

TEST(Times, WindowsAreRead) {
  const auto rule = rule_of(
      "windows:\n  - { days: [mon, sun], from: \"22:30\", to: \"02:00\" }\n  - { from: 00:00, to: 24:00 }\n"
      "utc_offset: -03:30\n");
  ASSERT_EQ(rule.windows.size(), 2u);
  EXPECT_EQ(rule.windows[0], (Window{0x41, 22 * 60 + 30, 120}));
  EXPECT_EQ(rule.windows[1], (Window{all_days, 0, day_min}));
  EXPECT_EQ(rule.utc_offset_min, -210);
}

TEST(Times, AnErrorHasPatienceOfItsOwn) {
  const auto retry =
      rule_of(
          "retry:\n  attempts: 4\n  wait: 5m\n  by_error:\n    - { on: [disk_full], attempts: 2, wait: 12h, "
          "wait_max: 2d }\n    - { on: [probe_timeout, internal], wait: 1m }\n")
          .retry;
  ASSERT_EQ(retry.by_error.size(), 2u);
  EXPECT_EQ(retry.by_error[0], (Retry{2, 43'200, 172'800, retry_reason("disk_full")}));
  EXPECT_EQ(retry.by_error[1], (Retry{4, 60, 21'600, retry_reason("probe_timeout") | retry_reason("internal")}));
  EXPECT_EQ(retry.on, usual_retry_reasons) << "what by_error names need not stand there";
}

TEST(Times, AFleetSaysWhatItsClocksShow) {
  const auto loaded = load_fleet("groups:\n  - { count: 1, utc_offset: \"+05:45\" }\n  - { count: 1 }\n", "f");
  ASSERT_TRUE(loaded.fleet) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.fleet->groups[0].facts.utc_offset_min, 345);
  EXPECT_FALSE(loaded.fleet->groups[1].facts.utc_offset_min);
  EXPECT_FALSE(load_fleet("groups: [{ count: 1, utc_offset: \"+15:00\" }]\n", "f").fleet);
}

TEST(Times, WhatIsWrittenOutComesBack) {
  const auto seed = muster::testing::seed_or(38);
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    Rule rule = rule_of("");
    rule.retry.attempts = 2 + static_cast<std::uint32_t>(random() % (attempts_max - 1));
    rule.retry.wait_s = 1 + random() % 86'400;
    rule.retry.wait_max_s = rule.retry.wait_s + random() % 86'400;
    rule.retry.on = 1 + static_cast<std::uint32_t>(random() % all_retry_reasons);
    RetryReasons left = all_retry_reasons;
    for (std::uint64_t i = random() % 3; i > 0; --i) {
      const auto on = left & static_cast<RetryReasons>(random());
      left &= ~on;
      const auto wait_s = 1 + random() % 86'400;
      const auto attempts = 2 + static_cast<std::uint32_t>(random() % (attempts_max - 1));
      if (on != 0) rule.retry.by_error.push_back({attempts, wait_s, wait_s + random() % 86'400, on});
    }
    for (std::uint64_t i = 0; i < random() % 4; ++i) {
      const auto from_min = static_cast<std::uint16_t>(random() % day_min);
      const auto to_min = static_cast<std::uint16_t>((from_min + 1 + random() % (day_min - 1)) % day_min);
      rule.windows.push_back({static_cast<std::uint8_t>(1 + random() % all_days), from_min, to_min});
    }
    if (!rule.windows.empty()) rule.utc_offset_min = static_cast<std::int32_t>(random() % 105) * zone_min - 720;
    const auto written = write_rule(rule);
    const LoadedRule again = load_rule(written, "r");
    ASSERT_TRUE(again.rule) << lines_of(again.diagnostics) << written;
    ASSERT_TRUE(*again.rule == rule) << written;
  }
}

}  // namespace
}  // namespace muster::rules::test
