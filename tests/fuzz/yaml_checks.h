// What holds for every file that a person wrote: a value or diagnostics, each at a place that exists and with words.
// Tests only; any thread.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"

namespace muster::fuzz {

inline void check_diagnostics(std::string_view text, bool accepted, const std::vector<rules::Diagnostic>& diagnostics) {
  FUZZ_REQUIRE(accepted == diagnostics.empty(), "neither a value nor a reason, or both");
  FUZZ_REQUIRE(diagnostics.size() <= limits::diagnostics_max, "more diagnostics than the limit");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  for (const auto& diagnostic : diagnostics) {
    FUZZ_REQUIRE(!diagnostic.what.empty() && !diagnostic.expected.empty(), "a diagnostic without words");
    FUZZ_REQUIRE(diagnostic.line >= 1 && diagnostic.column >= 1, "a diagnostic at no place");
    FUZZ_REQUIRE(static_cast<long>(diagnostic.line) <= lines + 1, "a line that is not in the file");
    FUZZ_REQUIRE(is_text(diagnostic.text()), "a diagnostic that cannot be shown: " + diagnostic.text());
  }
}

}  // namespace muster::fuzz
