// The part of a fleet file that says how devices behave: links, health summaries, updates, metrics. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "rules/config/fields.h"
#include "rules/simulate/fleet.h"

namespace muster::rules {

// The keys of a group and of `defaults` that read_behaviour reads.
[[nodiscard]] const std::vector<std::string_view>& behaviour_keys();

// Changes in `behaviour` what the fields say; metrics by name.
void read_behaviour(const Fields& fields, DeviceBehaviour& behaviour, Problems& problems);

// Of a fleet: how much a device downloads on each plane.
void read_release_mb(const YamlNode& node, DescribedFleet& fleet, Problems& problems);

}  // namespace muster::rules
