// Ids, chance, readings.
#include <gmock/gmock.h>

#include <cmath>

#include "rules/simulate/draws.h"
#include "rules/simulate/fleet_ids.h"
#include "rules/simulate/measuring.h"
#include "tests/unit/simulate/fixture.h"

namespace muster::rules::test {
namespace {

TEST(FleetIds, GoThroughTheGroupsAndBack) {
  const auto fleet = load_fleet(
                         "groups:\n"
                         "  - { ids: [dock-3, gw-17] }\n"
                         "  - { count: 3, ids: 'gw-##.eu', first_id: 99 }\n"
                         "  - { count: 2 }\n",
                         "f")
                         .fleet.value();
  const FleetIds ids(fleet);
  FleetIds::Buffer buffer;
  std::vector<std::string> all;
  for (FleetIds::Number device = 0; device < ids.size(); ++device) {
    all.emplace_back(ids.id(device, buffer));
    EXPECT_EQ(ids.find(all.back()), device);
  }
  EXPECT_THAT(all, ::testing::ElementsAre("dock-3", "gw-17", "gw-99.eu", "gw-100.eu", "gw-101.eu", "device-3-0000001",
                                          "device-3-0000002"));
  EXPECT_EQ(ids.find("gw-102.eu"), std::nullopt);
  EXPECT_EQ(ids.twice(), std::nullopt);
  EXPECT_EQ(ids.group_of(4), 1u);
}

TEST(FleetIds, AreFoundAmongMany) {
  DescribedFleet fleet;
  fleet.groups.push_back({200'000, {}, {{}, "gateway-", "", 9, 100'000'000}, {}});
  const FleetIds ids(fleet);
  EXPECT_EQ(ids.find("gateway-100199999"), 199'999u);
  EXPECT_EQ(ids.find("gateway-100200000"), std::nullopt);
}

// Means and spreads are those asked for, and every draw is its own.
TEST(Draws, AreSpreadAsTheySay) {
  const Draws draws(5), others(6);
  double sum = 0, squares = 0, shares = 0, lasting = 0;
  int hits = 0;
  constexpr std::uint32_t count = 20'000;
  for (std::uint32_t device = 0; device < count; ++device) {
    const double normal = draws.normal(device, Draws::levels);
    sum += normal;
    squares += normal * normal;
    shares += draws.share(device, Draws::link, 3);
    lasting += static_cast<double>(draws.lasting(3'600, device, Draws::link, 1));
    hits += draws.happens(30'000, device, Draws::faults) ? 1 : 0;
  }
  EXPECT_NEAR(sum / count, 0, 0.03);
  EXPECT_NEAR(squares / count, 1, 0.04);
  EXPECT_NEAR(shares / count, 0.5, 0.01);
  EXPECT_NEAR(lasting / count, 3'600, 120);
  EXPECT_NEAR(hits, 600, 100);
  EXPECT_EQ(draws.normal(7, Draws::noises, 2), Draws(5).normal(7, Draws::noises, 2));
  EXPECT_NE(draws.normal(7, Draws::noises, 2), draws.normal(7, Draws::noises, 3));
  EXPECT_NE(draws.normal(7, Draws::noises, 2), draws.normal(8, Draws::noises, 2));
  EXPECT_NE(draws.normal(7, Draws::noises, 2), others.normal(7, Draws::noises, 2));
}

TEST(Measuring, ADeviceHasItsLevelAndFaultsChangeIt) {
  const auto simulation = simulation_of(
      plain_rule +
          "guardrails:\n  - { name: a, metric: p95_ms, against: baseline, max_increase: 10% }\n"
          "  - { name: b, metric: words, against: baseline, max_increase: 10% }\n  - { name: c, metric: "
          "delegate_active }\n",
      "groups: [{ count: 9, class: gateway, metrics: { p95_ms: { mean: 80, spread: 10%, noise: 0% }, words: 3, "
      "cpu_percent: "
      "9, delegate_active: npu } }]\n",
      {"reader@2: p95_ms +50%", "reader@2: words missing", "reader@2: delegate_active = cpu", "reader@2: p95_ms = 7"});
  const Draws draws(1);
  const Measuring measuring(simulation, draws);
  Readings one, other;
  measuring.read({4, 0, 0, 1, 1}, one);
  measuring.read({5, 0, 0, 1, 1}, other);
  EXPECT_NE(one.of(Reading::p95_ms), other.of(Reading::p95_ms));
  EXPECT_EQ(one.delegate_active, "npu");
  ASSERT_EQ(one.tasks.size(), 1u);
  EXPECT_TRUE(std::isnan(one.of(Reading::cpu_percent))) << "nobody judges it";
  measuring.read({4, 0, 0b0111, 2, 1}, other);
  EXPECT_DOUBLE_EQ(other.of(Reading::p95_ms), 1.5 * one.of(Reading::p95_ms));
  EXPECT_EQ(other.delegate_active, "cpu");
  EXPECT_TRUE(other.tasks.empty());
  measuring.read({4, 0, 0b1000, 2, 1}, other);
  EXPECT_EQ(other.of(Reading::p95_ms), 7);
}

TEST(Measuring, AFaultMaySetWhatNoiseMayNot) {
  const auto simulation = simulation_of(
      plain_rule +
          "guardrails: [{ name: a, metric: temperature_c, min: -10 }, { name: b, metric: thermal, max: fair }]\n",
      "groups: [{ count: 9, class: gateway, metrics: { temperature_c: 20 } }]\n",
      {"reader@2: temperature_c = -40", "reader@2: thermal = serious"});
  const Draws draws(1);
  const Measuring measuring(simulation, draws);
  Readings readings;
  measuring.read({4, 0, 0b11, 1, 1}, readings);
  EXPECT_EQ(readings.of(Reading::temperature_c), -40);
  EXPECT_EQ(readings.of(Reading::thermal), 3);
}

// What a rule judges does not change the world in which it is tried.
TEST(Measuring, AnotherGuardrailChangesNothing) {
  const std::string fleet = "groups: [{ count: 9, class: gateway, metrics: { p95_ms: 80, edit_distance: 0.05 } }]\n";
  const std::string one = "  - { name: a, metric: edit_distance, max: 1 }\n";
  const auto alone = simulation_of(plain_rule + "guardrails:\n" + one, fleet);
  const auto both = simulation_of(plain_rule + "guardrails:\n  - { name: b, metric: p95_ms, max: 100 }\n" + one, fleet);
  const Draws draws(1);
  const Measuring first(alone, draws), second(both, draws);
  Readings one_reading, other;
  for (std::uint32_t device = 0; device < 9; ++device) {
    first.read({device, 0, 0, 1, 1}, one_reading);
    second.read({device, 0, 0, 1, 1}, other);
    ASSERT_EQ(one_reading.tasks.size(), 1u);
    ASSERT_EQ(other.tasks.size(), 1u);
    EXPECT_EQ(one_reading.tasks[0].value, other.tasks[0].value);
  }
}

}  // namespace
}  // namespace muster::rules::test
