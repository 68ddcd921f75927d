// A device for conditions to look at, and the shortest way to ask one. For tests only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "rules/condition/compile.h"
#include "rules/condition/program.h"

namespace muster::rules::test {

// Names and their values; what is not in it is missing.
class Readings final : public Environment {
 public:
  Readings() = default;
  explicit Readings(std::map<std::string, Value, std::less<>> values) : values_(std::move(values)) {}
  Value lookup(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? Value{} : found->second;
  }
  void set(const std::string& name, Value value) { values_[name] = value; }

 private:
  std::map<std::string, Value, std::less<>> values_;
};

// "yes", "no", "unknown", or the first compile error.
inline std::string ask(std::string_view text, const Vocabulary& vocabulary, const Environment& environment) {
  const CompiledCondition compiled = compile_condition(text, vocabulary);
  if (!compiled.ok()) return compiled.errors.front().what + "; " + compiled.errors.front().expected;
  if (check_program(compiled.program) != ProgramFault::none) return "the compiler's program does not pass the check";
  switch (evaluate(compiled.program, environment)) {
    case Outcome::no:
      return "no";
    case Outcome::yes:
      return "yes";
    case Outcome::unknown:
      return "unknown";
  }
  return "?";
}

}  // namespace muster::rules::test
