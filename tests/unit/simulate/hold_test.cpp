// Waves with a hold in simulated time: the devices wait there, and the simulation's operator lets them go on.
#include <gmock/gmock.h>

#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

using ::testing::HasSubstr;

const std::string fleet_of_forty = "groups:\n  - { count: 40, class: gateway, region: de, ids: gw-## }\n";
const std::string fleet_on_bad_links =
    "groups:\n  - { count: 40, class: gateway, region: de, ids: gw-##, link: { offline: 10%, offline_for: 5m } }\n";

std::string rule_with(const std::string& hold) {
  return "rollout: r\ntargets: device.class == \"gateway\"\nversions: { model: reader@2 }\n"
         "waves: [{ name: first, percent: 50, soak: 10m, hold: " +
         hold + " }, { name: all, percent: 100 }]\n";
}

TEST(SimulatedHolds, AreLetGoByTheOperator) {
  const auto plain = run(simulation_of(rule_with("none"), fleet_of_forty), seed());
  ASSERT_EQ(plain.status.state, RolloutState::completed) << timeline_of(plain);
  for (const auto* hold : {"before_swap", "before_commit"}) {
    SCOPED_TRACE(hold);
    const auto result = run(simulation_of(rule_with(hold), fleet_of_forty), seed());
    EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
    EXPECT_EQ(result.status.done, 40u);
    EXPECT_THAT(timeline_of(result), HasSubstr("and go on"));
    EXPECT_GE(*result.finished_s, *plain.finished_s + 600) << "ten minutes later";
    // Who was away hears of it on its return.
    const auto bad_links = run(simulation_of(rule_with(hold), fleet_on_bad_links), seed());
    EXPECT_EQ(bad_links.status.state, RolloutState::completed) << timeline_of(bad_links);
    EXPECT_EQ(bad_links.status.done + bad_links.status.unreachable, 40u);
  }
}

TEST(SimulatedHolds, StandStillWhenNobodyDoes) {
  auto simulation = simulation_of(rule_with("before_swap"), fleet_of_forty);
  simulation.approve_after_s.reset();
  const auto result = run(simulation, seed());
  EXPECT_EQ(result.end, RunResult::End::stands_still);
  EXPECT_GE(result.status.holding, 15u);
  EXPECT_EQ(result.status.done, 0u);
}

}  // namespace
}  // namespace muster::rules::test
