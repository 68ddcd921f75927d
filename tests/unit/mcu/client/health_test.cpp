// What the device measured, against a dumb twin, and the recovery policy against the Linux agent's under the same
// readings.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "edge-client/agent/recovery.h"
#include "mcu-client/src/health/policy.h"
#include "mcu-client/src/health/readings.h"
#include "rules/condition/compile.h"
#include "tests/support/long_form.h"
#include "tests/unit/mcu/client/board.h"

namespace muster::mcu::testing {
namespace {

constexpr const char* names[] = {"accuracy", "drift"};
constexpr std::uint32_t window_ms = 60000;

bool is_missing(const Readings& readings, const char* name) {
  return readings.lookup(name).type == rules::Value::Type::missing;
}

// Keeps every duration and counts.
float percentile_of(std::vector<std::uint32_t> durations_us, unsigned percent) {
  if (durations_us.empty()) return -1;
  std::sort(durations_us.begin(), durations_us.end());
  std::size_t rank = 1;
  while (rank * 100 < durations_us.size() * percent) ++rank;
  const double wanted_ms = durations_us[rank - 1] / 1000.0;
  double low = 0;
  double high = 0.25;
  for (int i = 1; i < static_cast<int>(latency_buckets) && wanted_ms >= high; ++i) {
    low = high;
    high *= 2;
  }
  std::size_t below = 0;
  std::size_t inside = 0;
  for (const auto duration : durations_us) {
    const double ms = duration / 1000.0;
    below += ms < low ? 1u : 0u;
    inside += ms >= low && ms < high ? 1u : 0u;
  }
  return static_cast<float>(low + (high - low) * static_cast<double>(rank - below) / static_cast<double>(inside));
}

TEST(McuReadings, PercentilesAgreeWithATwinThatKeepsEverySample) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 chance(seed);
  for (unsigned round = 0; round < muster::testing::size_for(200u, 5000u); ++round) {
    Readings readings;
    std::vector<std::uint32_t> now;
    std::vector<std::uint32_t> both;
    for (int window = 0; window < 3; ++window) {
      now.clear();
      const auto count = chance() % 150;
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto duration = static_cast<std::uint32_t>(chance() % (std::uint64_t{1} << (chance() % 31)));
        readings.inference(duration);
        now.push_back(duration);
        both.push_back(duration);
      }
      for (const unsigned percent : {1u, 50u, 95u, 99u}) {
        const auto want = percentile_of(now, percent);
        ASSERT_NEAR(readings.percentile_ms(percent), want, std::fabs(want) * 1e-5f);
        const auto want_both = percentile_of(both, percent);
        ASSERT_NEAR(readings.percentile_ms(percent, true), want_both, std::fabs(want_both) * 1e-5f);
      }
      ASSERT_EQ(is_missing(readings, "p99_ms"), both.empty());
      readings.next_window();
      both = now;
    }
  }
}

TEST(McuReadings, GaugesGrowStaleAndCountersCoverTwoWindows) {
  Readings readings;
  readings.name_metrics(names, 2);
  EXPECT_TRUE(is_missing(readings, "accuracy"));
  readings.sample(0, 0.5f);
  readings.sample(7, 1.0f);
  readings.drop_frames(3);
  EXPECT_TRUE(is_missing(readings, "missing_inputs"));
  readings.set_missing_inputs(0);
  readings.set_missing_inputs(2);
  for (int window = 0; window < 3; ++window) {
    EXPECT_EQ(readings.lookup("accuracy").number, 0.5) << window;
    EXPECT_EQ(readings.lookup("missing_inputs").number, 2) << window;
    HealthFields fields;
    MetricFields metrics[task_metrics_max];
    readings.fill(fields, metrics);
    EXPECT_EQ(fields.missing_inputs, window == 0 ? 2 : -1);
    readings.next_window();
    EXPECT_EQ(readings.lookup("dropped_frames").number, window == 0 ? 3 : 0);
  }
  readings.next_window();
  EXPECT_TRUE(is_missing(readings, "accuracy"));
  EXPECT_TRUE(is_missing(readings, "missing_inputs"));
  readings.set_missing_inputs(1);
  readings.sample(0, 0.25f);
  EXPECT_EQ(readings.lookup("accuracy").number, 0.25);
  readings.reset();
  EXPECT_TRUE(is_missing(readings, "accuracy"));
  EXPECT_TRUE(is_missing(readings, "missing_inputs"));
  EXPECT_TRUE(is_missing(readings, "drift"));
  readings.set_crashes(4);
  EXPECT_EQ(readings.lookup("crash_loop_count").number, 4);
}

