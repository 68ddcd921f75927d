// In which line of its file each clause of a rule stands.
#include "rules/engine/rule_lines.h"

#include <gtest/gtest.h>

#include "rules/config/load_rule.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

RuleLines lines_in(const std::string& text) {
  LoadedRule loaded = load_rule(text, "r");
  EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  return std::move(loaded.lines);
}

constexpr const char* spelt_out =
    "# a comment\n"
    "rollout: r\n"
    "priority: 3\n"
    "targets: true\n"
    "versions: { model: m@1 }\n"
    "waves:\n"
    "  - name: canary\n"
    "    percent: 10\n"
    "    gate: manual\n"
    "  - { name: half, percent: 50,\n"
    "      gate: auto }\n"
    "\n"
    "  - { name: all, percent: 100 }\n"
    "halt:\n"
    "  failed_devices: 5\n"
    "  failed_in_a_row: 3\n"
    "pace: { per_minute: 10 }\n"
    "retry: { attempts: 3 }\n"
    "windows:\n"
    "  - { from: '01:00', to: '05:00' }\n"
    "guardrails:\n"
    "  # another\n"
    "  - name: latency\n"
    "    metric: p95_ms\n"
    "    against: baseline\n"
    "    max_increase: 10%\n"
    "  - { name: crashes, metric: crash_count, against: absolute, max: 0 }\n"
    "baseline_window: 1h\n"
    "attempt_timeout: 45s\n"
    "rollback:\n"
    "  on_abort: revert\n";

TEST(RuleLinesInAFile, EachClauseHasItsOwn) {
  const auto lines = lines_in(spelt_out);
  EXPECT_EQ(lines.cite(Clause::priority), " (rule line 3)");
  EXPECT_EQ(lines.cite(Clause::wave, 0), " (rule line 7)");
  EXPECT_EQ(lines.cite(Clause::gate, 0), " (rule line 9)");
  EXPECT_EQ(lines.cite(Clause::wave, 1), " (rule line 10)");
  EXPECT_EQ(lines.cite(Clause::gate, 1), " (rule line 11)");
  EXPECT_EQ(lines.cite(Clause::wave, 2), " (rule line 13)");
  EXPECT_EQ(lines.cite(Clause::gate, 2),
            " (rule line 13)");  // the wave says nothing: it is the wave's that it has none
  EXPECT_EQ(lines.cite(Clause::failed_devices), " (rule line 15)");
  EXPECT_EQ(lines.cite(Clause::failed_percent), " (rule default)");
  EXPECT_EQ(lines.cite(Clause::failed_in_a_row), " (rule line 16)");
  EXPECT_EQ(lines.cite(Clause::pace), " (rule line 17)");
  EXPECT_EQ(lines.cite(Clause::retry), " (rule line 18)");
  EXPECT_EQ(lines.cite(Clause::windows), " (rule line 19)");
  EXPECT_EQ(lines.cite(Clause::guardrail, 0), " (rule line 23)");
  EXPECT_EQ(lines.cite(Clause::guardrail, 1), " (rule line 27)");
  EXPECT_EQ(lines.cite(Clause::baseline_window), " (rule line 28)");
  EXPECT_EQ(lines.cite(Clause::attempt_timeout), " (rule line 29)");
  EXPECT_EQ(lines.cite(Clause::on_abort), " (rule line 31)");
}

TEST(RuleLinesInAFile, LineEndsAndAByteOrderMarkChangeNone) {
  std::string text = "\xEF\xBB\xBF";
  for (const char c : std::string(spelt_out)) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(lines_in(text), lines_in(spelt_out));
}

TEST(RuleLinesInAFile, AWaveOfAStrategyIsThatOfItsItemOrOfTheStrategy) {
  const std::string head = "rollout: r\ntargets: true\nversions: { model: m@1 }\n";
  auto lines = lines_in(head + "strategy: regional\nregions:\n  - us\n  - eu\nrisk: low\n");
  EXPECT_EQ(lines.cite(Clause::wave, 0), " (rule line 6)");
  EXPECT_EQ(lines.cite(Clause::wave, 1), " (rule line 7)");
  EXPECT_EQ(lines.cite(Clause::gate, 0), " (rule line 8)");
  lines = lines_in(head + "risk: low\nstrategy: percentage\n");
  EXPECT_EQ(lines.cite(Clause::wave, 1), " (rule line 5)");
  EXPECT_EQ(lines.cite(Clause::gate, 1), " (rule line 4)");
  lines = lines_in(head + "risk: low\n");
  EXPECT_EQ(lines.cite(Clause::wave, 0), " (rule line 4)");
  EXPECT_EQ(lines.cite(Clause::gate, 0), " (rule line 4)");
  lines = lines_in(head + "strategy: percentage\n\ngate: manual\n");
  EXPECT_EQ(lines.cite(Clause::wave, 0), " (rule line 4)");
  EXPECT_EQ(lines.cite(Clause::gate, 0), " (rule line 6)");
}

TEST(RuleLinesInAFile, ARiskBesideWavesSetsTheGatesThatTheyDoNotSay) {
  const auto lines = lines_in(
      "rollout: r\ntargets: true\nversions: { model: m@1 }\nrisk: medium\nwaves:\n"
      "  - { name: a, percent: 10 }\n  - { name: b, percent: 50, gate: auto }\n  - { name: c, percent: 100 }\n");
  EXPECT_EQ(lines.cite(Clause::gate, 0), " (rule line 4)");
  EXPECT_EQ(lines.cite(Clause::gate, 1), " (rule line 7)");
}

TEST(RuleLinesInAFile, ARehearsalComesFirst) {
  const auto lines = lines_in(
      "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves:\n  - { name: all, percent: 100 }\n"
      "rehearse: { devices: 2 }\n");
  EXPECT_EQ(lines.cite(Clause::wave, 0), " (rule line 6)");
  EXPECT_EQ(lines.cite(Clause::wave, 1), " (rule line 5)");
}

}  // namespace
}  // namespace muster::rules::test
