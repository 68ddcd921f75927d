#include "rules/config/load_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/config/load_confirmations.h"
#include "schemas/limits.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string with_checks(const std::string& checks) {
  return "policy: p\nversion: 2\nitems:\n  - { id: i, stage: build, role: qa, says: It is so., checks: [" + checks +
         "] }\n";
}
std::string errors(const std::string& checks) {
  return lines_of(load_policy(with_checks(checks), "p").diagnostics);
}
PolicyCheck check(const std::string& text) {
  const auto loaded = load_policy(with_checks(text), "p");
  EXPECT_TRUE(loaded.policy) << lines_of(loaded.diagnostics);
  return loaded.policy ? loaded.policy->items.at(0).checks.at(0) : PolicyCheck{};
}

TEST(LoadPolicy, TheTemplateHasTheElevenItems) {
  const auto loaded = load_policy(read_whole("rules/examples/policies/readiness.yaml"), "readiness.yaml");
  ASSERT_TRUE(loaded.policy) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.policy->name, "readiness");
  EXPECT_EQ(loaded.policy->version, 1u);
  std::vector<std::string> ids;
  for (const auto& item : loaded.policy->items) {
    ids.push_back(item.id);
    EXPECT_FALSE(item.role.empty());
    EXPECT_FALSE(item.says.empty());
  }
  EXPECT_THAT(ids, ElementsAre("integrity", "compatibility", "config", "budgets", "soak", "offline", "failure",
                               "logging", "security", "rollout", "support"));
}

TEST(LoadPolicy, EveryKindOfCheckArrivesWhole) {
  using Kind = PolicyCheck::Kind;
  EXPECT_EQ(check("{ file: a/b.txt }").kind, Kind::present);
  const auto value = check(R"({ file: b.json, value: "/x/{class}/p95", min: 1, max: { A: 20, "*": 30.5 } })");
  EXPECT_EQ(value.kind, Kind::value);
  EXPECT_EQ(value.file, "b.json");
  EXPECT_EQ(value.place, "/x/{class}/p95");
  EXPECT_TRUE(value.is_per_class());
  EXPECT_EQ(*value.max.of("A"), 20);
  EXPECT_EQ(*value.max.of("B"), 30.5);
  EXPECT_EQ(*value.min.of("B"), 1);
  const auto named = check(R"({ file: b.json, value: "/{class}", max: { A: 20 } })");
  EXPECT_EQ(named.max.of("B"), nullptr) << "a class that is not named has no bound";
  const auto column = check("{ file: c.csv, column: result, rows: class, is: [pass, blocked] }");
  EXPECT_EQ(column.kind, Kind::column);
  EXPECT_EQ(column.row_column, "class");
  EXPECT_TRUE(column.is_per_class());
  EXPECT_THAT(column.is, ElementsAre("pass", "blocked"));
  const auto listed = check("{ file: c.csv, column: result, rows: { scenario: [low, none] }, is: pass }");
  EXPECT_EQ(listed.row_column, "scenario");
  EXPECT_THAT(listed.row_values, ElementsAre("low", "none"));
  EXPECT_FALSE(listed.is_per_class());
  EXPECT_EQ(check("{ file: c.csv, column: result, rows: all, is: pass }").rows, PolicyCheck::Rows::all);
  EXPECT_THAT(check("{ file: s.txt, line: [a*b, c] }").patterns, ElementsAre("a*b", "c"));
  EXPECT_EQ(check("{ file: s.txt, no_line: panic }").kind, Kind::no_line);
  EXPECT_TRUE(check(R"({ file: "{class}/soak.log", no_line: panic })").is_per_class());
  const auto word = check("{ file: s.txt, word_after: 'release: ', names: release }");
  EXPECT_EQ(word.kind, Kind::word_after);
  EXPECT_EQ(word.place, "release: ");
  EXPECT_EQ(word.names, PolicyCheck::Names::release);
  const auto person = check("{ confirmed_in: c.yaml, by: [alice, bob], within: 30d }");
  EXPECT_EQ(person.kind, Kind::confirmation);
  EXPECT_EQ(person.file, "c.yaml");
  EXPECT_EQ(person.within_s, 30u * 86'400u);
  EXPECT_THAT(person.by, ElementsAre("alice", "bob"));
}

TEST(LoadPolicy, ChecksThatCouldNotFailOrNotPassAreRefused) {
  EXPECT_THAT(errors("{ file: s.txt, line: '**' }"), HasSubstr("every line fits"));
  EXPECT_THAT(errors("{ file: b.json, value: /a }"), HasSubstr("does not judge it"));
  EXPECT_THAT(errors("{ file: b.json, value: /a, min: 3, max: 2 }"), HasSubstr("min is above max"));
  EXPECT_THAT(errors("{ file: b.json, value: '/{class}', min: 3, max: { A: 2, B: 4 } }"),
              HasSubstr("min is above max for A"));
  EXPECT_THAT(errors("{ file: b.json, value: /a, max: { A: 2 } }"), HasSubstr("that no class is in"));
  EXPECT_THAT(errors("{ file: b.json, value: /a, max: .inf }"), HasSubstr("is not a number"));
  EXPECT_THAT(errors("{ file: b.json, value: /a, maxx: 2 }"), HasSubstr("did you mean 'max'?"));
}

TEST(LoadPolicy, ListsHaveLimits) {
  std::string many = "policy: p\nversion: 1\nitems:\n";
  for (std::size_t i = 0; i <= limits::policy_items_max; ++i) {
    many += "  - { id: i" + std::to_string(i) + ", stage: build, role: qa, says: So., checks: [{ file: a }] }\n";
  }
  EXPECT_THAT(lines_of(load_policy(many, "p").diagnostics), HasSubstr("items has 65 items"));
  std::string checks = "{ file: a }";
  for (std::size_t i = 0; i < limits::policy_checks_max / 2; ++i) checks += ", { file: a }";
  const auto item = [&](const char* id) {
    return "  - { id: " + std::string(id) + ", stage: build, role: qa, says: So., checks: [" + checks + "] }\n";
  };
  const auto two = lines_of(load_policy("policy: p\nversion: 1\nitems:\n" + item("a") + item("b"), "p").diagnostics);
  EXPECT_THAT(two, HasSubstr("more than 128 checks in one policy"));
}

TEST(LoadConfirmations, AreByNameAndDayForOneRelease) {
  const auto loaded = load_confirmations(
      "release: m@1\nconfirmed:\n  security: { confirmed_by: mara, date: 2026-11-19, note: all well }\n", "c");
  ASSERT_TRUE(loaded.confirmations) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.confirmations->release, "m@1");
  const auto* found = loaded.confirmations->find("security");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->by, "mara");
  EXPECT_EQ(found->day_end_s, 1'795'132'799u);  // date -u -d 2026-11-20T00:00 +%s, less one
  EXPECT_EQ(found->note, "all well");
  EXPECT_EQ(loaded.confirmations->find("rollout"), nullptr);
}

}  // namespace
}  // namespace muster::rules::test
