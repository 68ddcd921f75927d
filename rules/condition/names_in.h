// Which names a compiled condition asks for. Pure; any thread.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "schemas/bytes.h"

namespace muster::rules {

// All of them, but for those behind a literal that decides (`false && x > 1`): these are never asked for.
// REQUIRES: check_program(program) == none.
[[nodiscard]] std::set<std::string, std::less<>> names_in(ByteView program);

}  // namespace muster::rules
