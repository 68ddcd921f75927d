// A simulation as JSON: the plan, one run in full, every run's figures and how they are spread. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "rules/simulate/simulation.h"

namespace muster::ctl {

// REQUIRES: at least one run; the first one is told in full.
[[nodiscard]] std::string simulation_json(const rules::Simulation& simulation,
                                          const std::vector<rules::RunResult>& runs);

}  // namespace muster::ctl
