// How deep a JSON text is nested, found without a parser: one that recurses must not meet a text that is too deep.
// Pure; any thread.
#pragma once

#include <string_view>

namespace muster::broker {

// Nesting outside of strings, so that no parser has to recurse on what a stranger wrote.
[[nodiscard]] bool too_deep(std::string_view json);

}  // namespace muster::broker
