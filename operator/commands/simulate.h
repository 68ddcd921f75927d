// `musterctl simulate`: a rule tried out against a described fleet, without a broker. One thread calls it; runs with
// different seeds go on several, and what is printed does not depend on how many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/commands/terminal.h"

namespace muster::ctl {

inline constexpr std::uint64_t simulation_runs_max = 10'000;

struct SimulateOptions {
  std::string rule, fleet;             // files
  std::vector<std::string> faults;     // as rules/config/load_faults.h describes them
  std::string faults_file;             // more of them; empty: none
  std::uint64_t seed = 1;              // of the first run; the others follow
  std::optional<std::uint64_t> seeds;  // runs, 1–simulation_runs_max; none: as many as are quickly done
  std::optional<std::uint64_t> approve_after_s = 600;  // none: nobody approves
  std::uint64_t until_s = 30 * 86'400;
};

[[nodiscard]] Outcome simulate(const SimulateOptions& options, const Terminal& terminal);

}  // namespace muster::ctl
