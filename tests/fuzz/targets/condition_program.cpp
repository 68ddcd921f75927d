// Bytecode from anywhere: refused by name, or safe to run in any environment, with the same answer each time.
#include "rules/condition/compile.h"
#include "rules/condition/program.h"
#include "schemas/limits.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tree_twin.h"

FUZZ_TARGET(condition_program) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto program = copy.view();
  const auto fault = rules::check_program(program);
  FUZZ_REQUIRE(rules::name_of(fault) != nullptr && *rules::name_of(fault) != '\0', "a fault without a name");
  (void)rules::disassemble(program);
  if (fault != rules::ProgramFault::none) return;
  FUZZ_REQUIRE(program.size() <= limits::program_len_max, "a program beyond the limit");
  for (std::uint8_t salt = 1; salt < 9; ++salt) {
    const fuzz::SaltedEnvironment environment(salt);
    const auto outcome = rules::evaluate(program, environment);
    FUZZ_REQUIRE(rules::evaluate(program, environment) == outcome, "the same question, another answer");
  }
}
