// A simulation as text: the plan before it, the timeline of one run, the spread over many. What is in sentences is
// wrapped, never cut. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "operator/render/style.h"
#include "rules/simulate/simulation.h"

namespace muster::ctl {

// When the waves can open at the earliest, and how many of which devices are to be expected in each. `fleet_file` names
// the fleet. Ends in a line break.
[[nodiscard]] std::string simulation_plan(const rules::Simulation& simulation, const std::string& fleet_file,
                                          std::size_t columns, const Style& style);

// The timeline, who was in which wave, and what became of them. Ends in a line break.
[[nodiscard]] std::string simulated_run(const rules::Simulation& simulation, const rules::RunResult& run,
                                        std::size_t columns, const Style& style);

// How the runs ended, and how far and how fast, as histograms. REQUIRES: at least one run. Ends in a line break.
[[nodiscard]] std::string simulated_runs(const rules::Simulation& simulation, const std::vector<rules::RunResult>& runs,
                                         std::size_t columns, const Style& style);

// "completed after 3 h 12 min", "halted after 1 h 02 min: …"
[[nodiscard]] std::string end_of_run(const rules::RunResult& run);

}  // namespace muster::ctl
