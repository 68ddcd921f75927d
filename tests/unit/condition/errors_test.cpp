#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "schemas/limits.h"

namespace muster::rules::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// "offset: what; expected", one an error.
std::vector<std::string> errors_of(std::string_view text, const Vocabulary& vocabulary = target_vocabulary()) {
  std::vector<std::string> lines;
  const CompiledCondition compiled = compile_condition(text, vocabulary);
  EXPECT_EQ(compiled.program.empty(), !compiled.errors.empty()) << text;
  for (const ConditionError& error : compiled.errors) {
    lines.push_back(std::to_string(error.offset) + ": " + error.what + "; " + error.expected);
  }
  return lines;
}

std::vector<std::string> recovery_errors_of(std::string_view text) {
  return errors_of(text, recovery_vocabulary());
}

TEST(ConditionErrors, UnknownNames) {
  EXPECT_THAT(errors_of("device.clas == \"x\""),
              ElementsAre("0: unknown name device.clas; did you mean device.class?"));
  EXPECT_THAT(errors_of("region == \"eu\""), ElementsAre("0: unknown name region; did you mean device.region?"));
  EXPECT_THAT(errors_of("device.region == eu"),
              ElementsAre("17: unknown name eu; put it in quote marks if it is a text: \"eu\""));
  EXPECT_THAT(errors_of("device.colour == 'x'"), ElementsAre(HasSubstr("device.id, device.class")));
}

TEST(ConditionErrors, TypesThatDoNotMeet) {
  EXPECT_THAT(
      errors_of("device.region > 3"),
      ElementsAre("14: a text (device.region) cannot be compared with a number (3); a text on both sides, as in "
                  "device.region == \"…\""));
  EXPECT_THAT(errors_of("device.os_version >= \"12\""),
              ElementsAre(HasSubstr("as text, \"9\" would come after \"12\"")));
  EXPECT_THAT(errors_of("device.tags == \"lab\""),
              ElementsAre("12: lists cannot be compared with '=='; \"lab\" in device.tags"));
  EXPECT_THAT(errors_of("device.tags == device.accelerators"), ElementsAre(HasSubstr("lists cannot be compared")));
  EXPECT_THAT(errors_of("device.region in \"eu\""), ElementsAre(HasSubstr("a list: [\"eu\"]")));
  EXPECT_THAT(errors_of("3 in device.tags"), ElementsAre(HasSubstr("a number (3) is never in a list of texts")));
  EXPECT_THAT(errors_of("device.region"), ElementsAre(HasSubstr("compare it: device.region == ")));
  EXPECT_THAT(errors_of("device.region && true"), ElementsAre(HasSubstr("'&&' joins conditions")));
  EXPECT_THAT(errors_of("device.region + 1 > 2"), ElementsAre(HasSubstr("'+' calculates with numbers")));
  EXPECT_THAT(errors_of("!\"lab\" in device.tags"), ElementsAre(HasSubstr("parentheses around the comparison")));
  EXPECT_THAT(errors_of("true < false"), ElementsAre(HasSubstr("'<' orders numbers")));
}

TEST(ConditionErrors, ATextAloneIsToldWhatWouldSayIt) {
  EXPECT_THAT(errors_of("all"), ElementsAre("0: 'all' is no condition; true, which is every device"));
  EXPECT_THAT(errors_of("locker-cam"),
              ElementsAre("0: 'locker-cam' is a text, not a condition; what says it: device.class == \"locker-cam\""));
  EXPECT_THAT(errors_of(" rk3566\n"), ElementsAre(HasSubstr("1: 'rk3566' is a text, not a condition")));
  EXPECT_THAT(errors_of("4g-class-b"), ElementsAre(HasSubstr("device.class == \"4g-class-b\"")));
  EXPECT_THAT(errors_of("region"), ElementsAre("0: unknown name region; did you mean device.region?"));
  EXPECT_THAT(errors_of("device.clas"), ElementsAre(HasSubstr("did you mean device.class?")));
  EXPECT_THAT(errors_of("7"), ElementsAre(HasSubstr("compare it: ")));
  EXPECT_THAT(errors_of("true"), ElementsAre());
  EXPECT_THAT(recovery_errors_of("locker"), ElementsAre(HasSubstr("a number (locker)"))) << "any name may be a metric";
}

TEST(ConditionErrors, AListInParenthesesIsOneMistake) {
  EXPECT_THAT(errors_of("device.class in (\"a\",\"b\")"),
              ElementsAre("16: a list in parentheses; square brackets: [\"a\", \"b\"]"));
  EXPECT_THAT(errors_of("device.class in ('a') && device.region = 'eu'"),
              ElementsAre("16: a list in parentheses; square brackets: ['a']", HasSubstr("write ==")));
  EXPECT_THAT(errors_of("device.region in (eu, us)"), ElementsAre(HasSubstr("square brackets: [\"eu\", \"us\"]")));
  EXPECT_THAT(errors_of("device.memory_mb in (1, 2, 3, 4, 5)"), ElementsAre(HasSubstr("[1, 2, 3, 4, …]")));
  EXPECT_THAT(errors_of("\"lab\" in (device.tags)"), ElementsAre());
  for (const char* broken :
       {"device.class in (", "device.class in ()", "device.class in ('a',", "device.class in ('a' 'b')"})
    EXPECT_FALSE(errors_of(broken).empty()) << broken;
}

