// Metrics that are probably misspelt: warned of, because any name may be a task metric.
#include "rules/config/metric_doubts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> doubts(const std::string& guardrail) {
  const LoadedRule loaded = load_rule(
      "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\nguardrails:\n  - { "
      "name: g, " +
          guardrail + " }\n",
      "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  return metric_doubts(loaded.rule.value_or(Rule()));
}

TEST(MetricDoubts, SayWhatWasProbablyMeant) {
  EXPECT_THAT(doubts("metric: p95, max: 1"),
              ElementsAre("guardrail g judges p95, which is no standard key: did you mean p95_ms? As a task metric it "
                          "gets votes only where the workload sends p95"));
  for (const auto& [name, meant] : {std::pair("latency_p95", "p95_ms"), {"ram_mb", "peak_ram_mb"}}) {
    EXPECT_THAT(doubts(std::string("max: 1, metric: ") + name),
                ElementsAre(::testing::HasSubstr(std::string("did you mean ") + meant + "?")));
  }
}

TEST(MetricDoubts, AreNoneOfWhatIsMeant) {
  for (const char* guardrail : {"metric: p95_ms, max: 1", "metric: thermal, max: fair", "metric: delegate_active",
                                "metric: edit_distance, max: 1", "when: p95 > 1"}) {
    EXPECT_THAT(doubts(guardrail), IsEmpty()) << guardrail;
  }
}

TEST(MetricDoubts, AreNoneInTheExamples) {
  for (const auto& entry : std::filesystem::directory_iterator("rules/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto loaded = load_rule(read_whole(entry.path().string()), "r");
    ASSERT_TRUE(loaded.rule) << entry.path();
    EXPECT_THAT(metric_doubts(*loaded.rule), IsEmpty()) << entry.path();
  }
}

}  // namespace
}  // namespace muster::rules::test
