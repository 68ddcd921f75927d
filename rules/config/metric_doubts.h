// Guardrails on metrics that are probably misspelt. Any name may be a task metric, so that this is a warning and no
// error: a guardrail on something that nobody sends never has a verdict. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "rules/engine/rule.h"

namespace muster::rules {

// One sentence for each guardrail whose metric is no standard key and near to one.
[[nodiscard]] std::vector<std::string> metric_doubts(const Rule& rule);

}  // namespace muster::rules
