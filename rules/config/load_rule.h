// A rule file's text → validated Rule. All errors at once, sorted by place, at most diagnostics_max. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"
#include "rules/engine/rule.h"
#include "rules/engine/rule_lines.h"

namespace muster::rules {

struct LoadedRule {
  std::optional<Rule> rule;  // none when there is any error; its waves are plain, whatever preset made them
  std::vector<Diagnostic> diagnostics;
  RuleLines lines;
  std::string preset;  // a sentence for people: what of the waves a strategy or a risk made; empty: nothing
};

// `file` only names the source in diagnostics.
[[nodiscard]] LoadedRule load_rule(std::string_view text, const std::string& file);

// Durations as rule and release files write them: "90s", "15m", "24h", "14d", "500ms". False when it is none.
[[nodiscard]] bool parse_duration_ms(std::string_view text, std::uint64_t& ms);
// The same way back, in the largest unit that leaves a whole number: "90s", "48h", "2d".
[[nodiscard]] std::string duration_as_written(std::uint64_t ms);

}  // namespace muster::rules
