// Conditions as people write them: errors at places in the text, or a program that passes the check, keeps the limits
// and decides as the tree does. The first byte says which vocabulary, the second salts the environments.
#include "rules/condition/compile.h"
#include "rules/condition/lexer.h"
#include "rules/condition/parser.h"
#include "rules/condition/program.h"
#include "rules/condition/types.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tree_twin.h"

FUZZ_TARGET(condition_text) {
  using namespace muster;
  fuzz::Choices choices(input);
  const auto vocabulary = choices.byte() % 2 == 0 ? rules::target_vocabulary() : rules::recovery_vocabulary();
  const auto salt = choices.byte();
  const fuzz::ExactCopy copy{ByteView(choices.rest())};
  const auto text = copy.view().text();
  const auto compiled = rules::compile_condition(text, vocabulary);
  FUZZ_REQUIRE(compiled.ok() == !compiled.program.empty(), "neither a program nor an error, or both");
  for (const auto& error : compiled.errors) {
    FUZZ_REQUIRE(error.offset <= text.size(), "an error outside of the text");
    FUZZ_REQUIRE(!error.what.empty() && !error.expected.empty(), "an error without words");
    if (is_text(text)) FUZZ_REQUIRE(is_text(error.what) && is_text(error.expected), "an error that cannot be shown");
  }
  if (!compiled.ok()) return;
  FUZZ_REQUIRE(compiled.program.size() <= limits::program_len_max, "a program beyond the limit");
  FUZZ_REQUIRE(rules::check_program(compiled.program) == rules::ProgramFault::none, "a program that devices refuse");
  FUZZ_REQUIRE(!rules::disassemble(compiled.program).empty(), "a program that cannot be explained");

  std::vector<rules::ConditionError> errors;
  auto tree = rules::parse(rules::tokenize(text, errors), errors);
  rules::check_types(tree, vocabulary, errors);
  FUZZ_REQUIRE(errors.empty(), "the second reading of the text finds an error");
  const auto blind = rules::evaluate(compiled.program, fuzz::SaltedEnvironment(0));
  for (const std::uint8_t each : {std::uint8_t{0}, salt, static_cast<std::uint8_t>(salt + 1)}) {
    const fuzz::SaltedEnvironment environment(each);
    const auto outcome = rules::evaluate(compiled.program, environment);
    FUZZ_REQUIRE(outcome == fuzz::evaluate_tree(tree, environment), "the program and the tree decide differently");
    // Kleene's logic: what is decided without knowing anything stays decided whatever becomes known.
    FUZZ_REQUIRE(blind == rules::Outcome::unknown || outcome == blind, "knowing more changed what was decided");
  }
}
