#include "rules/config/reach.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>

#include "rules/engine/rollout.h"
#include "rules/engine/segment.h"
#include "rules/verdict/sequential_test.h"

namespace muster::rules {
namespace {

// At least one where any is to be expected: a small segment may be spared by a wave, but nothing relies on that.
std::uint32_t whole_devices(double expected) {
  return expected <= 0 ? 0 : std::max(1u, static_cast<std::uint32_t>(std::lround(expected)));
}

struct PlannedSegment {
  std::uint32_t targets = 0;
  std::vector<double> reached;  // by wave
};

std::map<std::string, PlannedSegment> segments_of(const Guardrail& guardrail, std::size_t waves,
                                                  const std::vector<PlannedGroup>& groups) {
  std::map<std::string, PlannedSegment> segments;
  for (const PlannedGroup& group : groups) {
    assert(group.reached.size() == waves);
    PlannedSegment& segment = segments[segment_name(guardrail.by, group.facts)];
    segment.targets += group.devices;
    segment.reached.resize(waves, 0);
    for (std::size_t wave = 0; wave < waves; ++wave) segment.reached[wave] += group.reached[wave];
  }
  return segments;
}

// Whether all verdicts of the last wave of `rule` that its targets are enough for can come.
bool is_large_enough(const Rule& rule, const DescribedFleet& fleet) {
  const auto found = verdicts_out_of_reach(rule, plan_waves(rule, fleet));
  return std::none_of(found.begin(), found.end(), [&](const OutOfReach& each) {
    return each.wave + 1 == rule.waves.size() && each.can_be_reached();
  });
}

}  // namespace

std::vector<OutOfReach> verdicts_out_of_reach(const Rule& rule, const std::vector<PlannedGroup>& groups) {
  std::vector<OutOfReach> found;
  for (std::size_t i = 0; i < rule.guardrails.size(); ++i) {
    const Guardrail& guardrail = rule.guardrails[i];
    const auto segments = segments_of(guardrail, rule.waves.size(), groups);
    const auto count = static_cast<std::uint32_t>(segments.size());
    const SequentialTest test(guardrail.tolerate_ppm, guardrail.error_ppm,
                              guardrail.by.empty() ? 1 : error_parts(count, 0));
    const auto needed = test.devices_to_pass(0);
    for (const auto& [name, segment] : segments) {
      for (std::size_t wave = 0; wave < rule.waves.size(); ++wave) {
        const std::uint32_t devices = whole_devices(segment.reached[wave]);
        if (devices == 0 || !rule.waves[wave].is_judged() || (needed && devices >= *needed)) continue;
        found.push_back({wave, i, name, count, devices, segment.targets, needed});
      }
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const OutOfReach& a, const OutOfReach& b) { return a.wave < b.wave; });
  return found;
}

std::optional<LargeEnough> large_enough(const Rule& rule, const DescribedFleet& fleet, std::size_t wave) {
  Rule tried = rule;
  tried.waves.resize(wave + 1);
  Wave& last = tried.waves.back();
  // After a percentage no number of devices is a wave.
  const bool share =
      std::any_of(tried.waves.begin(), tried.waves.end(), [](const Wave& each) { return each.percent != 0; });
  last.rehearse = false;  // a ring that rehearses is judged, and a number of devices would not be
  std::uint64_t targets = 0;
  for (const auto& group : plan_waves(rule, fleet)) targets += group.devices;
  const auto set = [&](std::uint32_t size) {
    last.ring.clear();
    (share ? last.percent : last.devices) = size;
    return is_large_enough(tried, fleet);
  };
  // What is enough stays so when the wave grows: more devices of each segment are in it.
  auto most = static_cast<std::uint32_t>(share ? 100 : std::min<std::uint64_t>(targets, wave_devices_max));
  if (most == 0 || !set(most)) return std::nullopt;
  std::uint32_t least = 1;
  while (least < most) {
    const auto middle = least + (most - least) / 2;
    if (set(middle))
      most = middle;
    else
      least = middle + 1;
  }
  (share ? last.percent : last.devices) = least;
  return LargeEnough{share ? least : 0, share_of(last, targets)};
}

}  // namespace muster::rules
