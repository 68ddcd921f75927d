// A fleet file's text → a described Fleet: how many devices there are of which facts. Plans are made against it before
// a rule meets real devices. All errors at once, as for rules. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"
#include "rules/engine/event.h"

namespace muster::rules {

inline constexpr std::size_t fleet_groups_max = 512;
inline constexpr std::uint64_t fleet_devices_max = 10'000'000;  // of all groups together; what tests count up to

// Devices that say the same of themselves.
struct FleetGroup {
  std::uint32_t count = 0;  // at least 1
  DeviceFacts facts;
};

struct DescribedFleet {
  std::vector<FleetGroup> groups;  // 1–fleet_groups_max
};

struct LoadedFleet {
  std::optional<DescribedFleet> fleet;  // none when there is any error
  std::vector<Diagnostic> diagnostics;
};

// `file` only names the source in diagnostics.
[[nodiscard]] LoadedFleet load_fleet(std::string_view text, const std::string& file);

}  // namespace muster::rules
