// Files that are no rule at all, and files made to hurt the reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "rules/config/write_rule.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::HasSubstr;

TEST(Yaml, NotARule) {
  EXPECT_THAT(rule_errors(""), HasSubstr("r:1:1: the file is empty"));
  EXPECT_THAT(rule_errors("# only a comment\n"), HasSubstr("empty"));
  EXPECT_THAT(rule_errors("just text"), HasSubstr("a rule is a plain value; a map with the keys rollout, "));
  EXPECT_THAT(rule_errors("[a, b]"), HasSubstr("a rule is a list"));
  EXPECT_THAT(rule_errors("~"), HasSubstr("a rule is nothing"));
}

TEST(Yaml, SyntaxErrorsHaveAPlaceAndAdvice) {
  EXPECT_THAT(rule_errors("rollout: r\ntargets: \"lab\" in device.tags\n"), HasSubstr("'\"lab\" in device.tags'"));
  EXPECT_THAT(rule_errors("rollout: r\ntargets: !(\"lab\" in device.tags)\n"), HasSubstr("r:2:10: a YAML tag"));
  EXPECT_THAT(rule_errors("rollout: r\n\tseed: 1\n"), HasSubstr("indent with spaces"));
  EXPECT_THAT(rule_errors("a: [1, 2\n"), HasSubstr("not YAML: "));
}

TEST(Yaml, WhatTheseFilesDoNotUse) {
  EXPECT_THAT(rule_errors("rollout: &a r\n"), HasSubstr("an anchor"));
  EXPECT_THAT(rule_errors("a: &a [1]\nb: *a\n"), HasSubstr("r:1:4: an anchor"));
  EXPECT_THAT(rule_errors("rollout: !!str r\n"), HasSubstr("a YAML tag"));
  EXPECT_THAT(rule_errors("rollout: r\n---\nrollout: s\n"), HasSubstr("r:2:1: a second document"));
  EXPECT_THAT(rule_errors("? [a, b]\n: c\n"), HasSubstr("a list as a key"));
}

TEST(Yaml, ControlCharactersDoNotHideTheRest) {
  // yaml-cpp takes 0x04 for the end of the file.
  EXPECT_THAT(rule_errors(std::string("rollout: r\n\x04guardrails: []\n")), HasSubstr("r:2:1: a control character"));
  EXPECT_THAT(rule_errors(std::string("rollout: r\0\n", 12)), HasSubstr("a control character"));
  EXPECT_THAT(rule_errors("rollout: \xff\n"), HasSubstr("not UTF-8"));
}

// They end on a terminal: an escape sequence in a key must not do anything there.
TEST(Yaml, WhatMessagesQuoteCanBeShown) {
  EXPECT_TRUE(is_text(rule_errors("rollout: x\n\"a\\e[2J\\r\": 1\n")));
  EXPECT_THAT(rule_errors("rollout: x\n\"a\\e[2J\": 1\n"), testing::HasSubstr("unknown key 'a?[2J'"));
  EXPECT_LT(rule_errors("rollout: x\n" + std::string(60'000, 'k') + ": 1\n").size(), 20'000u);
}

TEST(Yaml, AByteOrderMarkIsNoPartOfTheFirstKey) {
  EXPECT_EQ(
      rule_errors(
          "\xEF\xBB\xBFrollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n"),
      "");
  EXPECT_THAT(rule_errors("\xEF\xBB\xBFrolout: r\n"), HasSubstr("r:1:1: unknown key 'rolout'"));
}

TEST(Yaml, WindowsLineEndsAreFine) {
  EXPECT_EQ(rule_errors(
                "rollout: r\r\ntargets: true\r\nversions: { model: m@1 }\r\nwaves: [{ name: all, percent: 100 }]\r\n"),
            "");
  EXPECT_THAT(rule_errors("rollout: r\r\nsed: 1\r\n"), HasSubstr("r:2:1: unknown key 'sed'"));
}

TEST(Yaml, DuplicateKeys) {
  EXPECT_THAT(rule_errors("rollout: r\nseed: 1\nseed: 2\n"), HasSubstr("r:3:1: 'seed' in a rule is there twice"));
}

TEST(Yaml, Bounds) {
  EXPECT_THAT(rule_errors(std::string(limits::rule_text_len_max + 1, '#')), HasSubstr("at most 65536 bytes"));
  EXPECT_THAT(rule_errors(std::string(20'000, '[')), HasSubstr("nested too deeply"));
  std::string wide = "a: [";
  for (int i = 0; i < 20'000; ++i) wide += "1,";
  EXPECT_THAT(rule_errors(wide + "]"), HasSubstr("more than 8192 values"));
  std::string laughs = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + "," + last + "]\n";
  }
  EXPECT_THAT(rule_errors(laughs), HasSubstr("an anchor"));
  std::string unknown;
  for (int i = 0; i < 500; ++i) unknown += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(load_rule(unknown, "r").diagnostics.size(), limits::diagnostics_max);
}

TEST(Yaml, DamagedFilesGiveDiagnosticsAndNothingElse) {
  constexpr std::uint64_t seed = 4711;
  std::mt19937_64 random(seed);
  const std::string rule = read_whole("rules/examples/canary.yaml");
  const std::string release = read_whole("rules/examples/releases/sorter-15.yaml");
  constexpr std::string_view scraps[] = {"[",   "]",  "{", "}", ": ", "- ", "\n", "\n  ", "'", "\"", "#",
                                         "&a ", "*a", "!", "|", ">",  "%",  "~",  "\t",   ",", "? "};
  std::size_t loaded = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 4'000; ++round) {
    std::string text = round % 2 == 0 ? rule : release;
    for (std::size_t i = 0, count = 1 + random() % 4; i < count; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 20);
          break;
        case 2:
          text.insert(at, scraps[random() % std::size(scraps)]);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
          break;
      }
    }
    const auto diagnostics = round % 2 == 0 ? load_rule(text, "r").diagnostics : load_release(text, "r").diagnostics;
    const bool has_value =
        round % 2 == 0 ? load_rule(text, "r").rule.has_value() : load_release(text, "r").release.has_value();
    ASSERT_EQ(has_value, diagnostics.empty()) << "seed " << seed << " round " << round << "\n" << text;
    if (has_value && round % 2 == 0) {
      const auto loaded_rule = load_rule(text, "r").rule;
      ASSERT_TRUE(load_rule(write_rule(*loaded_rule), "r").rule == loaded_rule) << "round " << round << "\n" << text;
    }
    for (const Diagnostic& d : diagnostics)
      ASSERT_TRUE(d.line > 0 && d.column > 0 && !d.what.empty() && !d.expected.empty()) << d.text();
    ++(has_value ? loaded : refused);
  }
  EXPECT_GT(loaded, 50u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace muster::rules::test