TEST(McuReadings, WhatIsNoNumberNeverReachesASummary) {
  Readings readings;
  readings.name_metrics(names, 2);
  const float infinite = std::numeric_limits<float>::infinity();
  const float most = std::numeric_limits<float>::max();
  readings.sample(0, 1.0f);
  for (const float bad : {std::nanf(""), infinite, -infinite}) readings.sample(0, bad);
  readings.sample(1, most);
  readings.sample(1, most);
  readings.set_load_time_ms(std::nanf(""));
  EXPECT_EQ(readings.lookup("accuracy").number, 1.0);
  readings.next_window();
  readings.sample(0, std::nanf(""));
  EXPECT_EQ(readings.lookup("accuracy").number, 1.0) << "the one before still counts";
  readings.sample(0, 2.0f);
  readings.sample(1, most);
  readings.sample(1, most);
  HealthFields fields;
  MetricFields metrics[task_metrics_max];
  readings.fill(fields, metrics);
  ASSERT_EQ(fields.metric_count, 2u);
  for (std::uint32_t i = 0; i < fields.metric_count; ++i) {
    EXPECT_TRUE(std::isfinite(metrics[i].sum) && std::isfinite(metrics[i].last) && std::isfinite(metrics[i].min));
  }
  EXPECT_EQ(metrics[0].count, 1u);
  EXPECT_EQ(fields.load_time_ms, -1);
}

// --- the policy ---

const char* const conditions[] = {
    "p99_ms > 100",          "accuracy < 0.5",     "dropped_frames > 10 && p50_ms > 5", "drift >= 3",
    "crash_loop_count >= 3", "!(accuracy >= 0.2)", "p95_ms > 20 || drift > 1"};

struct Config {
  std::vector<edge::RecoveryRule> rules;
  ReleaseSpec spec;
};

Config random_config(std::mt19937_64& chance) {
  Config made;
  made.spec.plane = Plane::config;
  made.spec.files = {{"policy", Bytes(64, 1)}};
  const auto count = chance() % (recovery_rules_max + 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    edge::RecoveryRule rule;
    rule.program =
        rules::compile_condition(conditions[chance() % std::size(conditions)], rules::recovery_vocabulary()).program;
    EXPECT_FALSE(rule.program.empty());
    rule.action = static_cast<wire::RecoveryAction>(1 + chance() % 5);
    if (chance() % 12 == 0) rule.program.back() = static_cast<std::uint8_t>(rule.program.back() ^ 0x55);
    made.rules.push_back(rule);
    made.spec.rules.emplace_back(rule.program, rule.action);
  }
  return made;
}

// Puts the release's manifest into slot A of the config plane.
void install(Board& board, const SignedRelease& release, SlotHeader& header) {
  const AlignedBytes envelope(release.blobs.at(release.assigned.envelope));
  const auto* payload = wire::GetEnvelope(envelope.view().data())->payload();
  const auto& area = board.layout().slots[2][0];
  header = SlotHeader{};
  header.plane = 2;
  header.manifest_size = static_cast<std::uint16_t>(payload->size());
  ASSERT_EQ(place_files(header, area), ok);
  ASSERT_EQ(erase_header(board.flash(), area), ok);
  ASSERT_EQ(fill(board.flash(), area, slot_header_size, payload->data(), payload->size()), ok);
  ASSERT_EQ(write_header(board.flash(), area, header), ok);
}

edge::ReadingList list_of(const Readings& readings) {
  edge::ReadingList list;
  for (const char* name : {"accuracy", "crash_loop_count", "drift", "dropped_frames", "p50_ms", "p95_ms", "p99_ms"}) {
    const auto value = readings.lookup(name);
    if (value.type != rules::Value::Type::missing) list.emplace_back(name, value.number);
  }
  return list;
}

struct Twins {
  RecoveryPolicy mine;
  edge::RecoveryPolicy theirs;
  Readings readings;
  std::uint64_t now_ms = 1000;

