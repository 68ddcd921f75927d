// What the error rates of guardrails are worth in whole rollouts, for each way in which a vote comes: with the others,
// at once when it is against, or long after all others.
#include <gmock/gmock.h>

#include <cmath>

#include "rules/engine/engine.h"
#include "tests/support/long_form.h"
#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

struct Way {
  const char* name;
  const char* guardrail;  // what is judged
  const char* fault;      // what makes a device exceed; "PERCENT" of them
};

// Half of 800 devices in the first wave, left by verdict alone.
const Way ways[] = {
    {"measured", "metric: p95_ms, against: baseline, max_increase: 10%", "p95_ms +50% on PERCENT"},
    {"against_control", "metric: p95_ms, against: control, max_increase: 10%", "p95_ms +50% on PERCENT"},
    {"crashes", "metric: crash_count", "crash_count = 1 on PERCENT"},
    {"condition", "when: 'crash_count > 0 && p95_ms > 1'", "crash_count = 1 on PERCENT"},
    {"other_delegate", "metric: delegate_active, against: baseline", "delegate_active = gpu on PERCENT"},
    {"vanishes", "metric: p95_ms, against: baseline, max_increase: 10%", "p95_ms missing on PERCENT"},
    {"hangs_while_it_changes", "metric: p95_ms, max: 200", "hangs PERCENT"},
    {"hangs_later", "metric: p95_ms, max: 200", "hangs PERCENT after 1m"},
};

Simulation simulation_with(const Way& way, const std::string& percent) {
  const auto rule =
      "rollout: r\ntargets: 'true'\nversions: { model: reader@2 }\nwaves:\n"
      "  - { name: first, percent: 50 }\n  - { name: all, percent: 100 }\n"
      "guardrails: [{ name: g, " +
      std::string(way.guardrail) + " }]\n";
  std::string fault = way.fault;
  fault.replace(fault.find("PERCENT"), 7, percent);
  return simulation_of(rule, "groups: [{ count: 800, class: gateway, metrics: { p95_ms: { mean: 80, noise: 2% } } }]\n",
                       {"reader@2: " + fault});
}

class ErrorRatesOfRollouts : public ::testing::TestWithParam<Way> {};

// Exactly as many exceed as are tolerated: no more than 1 % of the rollouts may be stopped for it, and none more than
// that may go on.
TEST_P(ErrorRatesOfRollouts, AreKeptAtTheBoundary) {
  const auto runs = muster::testing::size_for<std::uint64_t>(60, 1000);
  const auto simulation = simulation_with(GetParam(), "5%");
  std::uint64_t stopped = 0, went_on = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const auto result = run(simulation, seed() + i);
    stopped += result.stopped_s ? 1u : 0u;
    went_on += result.ran > 400 ? 1u : 0u;
  }
  printf("%s: of %llu rollouts %llu were stopped and %llu went on, at 5 %% tolerated and true\n", GetParam().name,
         static_cast<unsigned long long>(runs), static_cast<unsigned long long>(stopped),
         static_cast<unsigned long long>(went_on));
  const double promised = static_cast<double>(runs) / 100 + 0.3 * std::sqrt(runs);  // and three standard deviations
  EXPECT_LE(static_cast<double>(stopped), promised);
  EXPECT_LE(static_cast<double>(went_on), promised);
}

TEST_P(ErrorRatesOfRollouts, WhatIsFarBeyondIsStoppedAtItsFirstWave) {
  const auto simulation = simulation_with(GetParam(), "30%");
  for (std::uint64_t i = 0; i < muster::testing::size_for<std::uint64_t>(5, 100); ++i) {
    const auto result = run(simulation, seed() + i);
    EXPECT_TRUE(result.stopped_s) << timeline_of(result);
    EXPECT_LE(result.ran, 400u) << timeline_of(result);
  }
}

TEST_P(ErrorRatesOfRollouts, WhatIsFarBelowCompletes) {
  const auto simulation = simulation_with(GetParam(), "0.5%");
  for (std::uint64_t i = 0; i < muster::testing::size_for<std::uint64_t>(5, 100); ++i) {
    const auto result = run(simulation, seed() + i);
    EXPECT_FALSE(result.stopped_s) << timeline_of(result);
    EXPECT_EQ(result.status.state, RolloutState::completed) << timeline_of(result);
  }
}

INSTANTIATE_TEST_SUITE_P(Simulation, ErrorRatesOfRollouts, ::testing::ValuesIn(ways),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace muster::rules::test
