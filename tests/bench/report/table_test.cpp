// The table, and that docs/performance.md shows what docs/performance.json holds: nobody edits figures by hand.
#include "tests/bench/report/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace muster::bench {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Results sample() {
  Results results;
  results.date = "2026-11-21";
  results.rounds = 3;
  results.machine = {{"processor", "P"}};
  results.measures = {
      {"ingest", "QoS 1", "msg/s", "bare", {95, 190, 98}, {100, 200, 100}, {BudgetKind::ratio_min, 0.95}, "note"},
      {"hold", "idle", "ms", "", {11, 12, 12.5}, {}, {BudgetKind::ours_max, 10}, ""}};
  return results;
}

std::string file(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(Figures, AreShortAndReadable) {
  EXPECT_EQ(figure_text(0), "0");
  EXPECT_EQ(figure_text(0.012345), "0.0123");
  EXPECT_EQ(figure_text(1.2345), "1.23");
  EXPECT_EQ(figure_text(45.67), "45.7");
  EXPECT_EQ(figure_text(201'499), "201 000");
  EXPECT_EQ(figure_text(1'234'567), "1 230 000");
  EXPECT_EQ(spread_text({95, 190, 98}), "98.0 [95.0–190]");
}

TEST(Table, SaysWhatWasMissedAndByHowMuch) {
  const auto text = terminal_table(sample());
  EXPECT_THAT(text, HasSubstr("met"));
  EXPECT_THAT(text, HasSubstr("missed by 20 %"));
  EXPECT_THAT(text, EndsWith("1 of 2 budgets met; missed: hold, idle\n"));
  EXPECT_EQ(missed_count(sample()), 1u);
}

TEST(ResultsFile, IsReadBackAsItWas) {
  const auto json = to_json(sample());
  const auto parsed = parse_results(json);
  EXPECT_EQ(parsed.fault, "");
  EXPECT_EQ(to_json(parsed.results), json);
  auto measures = sample().measures;
  EXPECT_THAT(add_lines(json_line(measures[0]), measures), HasSubstr("measured twice"));
  EXPECT_EQ(measures.size(), 2u);
}

TEST(Document, TakesTheTableBetweenItsMarkers) {
  const auto document = "before\n" + std::string(section_begin) + "old\n" + std::string(section_end) + "after\n";
  const auto changed = with_section(document, "new\n");
  EXPECT_THAT(changed, StartsWith("before\n"));
  EXPECT_THAT(changed, EndsWith("after\n"));
  EXPECT_EQ(section_of(changed), "new\n");
  EXPECT_EQ(with_section("no markers", "new\n"), "");
}

TEST(Document, ShowsJudgedFiguresApartFromTheOthers) {
  auto results = sample();
  results.measures.push_back({"cpu", "QoS 1", "µs", "", {1, 2, 3}, {}, {}, ""});
  const auto text = markdown_section(results);
  EXPECT_THAT(text, HasSubstr("| processor | P |"));
  const auto others = text.find("Without a budget");
  ASSERT_NE(others, std::string::npos);
  EXPECT_LT(text.find("| hold, idle |"), others);
  EXPECT_GT(text.find("| cpu, QoS 1 |"), others);
}

// What the official run must have measured: all programs, by the beginnings of the rows that have a budget.
constexpr const char* official_rows[] = {"health summary",
                                         "engine: memory a device",
                                         "engine: repeated report",
                                         "engine: report that changes an attempt",
                                         "engine: start and open a wave of 10 %",
                                         "engine: restart from RocksDB",
                                         "guardrails: memory a device",
                                         "guardrails: summary before the update",
                                         "guardrails: summary after the update",
                                         "guardrails: report that changes an attempt",
                                         "guardrails: open a wave of 10 %",
                                         "guardrails: restart from RocksDB",
                                         "failing report to visible hold, p99",
                                         "health ingest",
                                         "opening a wave",
                                         "chunk transfer",
                                         "other clients during a chunk transfer",
                                         "memory of the agent",
                                         "verify speed",
                                         "flip",
                                         "local rollback",
                                         "update of a release on the local broker"};
constexpr std::size_t official_rounds_min = 5;
constexpr const char* how_to_measure =
    "on an idle machine, run: scripts/bench --out docs/performance.json && scripts/bench --markdown "
    "docs/performance.json";

TEST(Document, ShowsTheFiguresOfTheLastOfficialRun) {
  ASSERT_TRUE(std::ifstream("docs/performance.json")) << "docs/performance.json is missing; " << how_to_measure;
  const auto parsed = parse_results(file("docs/performance.json"));
  ASSERT_EQ(parsed.fault, "") << "docs/performance.json holds no results; " << how_to_measure;
  const auto& measures = parsed.results.measures;
  EXPECT_FALSE(parsed.results.quick) << "a smoke run proves nothing; " << how_to_measure;
  for (const auto& one : measures) {
    EXPECT_GE(one.ours.size(), official_rounds_min)
        << one.measure << " has too few rounds to be official; " << how_to_measure;
  }
  for (const std::string row : official_rows) {
    const auto is_row = [&](const Measure& one) { return one.measure.rfind(row, 0) == 0 && is_met(one).has_value(); };
    EXPECT_TRUE(std::any_of(measures.begin(), measures.end(), is_row))
        << "docs/performance.json has no '" << row << "' with a budget: it is of a part of the programs; "
        << how_to_measure;
  }
  EXPECT_EQ(section_of(file("docs/performance.md")), markdown_section(parsed.results))
      << "the figures in docs/performance.md are not those of docs/performance.json; run: scripts/bench --markdown "
         "docs/performance.json";
}

}  // namespace
}  // namespace muster::bench
