// Text of a condition → tokens. Internal to the compiler. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/condition/compile.h"

namespace muster::rules {

enum class TokenKind : unsigned char {
  end,
  name,  // device.region
  number,
  text,  // quoted
  yes,   // true
  no,    // false
  in,
  logical_and,
  logical_or,
  logical_not,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  plus,
  minus,
  times,
  divided_by,
  open,   // (
  close,  // )
  open_list,
  close_list,
  comma,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t offset = 0;
  std::string_view source;  // as written; a view into the condition
  std::string text;         // of a quoted text: its value, escapes resolved
  double number = 0;
  bool broken = false;  // a number that is none: its error has been added
};

// The last token is always `end`. Faults are added to `errors`; what is wrong but clear in meaning (= for ==, `and`)
// still becomes the token that was meant, so that the parser finds the errors behind it.
[[nodiscard]] std::vector<Token> tokenize(std::string_view text, std::vector<ConditionError>& errors);

}  // namespace muster::rules
