// How many devices of a described fleet each wave of a rule is to be expected to have, before anything starts. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/engine/rule.h"
#include "rules/simulate/fleet.h"

namespace muster::rules {

// Targets that say the same of themselves, and how many of them the waves reach.
struct PlannedGroup {
  DeviceFacts facts;
  std::uint32_t devices = 0;
  std::vector<double> reached;  // by wave: so many devices are to be expected in it and the waves before it
};

// The groups of `fleet` that the rule targets, wave by wave. Rings take whole groups. A percentage takes as many
// devices as the engine will, and of each group its share of those not in yet: the seed and the ids decide which ones,
// so that a group's number is what is to be expected. The devices have no ids here: conditions see an empty device.id.
[[nodiscard]] std::vector<PlannedGroup> plan_waves(const Rule& rule, const DescribedFleet& fleet);
// Whether the wave is a ring that nobody of the groups is in: a rollout stands there until somebody is.
[[nodiscard]] bool is_empty_ring(const Wave& wave, const std::vector<PlannedGroup>& groups);

}  // namespace muster::rules
