// A well-typed tree → bytecode. Internal to the compiler. Pure; any thread.
#pragma once

#include "rules/condition/ast.h"
#include "schemas/bytes.h"

namespace muster::rules {

// REQUIRES: check_types found no errors. May come out longer or deeper than the limits allow; check_program tells.
[[nodiscard]] Bytes emit(const Tree& tree);

}  // namespace muster::rules
