// The `guardrails` of a rule file. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "rules/config/yaml_reader.h"
#include "rules/engine/rule.h"

namespace muster::rules {

// Every guardrail that could be read; whether all of it is sound, the problems say. `waves` are the rule's: a guardrail
// that cannot do anything in them is a problem. What could not be read counts as compared with `baseline`, so that it
// causes no further problem.
[[nodiscard]] std::vector<Guardrail> read_guardrails(const YamlNode& node, const std::vector<Wave>& waves,
                                                     Problems& problems);

// The word by which a file writes the limit of a guardrail on `thermal`: 2 is "fair".
// REQUIRES: a limit that read_guardrails made of such a word.
[[nodiscard]] std::string_view thermal_word(double limit);

}  // namespace muster::rules
