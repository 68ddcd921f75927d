// The helpers behind every figure: statistics with known answers, and the line of a measure with everything that may be
// wrong in it.
#include "tests/bench/lib/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "tests/bench/lib/statistics.h"

namespace muster::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Measure sample() {
  Measure measure{
      "ingest", "100 clients", "msg/s", "bare", {95, 190, 98}, {100, 200, 100}, {BudgetKind::ratio_min, 0.95}, "n"};
  return measure;
}

std::string changed(const std::string& key, const nlohmann::json& value) {
  auto json = nlohmann::json::parse(json_line(sample()));
  json[key] = value;
  return json.dump();
}

TEST(Statistics, MedianIsTheMiddleOne) {
  EXPECT_EQ(median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(median(std::vector<double>{4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median(std::vector<double>{7}), 7);
}

TEST(Statistics, QuantileIsAValueThatWasMeasured) {
  std::vector<double> values;
  for (int i = 200; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(quantile(values, 0.99), 198);
  EXPECT_EQ(quantile(values, 0.5), 100);
  EXPECT_EQ(quantile(values, 1), 200);
  EXPECT_EQ(quantile(values, 0), 1);
}

TEST(Statistics, SpreadAndGrowth) {
  const auto [least, most] = spread(std::vector<double>{5, 2, 9});
  EXPECT_EQ(least, 2);
  EXPECT_EQ(most, 9);
  EXPECT_NEAR(growth_exponent(1000, 3, 10'000, 30), 1, 1e-9);
  EXPECT_NEAR(growth_exponent(1000, 3, 10'000, 300), 2, 1e-9);
}

TEST(MeasureLine, IsReadBackAsItWas) {
  const auto parsed = parse_measure(json_line(sample()));
  EXPECT_EQ(parsed.fault, "");
  EXPECT_EQ(parsed.measure.measure, "ingest");
  EXPECT_THAT(parsed.measure.ours, ElementsAre(95, 190, 98));
  EXPECT_THAT(ratios(parsed.measure), ElementsAre(0.95, 0.95, 0.98));
  EXPECT_EQ(budget_text(parsed.measure), "≥ 0.95");
  EXPECT_EQ(json_line(parsed.measure), json_line(sample()));
}

TEST(MeasureLine, IsRefusedWhenItCannotBeAMeasurement) {
  EXPECT_NE(parse_measure("no json").fault, "");
  EXPECT_NE(parse_measure("{}").fault, "");
  EXPECT_THAT(parse_measure(changed("ours", nlohmann::json::array())).fault, HasSubstr("no round"));
  EXPECT_THAT(parse_measure(changed("peer", {1, 2})).fault, HasSubstr("as many rounds"));
  EXPECT_THAT(parse_measure(changed("ratio", {1, 1, 1})).fault, HasSubstr("of its round"));
  EXPECT_THAT(parse_measure(changed("ratio", {0.95})).fault, HasSubstr("one number a round"));
  EXPECT_THAT(parse_measure(changed("ours", {-1, 190, 98})).fault, HasSubstr("no measurement"));
  EXPECT_THAT(parse_measure(changed("budget_kind", "most")).fault, HasSubstr("budget_kind"));
  EXPECT_THAT(parse_measure(changed("budget", "≥ 0.5")).fault, HasSubstr("budget does not say"));
  EXPECT_THAT(parse_measure(changed("peer_name", "")).fault, HasSubstr("no name"));
}

TEST(Verdict, JudgesTheMedianAgainstTheBudget) {
  auto measure = sample();
  EXPECT_EQ(is_met(measure), true);
  measure.ours = {94, 188, 98};
  EXPECT_EQ(is_met(measure), false);
  measure.budget = {BudgetKind::ratio_max, 1.2};
  EXPECT_EQ(is_met(measure), true);
  measure.budget = {BudgetKind::ours_max, 97};
  EXPECT_EQ(is_met(measure), false);
  measure.budget = {BudgetKind::ours_min, 98};
  EXPECT_EQ(is_met(measure), true);
  measure.budget = {};
  EXPECT_EQ(is_met(measure), std::nullopt);
  EXPECT_EQ(budget_text(measure), "");
}

}  // namespace
}  // namespace muster::bench