  explicit Twins(Board& board) : mine(board.flash()) { readings.name_metrics(names, 2); }

  void measure(std::mt19937_64& chance) {
    for (std::uint64_t i = chance() % 4; i > 0; --i) readings.inference(static_cast<std::uint32_t>(chance() % 200000));
    if (chance() % 3 == 0) readings.sample(0, static_cast<float>(chance() % 100) / 100);
    if (chance() % 5 == 0) readings.sample(1, static_cast<float>(chance() % 5));
    if (chance() % 5 == 0) readings.drop_frames(static_cast<std::uint32_t>(chance() % 10));
    if (chance() % 40 == 0) readings.set_crashes(static_cast<std::uint32_t>(chance() % 5));
    if (chance() % 30 == 0) readings.next_window();
    if (chance() % 200 == 0) readings.reset();
  }
  void meddle(std::mt19937_64& chance) {
    if (chance() % 150 == 0) {
      mine.rearm(now_ms);
      theirs.rearm(now_ms);
    }
    if (chance() % 150 != 0) return;
    const auto action = static_cast<wire::RecoveryAction>(chance() % 6);
    ASSERT_EQ(mine.expect_clear(action, now_ms, window_ms), theirs.expect_clear(action, now_ms, window_ms));
  }
  // The decision, which both must take.
  void judge(edge::RecoveryPolicy::Decision& decision) {
    const auto verdict = mine.evaluate(readings, now_ms, window_ms);
    const auto wanted = theirs.evaluate(list_of(readings), now_ms, window_ms);
    decision = wanted.decision;
    ASSERT_EQ(static_cast<int>(verdict.decision), static_cast<int>(wanted.decision));
    ASSERT_TRUE(wanted.rule == nullptr || verdict.action == wanted.rule->action);
  }
};

TEST(McuPolicy, DecidesAsTheLinuxAgentDoes) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const test::Fleet fleet;
  std::set<edge::RecoveryPolicy::Decision> seen;
  for (unsigned round = 0; round < muster::testing::size_for(40u, 1000u); ++round) {
    SCOPED_TRACE(round);
    std::mt19937_64 chance(seed + round);
    Board board;
    const auto config = random_config(chance);
    SlotHeader header;
    install(board, sign(config.spec, fleet.release_keys[0]), header);
    Twins twins(board);
    alignas(8) std::uint8_t work[8192];
    const auto refused = twins.mine.load(&board.layout().slots[2][0], header, work, sizeof work, twins.now_ms);
    ASSERT_EQ(static_cast<std::size_t>(refused), twins.theirs.load(config.rules));
    twins.theirs.rearm(twins.now_ms);  // as the agent does after it has loaded them
    for (int step = 0; step < 400; ++step) {
      twins.now_ms += chance() % 4 == 0 ? chance() % 30000 : 1000;
      twins.measure(chance);
      twins.meddle(chance);
      auto decision = edge::RecoveryPolicy::Decision::go_on;
      twins.judge(decision);
      ASSERT_FALSE(HasFailure());
      seen.insert(decision);
    }
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(McuPolicy, WithoutAReleaseThereAreNoRulesAndWhatIsTooLongIsSaid) {
  const test::Fleet fleet;
  std::mt19937_64 chance(3);
  Board board;
  SlotHeader header;
  auto config = random_config(chance);
  config.spec.provenance = 500;
  install(board, sign(config.spec, fleet.release_keys[0]), header);
  RecoveryPolicy policy(board.flash());
  alignas(8) std::uint8_t work[4096];
  EXPECT_EQ(policy.load(&board.layout().slots[2][0], header, work, 64, 0), err_too_long);
  EXPECT_EQ(policy.count(), 0u);
  EXPECT_GE(policy.load(&board.layout().slots[2][0], header, work, sizeof work, 0), 0);
  EXPECT_EQ(policy.load(nullptr, header, work, sizeof work, 0), ok);
  EXPECT_EQ(policy.count(), 0u);
  const Readings nothing_measured;
  EXPECT_EQ(policy.evaluate(nothing_measured, 1000, window_ms).decision, RecoveryPolicy::Decision::go_on);
}

}  // namespace
}  // namespace muster::mcu::testing
