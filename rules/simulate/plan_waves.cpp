#include "rules/simulate/plan_waves.h"

#include <algorithm>

#include "rules/condition/program.h"
#include "rules/engine/facts.h"
#include "rules/engine/rollout.h"

namespace muster::rules {
namespace {

bool matches(ByteView condition, const DeviceFacts& facts) {
  ByteWriter packed;
  pack_facts(facts, packed);
  const DeviceEnvironment environment({}, packed.bytes());
  return evaluate(condition, environment) == Outcome::yes;
}

// Adds what a wave of this share or number of devices takes to `reached`, from each group in proportion to what is left
// of it.
void take_share(const Wave& wave, const std::vector<PlannedGroup>& groups, std::vector<double>& reached) {
  std::uint64_t targets = 0;
  double in = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    targets += groups[i].devices;
    in += reached[i];
  }
  const auto wanted = static_cast<double>(share_of(wave, targets));
  const double left = static_cast<double>(targets) - in;
  if (wanted <= in || left <= 0) return;
  const double share = (wanted - in) / left;
  for (std::size_t i = 0; i < groups.size(); ++i) reached[i] += (groups[i].devices - reached[i]) * share;
}

}  // namespace

bool is_empty_ring(const Wave& wave, const std::vector<PlannedGroup>& groups) {
  return wave.is_ring() && std::none_of(groups.begin(), groups.end(), [&](const PlannedGroup& group) {
           return group.devices != 0 && matches(wave.ring, group.facts);
         });
}

std::vector<PlannedGroup> plan_waves(const Rule& rule, const DescribedFleet& fleet) {
  std::vector<PlannedGroup> groups;
  for (const FleetGroup& group : fleet.groups) {
    if (matches(rule.targets, group.facts)) groups.push_back({group.facts, group.count, {}});
  }
  std::vector<double> reached(groups.size(), 0);
  for (const Wave& wave : rule.waves) {
    if (!wave.is_ring()) take_share(wave, groups, reached);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (wave.is_ring() && matches(wave.ring, groups[i].facts)) reached[i] = groups[i].devices;
      groups[i].reached.push_back(reached[i]);
    }
  }
  return groups;
}

}  // namespace muster::rules
