// Decisions name the line of the rule that made them.
#include "rules/engine/rule_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RuleLines, SeveralAreNamedInOrderAndEachOnce) {
  RuleLines lines;
  lines.put(Clause::failed_devices, 12);
  lines.put(Clause::failed_percent, 14);
  lines.put(Clause::failed_in_a_row, 12);
  EXPECT_EQ(lines.cite({{Clause::failed_percent, 0}, {Clause::failed_devices, 0}, {Clause::failed_in_a_row, 0}}),
            " (rule lines 14, 12)");
  EXPECT_EQ(lines.cite({{Clause::failed_devices, 0}, {Clause::failed_in_a_row, 0}}), " (rule line 12)");
  EXPECT_EQ(lines.cite_within(Clause::failed_percent), "; rule line 14");
}

TEST(RuleLines, WhatTheFileDoesNotSayIsADefaultAndAnUnknownFileSaysNothing) {
  RuleLines lines;
  EXPECT_EQ(lines.cite(Clause::retry), "");
  lines.put(Clause::pace, 0);
  EXPECT_EQ(lines.cite(Clause::retry), "");
  lines.put(Clause::wave, 0, 4);
  EXPECT_EQ(lines.cite(Clause::retry), " (rule default)");
  EXPECT_EQ(lines.cite_within(Clause::wave, 1), "; rule default");
  lines.put(Clause::pace, 9);
  lines.put(Clause::pace, 0);  // an operator has changed it
  EXPECT_EQ(lines.cite(Clause::pace), "");
}

TEST(RuleLines, DamagedRecordsOfThemAreRefused) {
  const auto refused = [](std::vector<std::uint64_t> numbers) {
    ByteWriter out;
    for (const auto number : numbers) out.number(number);
    RuleLines lines;
    ByteReader in(out.bytes());
    return !lines.decode(in);
  };
  EXPECT_FALSE(refused({1, 0, 0, 7}));
  EXPECT_TRUE(refused({1, 0, 0}));
  EXPECT_TRUE(refused({1'000'000}));
  EXPECT_TRUE(refused({1, static_cast<std::uint64_t>(last_clause) + 1, 0, 7}));
  EXPECT_TRUE(refused({2, 0, 3, 7, 0, 3, 8}));  // the same twice
}

class CitedLines : public testing::Test {
 protected:
  CitedLines() {
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
    for (const auto* id : {"a", "b", "c", "d"}) world_.join(id, facts_of("rk3566", "eu"));
    Wave first, all;
    first.name = "first";
    first.percent = 50;
    first.gate = Gate::manual;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
    rule.pace.at_once = 1;
    RuleLines lines;
    lines.put(Clause::wave, 0, 7);
    lines.put(Clause::gate, 0, 9);
    lines.put(Clause::wave, 1, 10);
    lines.put(Clause::gate, 1, 10);
    lines.put(Clause::pace, 14);
    lines.put(Clause::on_abort, 20);
    opened_ = world_.start(rule, lines);
  }

  // The first, and then the one whose turn that makes.
  std::vector<Effect> commit_both() {
    const auto first = *world_.assigned_by("r").begin();
    world_.commit(first);
    world_.tick(1);
    for (const auto& id : world_.assigned_by("r")) {
      if (id != first) return world_.commit(id);
    }
    return {};
  }
  const std::string& waits() { return world_.status("r").waiting_for; }

  World world_;
  std::vector<Effect> opened_;
};

TEST_F(CitedLines, AWaveThatOpensAndItsPace) {
  const auto text = World::why_of(opened_, audit::wave_opened);
  EXPECT_THAT(text, HasSubstr("with 2 of 4 targets (rule line 7)"));
  EXPECT_THAT(text, HasSubstr("follow at its pace: 1 at work at once (rule line 14)"));
  EXPECT_THAT(waits(), HasSubstr("(rule line 14)"));
}

TEST_F(CitedLines, APaceThatAnOperatorChangedIsTheRulesNoMore) {
  Pace pace;
  pace.per_site = 1;
  world_.command(ChangePace{"r", pace});
  EXPECT_THAT(waits(), Not(HasSubstr("rule line")));
}

TEST_F(CitedLines, AGateAlsoAfterARestart) {
  EXPECT_THAT(World::why_of(commit_both(), audit::wave_awaiting_approval),
              HasSubstr("its gate is manual (rule line 9)"));
  EXPECT_THAT(waits(), HasSubstr("is healthy (rule line 9); approve"));
  world_.restart();
  EXPECT_THAT(waits(), HasSubstr("is healthy (rule line 9); approve"));
  const auto approved = world_.command(ApproveWave{"r"});
  EXPECT_THAT(World::why_of(approved, audit::wave_approved),
              HasSubstr(": 2 done, 0 failed, 0 unreachable of 2 (rule line 9)"));
  EXPECT_THAT(World::why_of(approved, audit::wave_done), HasSubstr("(rule line 9)"));
  EXPECT_THAT(World::why_of(approved, audit::wave_opened), HasSubstr("with 2 of 4 targets (rule line 10)"));
}

TEST_F(CitedLines, AnAbortThatTheRuleSaysHowToDo) {
  const auto aborted = world_.command(AbortRollout{"r", AbortMode::by_rule});
  EXPECT_THAT(World::why_of(aborted, audit::rollout_aborted), HasSubstr("abort with keep (rule line 20): "));
}

TEST_F(CitedLines, AnAbortThatTheOperatorSaysHowToDoIsNoneOfTheRules) {
  const auto aborted = world_.command(AbortRollout{"r", AbortMode::keep});
  EXPECT_THAT(World::why_of(aborted, audit::rollout_aborted), HasSubstr("abort with keep: "));
}

TEST_F(CitedLines, AHaltThatTheFileDoesNotSpeakOf) {
  const auto failed = world_.fail(*world_.assigned_by("r").begin(), "probe_failed");
  EXPECT_THAT(World::why_of(failed, audit::rollout_halted), HasSubstr("the rule halts at 1 (rule default)"));
  EXPECT_THAT(waits(), HasSubstr("the rule halts at 1 (rule default); resume"));
}

}  // namespace
}  // namespace muster::rules::test
