#include "rules/config/load_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;

const char* const minimal =
    "rollout: r\n"
    "targets: true\n"
    "versions: { model: m@1 }\n"
    "waves: [{ name: all, percent: 100 }]\n";

std::string with(std::string_view more) {
  return minimal + std::string(more);
}
std::string with_waves(std::string_view waves) {
  return "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves:\n" + std::string(waves);
}

TEST(LoadRule, DefaultsAreTheDocumentedOnes) {
  const LoadedRule loaded = load_rule(minimal, "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  const Rule& rule = *loaded.rule;
  EXPECT_EQ(rule.rollout, "r");
  EXPECT_EQ(rule.seed, 0u);
  EXPECT_EQ(rule.targets_text, "true");
  EXPECT_EQ(disassemble(rule.targets), "0 true\n");
  EXPECT_EQ(rule.halt_failed_devices, 1u);
  EXPECT_EQ(rule.unreachable_after_s, 60u);
  EXPECT_EQ(rule.attempt_timeout_s, 3600u);
  EXPECT_EQ(rule.on_abort, AbortDefault::keep);
  EXPECT_EQ(rule.keep_previous_for_s, 0u);
  EXPECT_TRUE(rule.guardrails.empty());
  EXPECT_EQ(rule.baseline_window_s, 3600u);
  EXPECT_EQ(rule.rollback_first, std::nullopt);
  ASSERT_EQ(rule.waves.size(), 1u);
  EXPECT_EQ(rule.waves[0].gate, Gate::automatic);
  EXPECT_EQ(rule.waves[0].soak_s, 0u);
}

TEST(LoadRule, EveryKeyArrives) {
  const LoadedRule loaded = load_rule(
      "rollout: line-2\n"
      "seed: 18446744073709551615\n"
      "targets: device.region == 'eu'\n"
      "versions: { config: c@2, model: m@1.0, firmware: f@3 }\n"
      "order: [model, firmware, config]\n"
      "waves:\n"
      "  - { name: inner, ring: '\"lab\" in device.tags', gate: manual, approvers: 2, soak: 2d }\n"
      "  - { name: some, percent: 30, gate: auto, soak: 90m }\n"
      "halt: { failed_devices: 5 }\n"
      "rollback: { on_abort: revert, keep_previous_for: 14d }\n"
      "unreachable_after: 2h\n"
      "attempt_timeout: 45s\n",
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  const Rule& rule = *loaded.rule;
  EXPECT_EQ(rule.seed, UINT64_MAX);
  ASSERT_EQ(rule.versions.size(), 3u);
  EXPECT_EQ(rule.versions[0].plane, Plane::model);
  EXPECT_EQ(rule.versions[0].name + "@" + rule.versions[0].version, "m@1.0");
  EXPECT_EQ(rule.versions[1].plane, Plane::firmware);
  EXPECT_EQ(rule.versions[2].plane, Plane::config);
  ASSERT_EQ(rule.waves.size(), 2u);
  EXPECT_EQ(rule.waves[0].percent, 0u);
  EXPECT_EQ(rule.waves[0].ring_text, "\"lab\" in device.tags");
  EXPECT_FALSE(rule.waves[0].ring.empty());
  EXPECT_EQ(rule.waves[0].gate, Gate::manual);
  EXPECT_EQ(rule.waves[0].approvers, 2u);
  EXPECT_EQ(rule.waves[0].soak_s, 2u * 86400);
  EXPECT_EQ(rule.waves[1].percent, 30u);
  EXPECT_EQ(rule.waves[1].soak_s, 5400u);
  EXPECT_EQ(rule.halt_failed_devices, 5u);
  EXPECT_EQ(rule.unreachable_after_s, 7200u);
  EXPECT_EQ(rule.attempt_timeout_s, 45u);
  EXPECT_EQ(rule.on_abort, AbortDefault::revert);
  EXPECT_EQ(rule.keep_previous_for_s, 14u * 86400);
}

TEST(LoadRule, WithoutOrderFirmwareComesBeforeModelBeforeConfig) {
  const LoadedRule loaded = load_rule(
      "rollout: r\ntargets: true\nversions: { config: c@1, model: m@1, firmware: f@1 }\nwaves: [{ name: all, percent: "
      "100 }]\n",
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.rule->versions[0].plane, Plane::firmware);
  EXPECT_EQ(loaded.rule->versions[1].plane, Plane::model);
  EXPECT_EQ(loaded.rule->versions[2].plane, Plane::config);
}

TEST(LoadRule, AnErrorLeavesNoRule) {
  const LoadedRule loaded = load_rule(with("sed: 1\n"), "r");
  EXPECT_FALSE(loaded.rule);
  EXPECT_EQ(lines_of(loaded.diagnostics), "r:5:1: unknown key 'sed' in a rule; did you mean 'seed'?\n");
}

TEST(LoadRule, WavesThatCanNotBeReached) {
  EXPECT_THAT(rule_errors(with_waves("- { name: a, percent: 100 }\n- { name: b, percent: 100 }\n")),
              HasSubstr("r:6:23: this wave is never reached"));
  EXPECT_THAT(rule_errors(with_waves("- { name: a, percent: 50 }\n- { name: b, percent: 50 }\n")),
              HasSubstr("adds no device"));
  EXPECT_THAT(rule_errors(with_waves("- { name: a, percent: 100 }\n- { name: b, ring: 'true' }\n")),
              HasSubstr("this wave is never reached"));
  EXPECT_THAT(rule_errors(with_waves("- { name: a, percent: 50 }\n- { name: a, percent: 60 }\n")),
              HasSubstr("two waves are called a"));
  EXPECT_THAT(rule_errors(with_waves("- { name: a }\n")), HasSubstr("without 'percent', 'devices' or 'ring'"));
  EXPECT_THAT(rule_errors(with_waves("- { name: a, percent: 5, ring: 'true' }\n")),
              HasSubstr("both 'percent' and 'ring'"));
  EXPECT_EQ(rule_errors(with_waves("- { name: a, percent: 50 }\n")), "") << "a partial rollout is one";
}

// The example of design.md, with everything that it asks for.
TEST(LoadRule, TheExampleOfTheDesignLoads) {
  const LoadedRule loaded = load_rule(
      "rollout: yolo-v8n-2.1.0\n"
      "targets: device.class == \"rk3566\" && device.region in [\"eu\", \"us\"] && !(\"lab\" in device.tags)\n"
      "versions:\n"
      "  model: yolo-v8n@2.1.0\n"
      "  config: sorter@14\n"
      "order: [model, config]\n"
      "waves:\n"
      "  - { name: canary, percent: 10, gate: manual, soak: 24h }\n"
      "  - { name: half,   percent: 50, gate: auto }\n"
      "  - { name: all,    percent: 100 }\n"
      "halt: { failed_devices: 1 }\n"
      "guardrails:\n"
      "  - { name: latency,  metric: p95_ms, against: baseline, max_increase: 10%, tolerate: 5%, confidence: 99%, "
      "by: [class, region], on_fail: freeze_segment }\n"
      "  - { name: quality,  metric: edit_distance, against: control, max_increase: 3%, tolerate: 5%, "
      "confidence: 99%, on_fail: pause }\n"
      "rollback: { first: config, on_abort: revert, keep_previous_for: 14d }\n"
      "pace: { per_minute: 600, per_site: 2 }\n",
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  EXPECT_EQ(lines_of(loaded.diagnostics), "");
  EXPECT_EQ(loaded.rule->rollback_first, Plane::config);
  EXPECT_EQ(loaded.rule->keep_previous_for_s, 14u * 86400);
  EXPECT_EQ(loaded.rule->guardrails.size(), 2u);
}

// A rule that asks for protection that is not there must not load.
TEST(LoadRule, NothingRanBeforeAShadow) {
  EXPECT_THAT(rule_errors("rollout: r\ntargets: true\nversions: { model: m@1 }\nshadow: true\n"
                          "waves: [{ name: all, percent: 100, soak: 1h }]\nrollback: { keep_previous_for: 14d }\n"),
              HasSubstr("'keep_previous_for' of a shadow, which switches nothing"));
  EXPECT_THAT(rule_errors("rollout: r\ntargets: true\nversions: { model: m@1 }\nshadow: true\n"
                          "waves: [{ name: all, percent: 100, soak: 1h }]\n"
                          "guardrails: [{ name: npu, metric: delegate_active }]\n"),
              HasSubstr("guardrail npu judges delegate_active, which no summary says of a shadow"));
  EXPECT_THAT(rule_errors(with("rollback: { keep_previous_for: soon }\n")), HasSubstr("is not a duration"));
  EXPECT_THAT(rule_errors(with("rollback: { keep_previous_for: 0s }\n")), HasSubstr("is out of range"));
}

// Where a file says when to halt, what it does not say is no limit.
TEST(LoadRule, ApproversNeedAGate) {
  EXPECT_EQ(rule_errors("rollout: r\ntargets: true\nversions: { model: m@1 }\n"
                        "waves: [{ name: all, percent: 100, approvers: 2 }]\n"),
            "r:4:47: 'approvers' in a wave that nobody approves; gate: manual beside it, or remove it\n");
}

TEST(LoadRule, HaltsByTheLimitsThatTheFileSays) {
  const auto halt = [](std::string_view limits) {
    const LoadedRule loaded = load_rule(with("halt: { " + std::string(limits) + " }\n"), "r");
    EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
    const Rule rule = loaded.rule.value_or(Rule());
    return std::vector<std::uint32_t>{rule.halt_failed_devices, rule.halt_failed_ppm, rule.halt_failed_in_a_row};
  };
  EXPECT_THAT(halt("failed_devices: 7"), testing::ElementsAre(7, 0, 0));
  EXPECT_THAT(halt("failed_percent: 2.5%"), testing::ElementsAre(0, 25'000, 0));
  EXPECT_THAT(halt("failed_percent: 100%"), testing::ElementsAre(0, 1'000'000, 0));
  EXPECT_THAT(halt("failed_in_a_row: 3"), testing::ElementsAre(0, 0, 3));
  EXPECT_THAT(halt("failed_devices: 9, failed_percent: 1%, failed_in_a_row: 2"), testing::ElementsAre(9, 10'000, 2));
  EXPECT_EQ(rule_errors(with("halt: {}\n")),
            "r:5:7: halt is empty; failed_devices, failed_percent or failed_in_a_row, or the key removed\n");
  EXPECT_THAT(rule_errors(with("halt: { failed_percent: 5 }\n")),
              HasSubstr("'5' for failed_percent has no percent sign"));
  EXPECT_THAT(rule_errors(with("halt: { failed_percent: 0% }\n")), HasSubstr("out of range"));
  EXPECT_EQ(rule_errors(with("halt: { failed_device: 5 }\n")),
            "r:5:9: unknown key 'failed_device' in halt; did you mean 'failed_devices'?\n");
}

TEST(LoadRule, ThePaceIsNoLimitWhereTheFileSaysNone) {
  EXPECT_FALSE(load_rule(minimal, "r").rule->pace.any());
  const LoadedRule loaded = load_rule(with("pace: { per_minute: 600, per_site: 2, at_once: 50, jitter: 5m }\n"), "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  Pace pace;
  pace.per_minute = 600;
  pace.per_site = 2;
  pace.at_once = 50;
  pace.jitter_s = 300;
  EXPECT_TRUE(loaded.rule->pace == pace);
  EXPECT_EQ(rule_errors(with("pace: {}\n")),
            "r:5:7: pace is empty; per_minute, per_site, at_once or jitter, or the key removed\n");
  EXPECT_THAT(
      rule_errors(with("pace: { per_minute: 10/s, jitter: 2d }\n")),
      testing::AllOf(HasSubstr("r:5:21: '10/s' for per_minute"), HasSubstr("r:5:35: jitter of 2d is out of range")));
}

TEST(LoadRule, TheFirstPlaneToGoBackIsOneOfTheRule) {
  const LoadedRule loaded = load_rule(with("rollback: { first: model }\n"), "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.rule->rollback_first, Plane::model);
  EXPECT_EQ(load_rule(minimal, "r").rule->rollback_first, std::nullopt);
  EXPECT_THAT(rule_errors(with("rollback: { first: modell }\n")), HasSubstr("did you mean 'model'?"));
  EXPECT_EQ(rule_errors(with("rollback: { first: config }\n")),
            "r:5:20: first names config, which is not in versions; a plane that versions names\n");
}

TEST(LoadRule, ConditionErrorsPointIntoTheValue) {
  const auto errors = [](std::string_view targets) {
    return rule_errors("rollout: r\ntargets: " + std::string(targets) +
                       "\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n");
  };
  EXPECT_THAT(errors("true && device.region > 3"), HasSubstr("r:2:32: a text (device.region) cannot be compared"));
  EXPECT_THAT(errors("\"device.site == \\\"é\\\" && x\""), HasSubstr("r:2:35: unknown name x"));
  EXPECT_THAT(errors("'device.site == ''a'' && x'"), HasSubstr("r:2:35: unknown name x"));
  EXPECT_THAT(errors("'\"é\" in device.tags && x'"), HasSubstr("r:2:33: unknown name x")) << "columns count characters";
  EXPECT_THAT(errors(">\n  true &&\n  x"), HasSubstr("r:2:10: unknown name x")) << "a block: its start";
  EXPECT_THAT(errors("true &&\n  x"), HasSubstr("r:2:10: unknown name x"));
}

TEST(LoadRule, DurationsAreWholeNumbersWithAUnit) {
  const struct {
    const char* text;
    bool good;
    std::uint64_t ms;
  } cases[] = {{"500ms", true, 500},
               {"90s", true, 90'000},
               {"15m", true, 900'000},
               {"24h", true, 86'400'000},
               {"14d", true, 1'209'600'000},
               {"0s", true, 0},
               {"18446744073709551615ms", true, UINT64_MAX},
               {"18446744073709551615s", false, 0},
               {"", false, 0},
               {"5", false, 0},
               {"s", false, 0},
               {"1.5h", false, 0},
               {"-1s", false, 0},
               {"5 s", false, 0},
               {"5S", false, 0},
               {"1h30m", false, 0}};
  for (const auto& c : cases) {
    std::uint64_t ms = 0;
    EXPECT_EQ(parse_duration_ms(c.text, ms), c.good) << c.text;
    EXPECT_EQ(ms, c.ms) << c.text;
  }
}

}  // namespace
}  // namespace muster::rules::test
