// Finds the type of every node and everything that does not fit together. Internal to the compiler. Pure; any thread.
#pragma once

#include <vector>

#include "rules/condition/ast.h"
#include "rules/condition/compile.h"

namespace muster::rules {

// Sets Node::type. A node with an error has type `any` or the type it would have, so that one mistake gives one error.
void check_types(Tree& tree, const Vocabulary& vocabulary, std::vector<ConditionError>& errors);

}  // namespace muster::rules
