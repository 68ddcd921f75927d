#include "rules/config/reach.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>

#include "rules/condition/program.h"
#include "rules/config/load_rule.h"
#include "rules/config/percent.h"
#include "rules/engine/facts.h"
#include "rules/engine/rollout.h"
#include "rules/engine/segment.h"
#include "rules/verdict/sequential_test.h"

namespace muster::rules {
namespace {

constexpr std::uint64_t whole_ppm = SequentialTest::ppm;

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

std::string sentence_of(const OutOfReach& found, const Rule& rule) {
  const Guardrail& guardrail = rule.guardrails[found.guardrail];
  const Wave& wave = rule.waves[found.wave];
  const bool last = found.wave + 1 == rule.waves.size();
  const bool never = !found.needed || found.targets < *found.needed;
  std::string text = "wave " + wave.name + " reaches " + (found.segment.empty() ? "" : "about ") +
                     std::to_string(found.devices) + (found.devices == 1 ? " device" : " devices");
  if (!found.segment.empty()) text += " with " + found.segment;
  text += "; a pass of guardrail " + guardrail.name + " at " + percent_text(whole_ppm - guardrail.error_ppm) +
          " % with tolerate " + percent_text(guardrail.tolerate_ppm) + " % needs ";
  text += found.needed ? std::to_string(*found.needed) : "more than any fleet has";
  if (!guardrail.by.empty()) {
    text += found.segments == 1 ? " in its one segment" : " in each of " + std::to_string(found.segments) + " segments";
  }
  if (never && found.needed) text += ", and there are only " + std::to_string(found.targets);

  if (wave.gate == Gate::manual) return text + ": whoever approves the wave decides without it";
  if (guardrail.advance_after_s != 0) {
    return text + ": " + (last ? "the rollout completes" : "it goes on") + " without it " +
           duration_as_written(guardrail.advance_after_s * 1000) + " after it opened";
  }
  text += ": it will hold; lower confidence, raise tolerate, ";
  if (!guardrail.by.empty() && never) text += "judge by fewer attributes, ";
  return text + "or gate: manual";
}

}  // namespace muster::rules
