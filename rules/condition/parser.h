// Tokens → tree. Recursive descent with bounded depth; goes on after an error at the next && or ||, so that one pass
// finds all of them. Internal to the compiler. Pure; any thread.
#pragma once

#include <vector>

#include "rules/condition/ast.h"
#include "rules/condition/lexer.h"

namespace muster::rules {

// REQUIRES: tokens end with `end`. Always gives a tree; what could not be read is an error node.
[[nodiscard]] Tree parse(const std::vector<Token>& tokens, std::vector<ConditionError>& errors);

}  // namespace muster::rules
