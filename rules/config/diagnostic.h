// One error in a file that a person wrote: where, what, and what would be right. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::rules {

struct Diagnostic {
  std::string file;
  std::uint32_t line = 0, column = 0;  // from 1
  std::string what;                    // "unknown key 'percentage'"
  std::string expected;                // "did you mean 'percent'?"

  // file:line:column: what; what would be right
  [[nodiscard]] std::string text() const;
};

}  // namespace muster::rules
