// Rollouts in the shadow in simulated time: nothing is switched, and what a fault does shows beside what is active.
#include <gmock/gmock.h>

#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string shadow_rule =
    "rollout: r\ntargets: device.class == \"gateway\"\nversions: { model: reader@2 }\nshadow: true\n"
    "waves:\n"
    "  - { name: some, percent: 50, soak: 2h }\n"
    "  - { name: all, percent: 100, soak: 2h }\n";
const std::string judged_rule =
    shadow_rule +
    "halt: { failed_devices: 3 }\n"
    "guardrails: [{ name: quality, metric: edit_distance, against: baseline, max_increase: 20%, observe: 30m }]\n";

TEST(SimulatedShadows, SwitchNothingAndTakeTheirTime) {
  const auto result = run(simulation_of(shadow_rule, two_regions), seed());
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_EQ(result.status.done, 600u);
  EXPECT_EQ(result.ran, 600u);
  EXPECT_EQ(result.harmed, 0u);
  for (const auto& label : result.labels) EXPECT_EQ(label.runs, 0u) << label.label;
  EXPECT_GE(*result.finished_s, 2 * 7200u);
  EXPECT_LT(*result.finished_s, 3 * 7200u);
}

TEST(SimulatedShadows, ABadOneIsFoundAndHarmsNobody) {
  const auto good = run(simulation_of(judged_rule, two_regions), seed());
  EXPECT_EQ(good.status.state, RolloutState::completed) << timeline_of(good);
  EXPECT_GT(count_of(good, "guardrail.passed"), 0u);

  const auto bad = run(simulation_of(judged_rule, two_regions, {"reader@2: edit_distance +60%"}), seed());
  EXPECT_EQ(bad.status.state, RolloutState::halted) << timeline_of(bad);
  EXPECT_THAT(timeline_of(bad), HasSubstr("guardrail.failed"));
  EXPECT_LE(bad.ran, 300u) << "the first wave alone";
  EXPECT_EQ(bad.harmed, bad.ran) << "each shadow showed it";
  for (const auto& label : bad.labels) EXPECT_EQ(label.runs, 0u);
}

// A metric that the shadow has not is one that vanished; what is the device's is the device's in the shadow too.
TEST(SimulatedShadows, OneThatHangsSaysNothing) {
  const auto hung = run(simulation_of(judged_rule, two_regions, {"reader@2: hangs 30%"}), seed());
  EXPECT_EQ(hung.status.state, RolloutState::halted) << timeline_of(hung);
  EXPECT_EQ(hung.status.unreachable, 0u) << "the device is well";

  auto hot = judged_rule;
  hot.replace(hot.find("metric: edit_distance, against: baseline, max_increase: 20%"), 59,
              "metric: thermal, max: fair");
  const auto result = run(simulation_of(hot, two_regions, {"reader@2: thermal = serious on 40%"}), seed());
  EXPECT_EQ(result.status.state, RolloutState::halted) << timeline_of(result);
  EXPECT_THAT(timeline_of(result), HasSubstr("guardrail.failed"));
}

TEST(SimulatedShadows, OneThatEndsEarlyHasFailed) {
  const auto halted = run(simulation_of(judged_rule, two_regions, {"reader@2: fails 10% with probe_failed"}), seed());
  EXPECT_EQ(halted.status.state, RolloutState::halted);
  EXPECT_THAT(timeline_of(halted), HasSubstr("shadow_failed"));
  EXPECT_THAT(timeline_of(halted), Not(HasSubstr("probe_failed"))) << "of the shadow, whatever ends it";
  const auto later = run(simulation_of(shadow_rule, two_regions, {"reader@2: rolls_back 5% after 1h"}), seed());
  EXPECT_EQ(later.status.state, RolloutState::halted);
  EXPECT_THAT(timeline_of(later), HasSubstr("shadow_failed"));
  const auto never = run(simulation_of(shadow_rule, two_regions, {"reader@2: rolls_back 5% after 3h"}), seed());
  EXPECT_EQ(never.status.state, RolloutState::completed) << "its soak is over by then";
}

TEST(SimulatedShadows, ThatDoNotEndRunOutOfTime) {
  const auto result = run(simulation_of(shadow_rule, two_regions, {"reader@2: sticks 2%"}), seed());
  EXPECT_EQ(result.status.state, RolloutState::halted);
  EXPECT_THAT(timeline_of(result), HasSubstr("attempt_timeout"));
}

TEST(SimulatedShadows, GoOnWithoutALink) {
  const std::string fleet =
      "groups:\n  - { count: 200, class: gateway, region: de, ids: gw-###, link: { offline: 10%, offline_for: 5m } }\n";
  const auto result = run(simulation_of(shadow_rule, fleet), seed());
  EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  EXPECT_EQ(result.status.failed, 0u);
  EXPECT_EQ(result.status.done + result.status.unreachable, 200u);
}

TEST(SimulatedShadows, OpenNoWaveBeforeItsEarliestTime) {
  for (const auto& rule : {shadow_rule, judged_rule}) {
    const auto simulation = simulation_of(rule, two_regions);
    const auto earliest = earliest_openings(simulation);
    const auto result = run(simulation, seed());
    ASSERT_EQ(result.status.state, RolloutState::completed);
    for (std::size_t i = 0; i < earliest.size(); ++i) EXPECT_GE(*result.waves[i].opened_s, earliest[i]) << i;
    EXPECT_GE(earliest[1], 7200u);
  }
}

}  // namespace
}  // namespace muster::rules::test