TEST(ConditionErrors, Lists) {
  EXPECT_THAT(errors_of("device.region in []"), ElementsAre(HasSubstr("an empty list")));
  EXPECT_THAT(errors_of("device.region in ['eu', 3]"),
              ElementsAre("24: a list of different types; a text, as the first item is, or all items of another type"));
  EXPECT_THAT(errors_of("device.region in [device.site]"), ElementsAre(HasSubstr("only literal values")));
  EXPECT_THAT(errors_of("device.region in ['eu'"), ElementsAre(HasSubstr("'[' is never closed")));
  EXPECT_THAT(errors_of("device.region in [['eu']]"), ElementsAre(HasSubstr("only literal values")));
}

TEST(ConditionErrors, Syntax) {
  EXPECT_THAT(errors_of(""), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(errors_of(" \n"), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(errors_of("device.region = 'eu'"), ElementsAre("14: '=' means nothing here; write =="));
  EXPECT_THAT(errors_of("true and not false or true"),
              ElementsAre(HasSubstr("5: 'and'"), HasSubstr("9: 'not'"), HasSubstr("19: 'or'")));
  EXPECT_THAT(errors_of("device.region == "),
              ElementsAre(HasSubstr("17: a value is missing before the end of the condition")));
  EXPECT_THAT(errors_of("device.region == 'eu"), ElementsAre("17: this text never ends; put a closing ' behind it"));
  EXPECT_THAT(errors_of("(device.region == 'eu'"), ElementsAre(HasSubstr("0: this '(' is never closed")));
  EXPECT_THAT(errors_of("device.region == 'eu')"), ElementsAre(HasSubstr("21: ')' without '('")));
  EXPECT_THAT(errors_of("true true"), ElementsAre(HasSubstr("5: 'true' cannot follow here")));
  EXPECT_THAT(errors_of("1 < 2 < 3"), ElementsAre(HasSubstr("6: comparisons cannot be chained")));
  EXPECT_THAT(errors_of("device.memory_mb > 5GB"), ElementsAre(HasSubstr("19: '5GB' is not a number")));
  EXPECT_THAT(errors_of("device.os_version == 1.2.3"), ElementsAre(HasSubstr("21: '1.2.3' is not a number")));
  EXPECT_THAT(errors_of("1e999 > 1"), ElementsAre(HasSubstr("outside what a number can hold")));
  EXPECT_THAT(errors_of("matches(device.region) && true"), testing::Contains(HasSubstr("there are no functions here")));
  EXPECT_THAT(errors_of("device.region == “eu”"), testing::Contains(HasSubstr("straight quote marks")));
  EXPECT_THAT(errors_of("device.region == 'e\\q'"), ElementsAre(HasSubstr("unknown escape")));
}

TEST(ConditionErrors, AllAtOnceInOrder) {
  EXPECT_THAT(errors_of("device.clas == 'a' && device.region > 3 || (device.memory_mb in 'x' && * 2 > 1) && 5 == "),
              ElementsAre(HasSubstr("0: unknown name device.clas"), HasSubstr("36: a text (device.region)"),
                          HasSubstr("64: 'in' looks into a list"), HasSubstr("71: a value is missing before '*'"),
                          HasSubstr("a value is missing before the end")));
}

TEST(ConditionErrors, RecoveryNames) {
  EXPECT_THAT(recovery_errors_of("gpu_oom_cout > 2"), ElementsAre(HasSubstr("did you mean gpu_oom_count?")));
  EXPECT_THAT(recovery_errors_of("inference_p95_ms > 2"), ElementsAre());
  EXPECT_THAT(recovery_errors_of("device.region == 'eu'"), ElementsAre(HasSubstr("by its plain name")));
  EXPECT_THAT(recovery_errors_of("gpu_oom_count"), ElementsAre(HasSubstr("compare it: gpu_oom_count > 0")));
}

TEST(ConditionErrors, Limits) {
  const std::string deep(limits::condition_depth_max, '(');
  const std::string closed(limits::condition_depth_max, ')');
  EXPECT_THAT(errors_of(deep + "true" + closed), ElementsAre());
  EXPECT_THAT(errors_of("(" + deep + "true" + closed + ")"), ElementsAre(HasSubstr("nested too deeply")));
  EXPECT_THAT(errors_of(std::string(4000, '!') + "true"), ElementsAre(HasSubstr("nested too deeply")));
  EXPECT_THAT(errors_of(std::string(limits::condition_text_len_max + 1, ' ')),
              ElementsAre(HasSubstr("at most 4096 bytes")));

  std::string wide = "true";
  while (wide.size() + 8 < limits::condition_text_len_max) wide += "&&true";
  EXPECT_THAT(errors_of(wide), ElementsAre(HasSubstr("bytes compiled")));

  std::string sum = "1";
  for (int i = 0; i < 31; ++i) sum = "1+(" + sum + ")";
  EXPECT_THAT(errors_of(sum + " > 0"), ElementsAre());
  EXPECT_THAT(errors_of("0 < 1+(" + sum + ")"), ElementsAre(HasSubstr("too many values at a time")));

  std::string list = "device.memory_mb in [0";
  for (std::size_t i = 1; i <= limits::list_literal_max; ++i) list += ",1";
  EXPECT_THAT(errors_of(list + "]"), ElementsAre(HasSubstr("at most 256 items")));
  EXPECT_THAT(errors_of("device.site == '" + std::string(256, 'x') + "'"),
              ElementsAre(HasSubstr("a text of 256 bytes")));
}

}  // namespace
}  // namespace muster::rules::test
