#include "operator/fleet_plan.h"

#include <algorithm>
#include <cmath>

#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "rules/config/metric_doubts.h"
#include "rules/config/reach.h"
#include "rules/simulate/simulation.h"

namespace muster::ctl {
namespace {

constexpr std::size_t sentences_shown_max = 20;

struct Planned {
  std::uint64_t devices = 0, targets = 0;
  std::vector<std::uint64_t> reached;  // by wave
  std::vector<bool> empty_ring;        // by wave
  std::vector<rules::OutOfReach> out_of_reach;
  std::vector<std::optional<rules::LargeEnough>> enough;  // by wave that is too small
};

Planned plan(const rules::Rule& rule, const rules::DescribedFleet& fleet) {
  Planned planned;
  for (const auto& group : fleet.groups) planned.devices += group.count;
  const auto groups = rules::plan_waves(rule, fleet);
  for (const auto& group : groups) planned.targets += group.devices;
  for (std::size_t wave = 0; wave < rule.waves.size(); ++wave) {
    double reached = 0;
    for (const auto& group : groups) reached += group.reached[wave];
    planned.reached.push_back(static_cast<std::uint64_t>(std::llround(reached)));
    planned.empty_ring.push_back(rules::is_empty_ring(rule.waves[wave], groups));
  }
  planned.out_of_reach = rules::verdicts_out_of_reach(rule, groups);
  planned.enough.resize(rule.waves.size());
  for (const auto& found : planned.out_of_reach) {
    auto& enough = planned.enough[found.wave];
    if (!enough && found.can_be_reached()) enough = rules::large_enough(rule, fleet, found.wave);
  }
  return planned;
}

}  // namespace

std::string fleet_plan(const rules::Rule& rule, const rules::DescribedFleet& fleet, const std::string& file) {
  const auto planned = plan(rule, fleet);
  auto text = "Of the " + count_text(planned.devices, "device") + " in " + file + " it targets " +
              std::to_string(planned.targets) + ":";
  for (std::size_t wave = 0; wave < rule.waves.size(); ++wave) {
    text += "\n  " + std::to_string(wave + 1) + ". " + rule.waves[wave].name + " reaches " +
            std::to_string(planned.reached[wave]);
    if (planned.empty_ring[wave]) text += ": nobody is in it, and the rollout stands there until somebody is";
  }
  // A partial rollout, or one whose rings leave some out: easily meant otherwise.
  if (!planned.reached.empty() && planned.reached.back() < planned.targets)
    text += "\n  no wave reaches the other " + std::to_string(planned.targets - planned.reached.back());
  if (planned.targets == 0) {
    const auto values = rules::values_asked_for(ByteView(rule.targets), fleet);
    text += "\nwarning: no device of the fleet is a target" + (values.empty() ? "" : "; in the fleet " + values);
  }
  if (rule.guardrails.empty()) return text;
  const auto& found = planned.out_of_reach;
  if (planned.targets == 0) return text;
  if (found.empty()) return text + "\nEach wave is large enough for a verdict of each guardrail.";
  text += "\nToo small for a verdict, even when every device is fine:";
  const auto sentences = rules::sentences_of(found, rule);
  for (std::size_t i = 0; i < sentences.size() && i < sentences_shown_max; ++i) text += "\n  " + sentences[i];
  if (sentences.size() > sentences_shown_max)
    text += "\n  and " + std::to_string(sentences.size() - sentences_shown_max) + " more (--json has all)";
  for (std::size_t wave = 0; wave < planned.enough.size(); ++wave) {
    if (planned.enough[wave]) text += "\n  " + rules::sentence_of(*planned.enough[wave], rule.waves[wave]);
  }
  return text;
}

std::string fleet_plan_json(const rules::Rule& rule, const rules::DescribedFleet& fleet) {
  const auto planned = plan(rule, fleet);
  std::vector<RawJson> waves, out_of_reach;
  for (std::size_t wave = 0; wave < rule.waves.size(); ++wave) {
    JsonFields fields{{"name", rule.waves[wave].name},
                      {"reached", planned.reached[wave]},
                      {"empty_ring", bool{planned.empty_ring[wave]}}};
    if (const auto& enough = planned.enough[wave]; enough && enough->percent != 0)
      fields.emplace_back("enough_percent", std::uint64_t{enough->percent});
    if (const auto& enough = planned.enough[wave]; enough) fields.emplace_back("enough_devices", enough->devices);
    waves.push_back({json_object(fields)});
  }
  for (const auto& found : planned.out_of_reach) {
    JsonFields fields{{"wave", rule.waves[found.wave].name},
                      {"guardrail", rule.guardrails[found.guardrail].name},
                      {"segment", found.segment},
                      {"devices", std::uint64_t{found.devices}},
                      {"targets", std::uint64_t{found.targets}}};
    if (found.needed) fields.emplace_back("needed", std::uint64_t{*found.needed});
    fields.emplace_back("sentence", rules::sentence_of(found, rule));
    out_of_reach.push_back({json_object(fields)});
  }
  return json_object({{"devices", planned.devices},
                      {"targets", planned.targets},
                      {"waves", RawJson{json_array(waves)}},
                      {"out_of_reach", RawJson{json_array(out_of_reach)}}});
}

// A file that says of no device what it measures is only about numbers of devices: then a name that is near to a
// standard key is all that there is to warn of.
std::vector<std::string> fleet_warnings(const rules::Rule& rule, const rules::DescribedFleet& fleet) {
  const bool measures = std::any_of(fleet.groups.begin(), fleet.groups.end(),
                                    [](const rules::FleetGroup& group) { return !group.behaviour.metrics.empty(); });
  if (!measures) return rules::metric_doubts(rule);
  rules::Simulation simulation;
  simulation.rule = rule;
  simulation.fleet = fleet;
  return rules::warnings_of(simulation);
}

}  // namespace muster::ctl
