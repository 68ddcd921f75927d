// A second, dumb evaluation of conditions: it walks the parser's tree with values on the heap and never sees bytecode.
// What the compiled program says must be what this says. Tests only; any thread.
#pragma once

#include "rules/condition/ast.h"
#include "rules/condition/program.h"

namespace muster::fuzz {

// REQUIRES: the type checker found nothing wrong with `tree`.
[[nodiscard]] rules::Outcome evaluate_tree(const rules::Tree& tree, const rules::Environment& environment);

// Knows every name, and gives it a value that depends on the name and the salt: of the type that the standard names
// have, of another one, or none. Salt 0: knows nothing.
class SaltedEnvironment final : public rules::Environment {
 public:
  explicit SaltedEnvironment(std::uint8_t salt) : salt_(salt) {}
  [[nodiscard]] rules::Value lookup(std::string_view name) const override;

 private:
  std::uint8_t salt_;
};

}  // namespace muster::fuzz
