// A rollout's report as Markdown, to be filed with an incident or read in a terminal. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "operator/rollout_report.h"

namespace muster::ctl {

inline constexpr std::size_t report_devices_max = 100;  // rows of the table of failed devices
inline constexpr std::size_t report_entries_max = 200;  // lines of the timeline; the oldest and the newest half

[[nodiscard]] std::string report_text(const RolloutReport& report);

}  // namespace muster::ctl
