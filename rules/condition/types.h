// Finds the type of every node and everything that does not fit together. Internal to the compiler. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/condition/ast.h"
#include "rules/condition/compile.h"

namespace muster::rules {

// Sets Node::type. A node with an error has type `any` or the type it would have, so that one mistake gives one error.
void check_types(Tree& tree, const Vocabulary& vocabulary, std::vector<ConditionError>& errors);

// The name of the vocabulary that `word` was probably meant for: region is device.region. Empty: none.
[[nodiscard]] std::string prefixed_name(std::string_view word, const Vocabulary& vocabulary);

}  // namespace muster::rules
