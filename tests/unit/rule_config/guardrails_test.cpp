// Guardrails as rule files write them: what arrives, what is assumed, what is refused. Golden files in bad/ have the
// texts of the errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <tuple>

#include "rules/condition/compile.h"
#include "rules/config/percent.h"
#include "schemas/limits.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Line 6 is the first guardrail.
std::string rule_with(std::string_view guardrails) {
  return "rollout: r\ntargets: true\nversions: { model: m@1 }\n"
         "waves: [{ name: canary, percent: 10 }, { name: all, percent: 100 }]\n"
         "guardrails:\n" +
         std::string(guardrails);
}
std::string item(std::string_view fields) {
  return "- { name: g, " + std::string(fields) + " }\n";
}
// The one guardrail with these fields.
Guardrail guardrail(std::string_view fields) {
  const LoadedRule loaded = load_rule(rule_with(item(fields)), "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  if (!loaded.rule) return {};
  EXPECT_EQ(loaded.rule->guardrails.size(), 1u);
  return loaded.rule->guardrails.front();
}
std::string errors(std::string_view fields) {
  return rule_errors(rule_with(item(fields)));
}

TEST(Guardrails, DefaultsAreTheDocumentedOnes) {
  const Guardrail g = guardrail("metric: p95_ms, max: 180");
  EXPECT_EQ(g.name, "g");
  EXPECT_EQ(g.metric, "p95_ms");
  EXPECT_THAT(g.when_text, IsEmpty());
  EXPECT_TRUE(g.when.empty());
  EXPECT_EQ(g.against, Against::absolute);
  EXPECT_EQ(g.limit, 180);
  EXPECT_FALSE(g.lower_is_worse);
  EXPECT_EQ(g.tolerate_ppm, 50'000u);
  EXPECT_EQ(g.error_ppm, 10'000u);
  EXPECT_THAT(g.by, IsEmpty());
  EXPECT_EQ(g.on_fail, OnFail::pause);
  EXPECT_EQ(g.observe_s, 600u);
  EXPECT_EQ(g.silent_after_s, 3600u);
  EXPECT_EQ(g.advance_after_s, 0u);
}

TEST(Guardrails, EveryKeyArrives) {
  const LoadedRule loaded = load_rule(
      rule_with("- { name: latency, metric: p95_ms, against: baseline, max_increase: 10%, tolerate: 2.5%,\n"
                "    confidence: 99.9%, by: [class, region, memory_tier], on_fail: freeze_segment, observe: 15m,\n"
                "    silent_after: 45s, on_inconclusive: { advance_after: 48h } }\n"
                "- { name: quality, metric: edit_distance, against: control, max_decrease: 0.5%, on_fail: rollback,\n"
                "    by: [site, tag.locale, os_version], on_inconclusive: hold }\n"
                "- { name: memory, when: gpu_oom_count > 2, on_fail: freeze_release }\n"
                "- { name: disk, metric: disk_free_mb, against: absolute, min: 512.5, on_fail: pause }\n"
                "baseline_window: 6h\n"),
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.rule->baseline_window_s, 6u * 3600);
  ASSERT_EQ(loaded.rule->guardrails.size(), 4u);
  const Guardrail& latency = loaded.rule->guardrails[0];
  EXPECT_EQ(latency.against, Against::baseline);
  EXPECT_EQ(latency.limit, 0.1);
  EXPECT_FALSE(latency.lower_is_worse);
  EXPECT_EQ(latency.tolerate_ppm, 25'000u);
  EXPECT_EQ(latency.error_ppm, 1'000u);
  EXPECT_THAT(latency.by, ElementsAre(Attribute::device_class, Attribute::region, Attribute::memory_tier));
  EXPECT_EQ(latency.on_fail, OnFail::freeze_segment);
  EXPECT_EQ(latency.observe_s, 900u);
  EXPECT_EQ(latency.silent_after_s, 45u);
  EXPECT_EQ(latency.advance_after_s, 48u * 3600);
  const Guardrail& quality = loaded.rule->guardrails[1];
  EXPECT_EQ(quality.metric, "edit_distance");
  EXPECT_EQ(quality.against, Against::control);
  EXPECT_EQ(quality.limit, 0.005);
  EXPECT_TRUE(quality.lower_is_worse);
  EXPECT_THAT(quality.by, ElementsAre(Attribute::site, SegmentKey("locale"), Attribute::os_version));
  EXPECT_EQ(quality.on_fail, OnFail::rollback);
  EXPECT_EQ(quality.advance_after_s, 0u);
  const Guardrail& memory = loaded.rule->guardrails[2];
  EXPECT_THAT(memory.metric, IsEmpty());
  EXPECT_EQ(memory.when_text, "gpu_oom_count > 2");
  EXPECT_EQ(memory.when, compile_condition(memory.when_text, recovery_vocabulary()).program);
  EXPECT_EQ(memory.against, Against::absolute);
  EXPECT_EQ(memory.on_fail, OnFail::freeze_release);
  const Guardrail& disk = loaded.rule->guardrails[3];
  EXPECT_EQ(disk.limit, 512.5);
  EXPECT_TRUE(disk.lower_is_worse);
}

TEST(Guardrails, StatesHaveLimitsOfTheirOwn) {
  for (const char* const state : {"error_code", "crash_count", "missing_inputs"}) {
    const Guardrail g = guardrail("metric: " + std::string(state));
    EXPECT_EQ(g.limit, 0) << state;
    EXPECT_EQ(g.against, Against::absolute) << state;
  }
  EXPECT_EQ(guardrail("metric: crash_count, max: 3").limit, 3);
  EXPECT_EQ(guardrail("metric: thermal, max: nominal").limit, 1);
  EXPECT_EQ(guardrail("metric: thermal, max: fair").limit, 2);
  EXPECT_EQ(guardrail("metric: thermal, max: serious, against: absolute").limit, 3);
  EXPECT_THAT(errors("metric: thermal"), HasSubstr("without a limit; max: nominal, fair or serious"));
}

TEST(Guardrails, TheDelegateIsComparedWithWhatItWas) {
  EXPECT_EQ(guardrail("metric: delegate_active").against, Against::baseline);
  EXPECT_EQ(guardrail("metric: delegate_active, against: baseline").against, Against::baseline);
  EXPECT_EQ(rule_errors(rule_with(item("metric: delegate_active") + "baseline_window: 2h\n")), "");
  EXPECT_THAT(errors("metric: delegate_active, against: control"), HasSubstr("delegate_active against control"));
}

// A task metric may have any name that the wire takes; a slip in a standard one would never have a verdict.
TEST(Guardrails, AnyOtherNameIsATaskMetric) {
  for (const char* const name : {"edit_distance", "p95", "camera.blur", "words-per-page", "p90_ms"}) {
    EXPECT_EQ(guardrail("metric: " + std::string(name) + ", max: 1").metric, name);
  }
  const std::string longest(limits::attribute_len_max, 'm');
  EXPECT_EQ(guardrail("metric: " + longest + ", max: 1").metric, longest);
  EXPECT_THAT(errors("metric: " + longest + "m, max: 1"), HasSubstr("cannot be the name of a metric"));
  EXPECT_THAT(errors("metric: dropped_frame, max: 1"), HasSubstr("did you mean dropped_frames?"));
  EXPECT_THAT(errors("metric: delegate_activ"), HasSubstr("did you mean delegate_active?"));
  EXPECT_THAT(errors("metric: inference_p99_ms, max: 1"), HasSubstr("metric: p99_ms"));
}

TEST(Guardrails, ControlNeedsTargetsThatTheFirstWaveLeaves) {
  const std::string guardrails = "guardrails: [{ name: g, metric: p95_ms, against: control, max_increase: 5% }]\n";
  const auto waves = [&](const char* text) {
    return rule_errors("rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: " + std::string(text) + "\n" +
                       guardrails);
  };
  EXPECT_EQ(waves("[{ name: all, percent: 100 }]"),
            "r:5:50: against: control in a rule whose first wave takes all targets; a smaller first wave, so that "
            "others are left to compare with; or against: baseline\n");
  EXPECT_EQ(waves("[{ name: most, percent: 99 }, { name: all, percent: 100 }]"), "");
  EXPECT_EQ(waves("[{ name: lab, ring: '\"lab\" in device.tags' }, { name: all, percent: 100 }]"), "");
}

TEST(Guardrails, AWaveIsNotLeftBeforeItsDevicesCanVote) {
  const auto with_soak = [](const char* wave) {
    return rule_errors("rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [" + std::string(wave) +
                       "]\nguardrails: [{ name: g, metric: p95_ms, max: 1, observe: 1h, "
                       "on_inconclusive: { advance_after: 3h } }]\n");
  };
  EXPECT_EQ(with_soak("{ name: all, percent: 100, soak: 119m }"), "");
  EXPECT_THAT(with_soak("{ name: all, percent: 100, soak: 2h }"),
              HasSubstr("advance_after of 3h is over before a device of wave all can have voted"));
  EXPECT_EQ(with_soak("{ name: all, percent: 100, soak: 2h, gate: manual }"), "") << "a person decides there";
}

TEST(Guardrails, TheBaselineWindowIsForComparing) {
  const auto with = [](const char* against) { return rule_errors(rule_with(item(against) + "baseline_window: 0s\n")); };
  EXPECT_EQ(with("metric: p95_ms, against: baseline, max_increase: 5%"), "");
  EXPECT_EQ(with("metric: p95_ms, against: control, max_increase: 5%"), "");
  EXPECT_EQ(with("metric: p95_ms, max: 5"),
            "r:7:18: no guardrail compares with what was before the update; baseline_window removed, or a guardrail "
            "against: baseline or control\n");
  EXPECT_THAT(with("metric: p95_ms, agains: baseline, max_increase: 5%"),
              testing::Not(HasSubstr("no guardrail compares")))
      << "one mistake, one error";
}

// --- percentages and numbers ---

TEST(Percent, EveryMillionthIsReadExactly) {
  for (std::uint64_t ppm = 0; ppm <= 1'000'000; ++ppm) {
    std::uint64_t read = UINT64_MAX;
    ASSERT_EQ(parse_percent_ppm(percent_text(ppm) + "%", read), PercentFault::none) << ppm;
    ASSERT_EQ(read, ppm);
  }
}

TEST(Percent, IsWrittenInOneWay) {
  const std::tuple<const char*, PercentFault, std::uint64_t> cases[] = {
      {"5%", PercentFault::none, 50'000},
      {"5.0%", PercentFault::none, 50'000},
      {"0.1%", PercentFault::none, 1'000},
      {"0.0001%", PercentFault::none, 1},
      {"99.9999%", PercentFault::none, 999'999},
      {"007%", PercentFault::none, 70'000},
      {"10000%", PercentFault::none, 100'000'000},
      {"99999999999999999999%", PercentFault::none, UINT64_MAX},
      {"1844674407370956%", PercentFault::none, UINT64_MAX},
      {"5", PercentFault::no_sign, 0},
      {"0.05", PercentFault::no_sign, 0},
      {"0.00001%", PercentFault::too_fine, 0},
      {"5.00000%", PercentFault::too_fine, 0},
      {"", PercentFault::not_percent, 0},
      {"%", PercentFault::not_percent, 0},
      {".5%", PercentFault::not_percent, 0},
      {"5.%", PercentFault::not_percent, 0},
      {"-5%", PercentFault::not_percent, 0},
      {"+5%", PercentFault::not_percent, 0},
      {"5 %", PercentFault::not_percent, 0},
      {"5%%", PercentFault::not_percent, 0},
      {"1e1%", PercentFault::not_percent, 0},
      {"5.1.2%", PercentFault::not_percent, 0},
      {"five", PercentFault::not_percent, 0}};
  for (const auto& [text, fault, ppm] : cases) {
    std::uint64_t read = 0;
    EXPECT_EQ(parse_percent_ppm(text, read), fault) << text;
    EXPECT_EQ(read, ppm) << text;
  }
  EXPECT_EQ(percent_text(50'000), "5");
  EXPECT_EQ(percent_text(995'000), "99.5");
  EXPECT_EQ(percent_text(1), "0.0001");
}

TEST(Guardrails, SharesAndChangesKeepTheirBounds) {
  const auto test = [](const std::string& text) { return guardrail("metric: p95_ms, max: 1, " + text); };
  EXPECT_EQ(test("tolerate: 0.0001%").tolerate_ppm, 1u);
  EXPECT_EQ(test("tolerate: 99.9999%").tolerate_ppm, 999'999u);
  EXPECT_EQ(test("tolerate: '10%'").tolerate_ppm, 100'000u);
  EXPECT_EQ(test("confidence: 50.0001%").error_ppm, 499'999u);
  EXPECT_EQ(test("confidence: 99.9999%").error_ppm, 1u);
  EXPECT_THAT(errors("metric: p95_ms, max: 1, confidence: 50%"), HasSubstr("a percentage from 50.0001% to 99.9999%"));
  const auto change = [](const std::string& text) {
    return guardrail("metric: p95_ms, against: baseline, " + text).limit;
  };
  EXPECT_EQ(change("max_increase: 0.0001%"), 1e-6);
  EXPECT_EQ(change("max_increase: 0.3%"), 0.003);
  EXPECT_EQ(change("max_increase: 10000%"), 100);
  EXPECT_EQ(change("max_decrease: 99.9999%"), 0.999999);
}

TEST(Guardrails, LimitsAreNumbers) {
  const auto limit = [](const std::string& text) { return guardrail("metric: edit_distance, " + text).limit; };
  EXPECT_EQ(limit("max: 0.35"), 0.35);
  EXPECT_EQ(limit("max: -20"), -20);
  EXPECT_EQ(limit("min: 1e3"), 1000);
  EXPECT_EQ(limit("max: 999999999"), 999'999'999);
  for (const char* const bad : {"nan", "inf", "1e10", "-1e10", "1e999", "0x10", "'1,5'", "10%", "+5", "''"}) {
    EXPECT_THAT(errors("metric: edit_distance, max: " + std::string(bad)), HasSubstr("a number from -999999999"))
        << bad;
  }
}

TEST(Guardrails, AsManyAsTheLimitAllows) {
  std::string items;
  for (std::size_t i = 0; i < limits::guardrails_max; ++i) {
    items += "- { name: g" + std::to_string(i) + ", metric: crash_count }\n";
  }
  EXPECT_EQ(rule_errors(rule_with(items)), "");
  EXPECT_THAT(rule_errors(rule_with(items + "- { name: more, metric: crash_count }\n")),
              HasSubstr("guardrails has 17 items; 1 to 16 items"));
}

}  // namespace
}  // namespace muster::rules::test
