// Reads one quoted text of a condition, with CEL's escapes. Internal to the lexer. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/condition/compile.h"

namespace muster::rules {

// REQUIRES: text[begin] is a quote mark, ' or ". Puts the value (UTF-8) into `value` and returns the offset behind the
// closing mark; when that is missing, the end of the text. Faults are added to `errors`.
[[nodiscard]] std::size_t read_quoted(std::string_view text, std::size_t begin, std::string& value,
                                      std::vector<ConditionError>& errors);

// The length of the UTF-8 character at `at`, 0 when the bytes there are none.
[[nodiscard]] std::size_t utf8_len(std::string_view text, std::size_t at);

}  // namespace muster::rules
