// The part of a fleet file that says how devices behave: links, health summaries, updates, metrics. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "rules/config/fields.h"
#include "rules/simulate/fleet.h"

namespace muster::rules {

// The keys of a group and of `defaults` that read_behaviour reads, and those of `link` among them.
[[nodiscard]] const std::vector<std::string_view>& behaviour_keys();
[[nodiscard]] const std::vector<std::string_view>& link_keys();

// A word such as `fair` as the number of the reading (readings.h).
[[nodiscard]] std::optional<double> read_thermal(const YamlNode& node, Problems& problems);

// Changes in `behaviour` what the fields say; metrics by name.
void read_behaviour(const Fields& fields, DeviceBehaviour& behaviour, Problems& problems);

// Of a fleet: how much a device downloads on each plane.
void read_release_mb(const YamlNode& node, DescribedFleet& fleet, Problems& problems);

}  // namespace muster::rules
