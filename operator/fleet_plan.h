// What a rule would do in a described fleet: how many devices each wave reaches, and which waves are too small for a
// guardrail's verdict. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "rules/config/load_fleet.h"
#include "rules/engine/rule.h"

namespace muster::ctl {

// `file` names the fleet. Without a line break at the end.
[[nodiscard]] std::string fleet_plan(const rules::Rule& rule, const rules::DescribedFleet& fleet,
                                     const std::string& file);
[[nodiscard]] std::string fleet_plan_json(const rules::Rule& rule, const rules::DescribedFleet& fleet);
// Guardrails that get no votes from the fleet, in sentences.
[[nodiscard]] std::vector<std::string> fleet_warnings(const rules::Rule& rule, const rules::DescribedFleet& fleet);

}  // namespace muster::ctl
