// A rule that is written out and read again is the same rule.
#include "rules/config/write_rule.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "rules/config/load_rule.h"
#include "rules/config/percent.h"
#include "tests/support/long_form.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

void expect_same(const std::string& text, const std::string& name) {
  const LoadedRule loaded = load_rule(text, name);
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics) << text;
  const std::string written = write_rule(*loaded.rule);
  const LoadedRule again = load_rule(written, name);
  ASSERT_TRUE(again.rule) << lines_of(again.diagnostics) << written;
  EXPECT_TRUE(*again.rule == *loaded.rule) << text << "\nwas written as\n" << written;
  EXPECT_EQ(again.preset, "") << "a preset is left in\n" << written;
  EXPECT_EQ(write_rule(*again.rule), written);
}

TEST(WriteRule, ExamplesComeBack) {
  for (const auto& entry : std::filesystem::directory_iterator("rules/examples")) {
    if (entry.path().extension() == ".yaml") expect_same(read_whole(entry.path().string()), entry.path().string());
  }
}

TEST(WriteRule, LooksLikeARuleThatAPersonWrote) {
  const LoadedRule loaded = load_rule(
      "rollout: reader-4\ntargets: device.class == \"gateway\" # all\nversions: { config: c@2, model: m@1 }\n"
      "order: [config, model]\nstrategy: regional\nregions: [eu, us]\nsoak: 2h\n"
      "halt: { failed_devices: 3 }\n"
      "guardrails: [{ name: quality, metric: edit_distance, against: baseline, max_increase: 20%, by: [region] }]\n"
      "rollback: { first: config, keep_previous_for: 14d }\n",
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  EXPECT_EQ(write_rule(*loaded.rule),
            "rollout: reader-4\n"
            "targets: 'device.class == \"gateway\"'\n"
            "versions:\n"
            "  config: c@2\n"
            "  model: m@1\n"
            "order: [config, model]\n"
            "waves:\n"
            "  - { name: eu, ring: 'device.region == \"eu\"', gate: manual, soak: 2h }\n"
            "  - { name: us, ring: 'device.region == \"us\"', gate: auto, soak: 2h }\n"
            "halt: { failed_devices: 3 }\n"
            "guardrails:\n"
            "  - { name: quality, metric: edit_distance, against: baseline, max_increase: 20%, by: [region] }\n"
            "rollback: { first: config, keep_previous_for: 14d }\n");
}

// Names that YAML reads as something else, and conditions that are hard to quote.
TEST(WriteRule, OddTextsComeBack) {
  for (const char* const name : {"null", "NULL", "-", "--", "-a", "true", "007", "1e3", "_", "no"}) {
    expect_same("rollout: '" + std::string(name) + "'\ntargets: true\nversions: { model: '" + name + "@" + name +
                    "' }\nwaves: [{ name: '" + name + "', percent: 100 }]\nguardrails: [{ name: '" + name +
                    "', metric: '" + name + "', max: 1 }]\n",
                name);
  }
  for (const char* const targets :
       {"'device.site == ''a'' && \"it''s\" in device.tags'", "\"device.site == \\\"a\\\\\\\\b\\\"\"",
        "|\n  device.site == \"a\" &&\n  \"lab\" in device.tags", "\"true\\t&&\\r\\n device.site == \\\"a\\\\tb\\\"\"",
        "'!(\"é\" in device.tags)'", "false"}) {
    expect_same("rollout: r\ntargets: " + std::string(targets) +
                    "\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n",
                targets);
  }
}

TEST(WriteRule, LimitsComeBackExactly) {
  for (const char* const fields :
       {"metric: p95_ms, max: 0.1", "metric: p95_ms, max: 1e-7", "metric: p95_ms, min: -999999999",
        "metric: crash_count, max: 1000000", "metric: error_code", "metric: thermal, max: nominal",
        "metric: thermal, max: serious", "metric: delegate_active", "when: p95_ms > 180 && crash_count > 0",
        "metric: p95_ms, against: baseline, max_increase: 0.0001%",
        "metric: p95_ms, against: control, max_increase: 10000%",
        "metric: p95_ms, against: baseline, max_decrease: 99.9999%",
        "metric: p95_ms, max: 1, tolerate: 0.0001%, confidence: 50.0001%, by: [site, class], on_fail: freeze_segment",
        "metric: p95_ms, max: 1, observe: 1s, silent_after: 90m, on_inconclusive: { advance_after: 90d }"}) {
    expect_same(
        "rollout: r\ntargets: true\nversions: { model: m@1 }\n"
        "waves: [{ name: some, percent: 10 }, { name: all, percent: 100 }]\nguardrails: [{ name: g, " +
            std::string(fields) + " }]\n",
        fields);
  }
}

TEST(WriteRule, ApproversComeBack) {
  const std::string text =
      "rollout: r\ntargets: true\nversions: { model: m@1 }\n"
      "waves: [{ name: few, percent: 10, gate: manual, approvers: 3 }, { name: all, percent: 100 }]\n";
  expect_same(text, text);
}

TEST(WriteRule, HaltsAndPacesComeBack) {
  for (const char* const more :
       {"halt: { failed_devices: 1 }", "halt: { failed_devices: 1000000 }", "halt: { failed_percent: 0.0001% }",
        "halt: { failed_in_a_row: 1 }", "halt: { failed_devices: 1, failed_percent: 100%, failed_in_a_row: 5 }",
        "pace: { per_minute: 1 }", "pace: { per_site: 1, at_once: 10000000 }", "pace: { jitter: 1d }"}) {
    expect_same("rollout: r\ntargets: true\nversions: { model: m@1 }\nrisk: low\n" + std::string(more) + "\n", more);
  }
}

// Any percentage that can be written is read as the same share again.
TEST(WriteRule, EveryPercentageComesBack) {
  const auto seed = muster::testing::seed_or(20261124);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  std::string guardrails;
  for (int i = 0; i < 16; ++i) {
    guardrails += "- { name: g" + std::to_string(i) +
                  ", metric: p95_ms, against: baseline, max_increase: " + percent_text(1 + random() % 100'000'000) +
                  "%, tolerate: " + percent_text(1 + random() % 999'999) +
                  "%, confidence: " + percent_text(500'001 + random() % 499'999) + "% }\n";
  }
  expect_same("rollout: r\ntargets: true\nversions: { model: m@1 }\nrisk: high\nseed: " + std::to_string(random()) +
                  "\nbaseline_window: " + std::to_string(random() % 2'592'000) + "s\nguardrails:\n" + guardrails,
              "percentages");
}

}  // namespace
}  // namespace muster::rules::test
