// What is told of a simulated run, and what can be said before one.
#include <algorithm>
#include <cmath>

#include "rules/condition/program.h"
#include "rules/engine/facts.h"
#include "rules/engine/rollout.h"
#include "rules/simulate/plan_waves.h"
#include "rules/simulate/world.h"

namespace muster::rules {

void World::prepare_result() {
  for (const auto& group : simulation_.fleet.groups) {
    auto label = label_of(group.facts);
    const bool known = std::any_of(result_.labels.begin(), result_.labels.end(),
                                   [&](const LabelResult& each) { return each.label == label; });
    if (!known) result_.labels.push_back({std::move(label), 0, 0, 0, 0});
  }
  result_.waves.resize(simulation_.rule.waves.size());
  for (auto& wave : result_.waves) wave.by_label.assign(result_.labels.size(), 0);
}

// It got the rule's releases; the wave that is open now is the one that it got them in. Once, however often it tries.
void World::note_assigned(Number device) {
  if (devices_[device].counted) return;
  devices_[device].counted = true;
  auto& wave = result_.waves[engine_.status(simulation_.rule.rollout)->wave];
  ++wave.devices;
  ++wave.by_label[devices_[device].label];
  FleetIds::Buffer buffer;
  if (wave.first_devices.size() < first_devices_max) wave.first_devices.emplace_back(ids_.id(device, buffer));
}

void World::complete_result() {
  result_.end_s = since_start_s();
  result_.status = *engine_.status(simulation_.rule.rollout);
  result_.timeline = timeline_.take();
  const auto state = result_.status.state;
  const bool ended = state == RolloutState::completed || state == RolloutState::aborted;
  if (!ended && result_.end != RunResult::End::out_of_time) result_.end = RunResult::End::stands_still;
  for (const auto& device : devices_) {
    if (!device.target) continue;
    auto& label = result_.labels[device.label];
    ++label.targets;
    label.ran += device.ran ? 1 : 0;
    label.harmed += device.harmed ? 1 : 0;
    label.runs += device.active != 0 ? 1 : 0;
  }
  for (const auto& label : result_.labels) {
    result_.ran += label.ran;
    result_.harmed += label.harmed;
  }
}

namespace {

bool is_target(const Rule& rule, std::string_view id, std::string_view facts) {
  return evaluate(ByteView(rule.targets), DeviceEnvironment(id, facts)) == Outcome::yes;
}

std::string metric_fault(const Simulation& simulation) {
  for (const auto& fault : simulation.faults) {
    if (fault.kind != Fault::Kind::changes && fault.kind != Fault::Kind::vanishes) continue;
    const auto has = [&](const std::vector<DescribedMetric>& metrics) {
      return std::any_of(metrics.begin(), metrics.end(), [&](const auto& each) { return each.name == fault.metric; });
    };
    const bool known = std::any_of(simulation.fleet.groups.begin(), simulation.fleet.groups.end(),
                                   [&](const FleetGroup& group) { return has(group.behaviour.metrics); });
    if (known || has(metrics_of_every_device())) continue;
    return "the fault \"" + fault.text + "\" is about " + fault.metric +
           ", and the fleet file does not say what that is like; add it under 'metrics'";
  }
  return {};
}

}  // namespace

std::string fault_of(const Simulation& simulation, const FleetIds& ids) {
  if (auto fault = metric_fault(simulation); !fault.empty()) return fault;
  ByteWriter packed;
  FleetIds::Buffer buffer;
  const auto& groups = simulation.fleet.groups;
  for (std::uint32_t group = 0; group < groups.size(); ++group) {
    packed.clear();
    pack_facts(groups[group].facts, packed);
    for (std::uint32_t i = 0; i < groups[group].count; ++i) {
      if (is_target(simulation.rule, ids.id(ids.first_of(group) + i, buffer), packed.bytes())) return {};
    }
  }
  const auto values = values_asked_for(ByteView(simulation.rule.targets), simulation.fleet);
  return "none of the " + std::to_string(ids.size()) + " devices of the fleet is a target (" +
         simulation.rule.targets_text + ")" + (values.empty() ? "" : "; in the fleet " + values);
}

namespace {

bool matches(ByteView condition, const FleetGroup& group) {
  ByteWriter packed;
  pack_facts(group.facts, packed);
  return evaluate(condition, DeviceEnvironment({}, packed.bytes())) == Outcome::yes;
}

// How many devices each wave adds, where no condition asks for an id.
std::vector<std::uint64_t> devices_of_waves(const Simulation& simulation) {
  std::vector<double> reached(simulation.rule.waves.size(), 0);
  for (const auto& group : plan_waves(simulation.rule, simulation.fleet)) {
    for (std::size_t wave = 0; wave < reached.size(); ++wave) reached[wave] += group.reached[wave];
  }
  std::vector<std::uint64_t> added;
  for (std::size_t wave = 0; wave < reached.size(); ++wave)
    added.push_back(static_cast<std::uint64_t>(std::llround(reached[wave] - (wave == 0 ? 0 : reached[wave - 1]))));
  return added;
}

// How long the last of a wave's `devices` waits for its maintenance window from then on, at least: they may be those
// whose windows come first.
std::uint64_t until_windows_s(const Simulation& simulation, const Wave& wave, std::uint64_t devices,
                              std::uint64_t time_s) {
  const auto& rule = simulation.rule;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> waits;  // how long, and how many devices
  for (const auto& group : simulation.fleet.groups) {
    if (rule.windows.empty() || !matches(rule.targets, group)) continue;
    if (wave.is_ring() && !matches(wave.ring, group)) continue;
    const auto zone = zone_of(group.facts.utc_offset_min.value_or(static_cast<std::int16_t>(rule.utc_offset_min)));
    const bool open = is_open(rule.windows, zone, time_s);
    waits.emplace_back(open ? 0 : next_opening_s(rule.windows, zone, time_s) - time_s, group.count);
  }
  std::sort(waits.begin(), waits.end());
  std::uint64_t served = 0, longest_s = 0;
  for (const auto& [wait_s, count] : waits) {
    if (served >= devices) break;
    served += count;
    longest_s = wait_s;
  }
  return longest_s;
}

// From the first assignment of so many to the last.
double assigning_s(const Pace& pace, std::uint64_t devices, double each_s) {
  double seconds = 0;
  const auto others = static_cast<double>(devices > 0 ? devices - 1 : 0);
  if (pace.per_minute != 0) seconds = 60 * std::max(0.0, others - pace.per_minute) / pace.per_minute;
  if (pace.at_once != 0) seconds = std::max(seconds, std::floor(others / pace.at_once) * each_s);
  return seconds;
}

// How long whoever approves a wave waits for its votes, at least: until those have come that take longest, of
// guardrails to which all targets have something to say.
std::uint64_t longest_observation_s(const Simulation& simulation) {
  std::uint64_t longest_s = 0;
  if (simulation.rule.shadow) return 0;  // observed while it soaks
  const Draws draws(0);
  const Measuring measuring(simulation, draws);
  for (const auto& guardrail : simulation.rule.guardrails) {
    const bool compared = guardrail.against != Against::absolute;
    if (compared && simulation.rule.baseline_window_s == 0) continue;  // with nothing
    if (who_is_not_heard(guardrail, simulation, measuring).empty())
      longest_s = std::max(longest_s, guardrail.observe_s);
  }
  return longest_s;
}

}  // namespace

std::vector<std::uint64_t> earliest_openings(const Simulation& simulation) {
  const auto& rule = simulation.rule;
  constexpr double quickest = 0.75;  // of what an update usually takes (world_devices.cpp)
  bool compares = false;
  std::uint64_t observe_s = 0;
  for (const auto& guardrail : rule.guardrails) {
    compares = compares || guardrail.against != Against::absolute;
    // A shadow is observed while it soaks.
    if (guardrail.advance_after_s == 0 && !rule.shadow) observe_s = std::max(observe_s, guardrail.observe_s);
  }
  const auto votes_s = longest_observation_s(simulation);
  std::optional<double> least_s;  // a wave may have the quickest devices alone
  for (const auto& group : simulation.fleet.groups) {
    if (!matches(rule.targets, group)) continue;
    double mb = 0;
    for (const auto& version : rule.versions)
      mb += simulation.fleet.release_mb[static_cast<std::size_t>(version.plane)];
    const double takes_s = mb * kbit_of_mb / std::max(1u, group.behaviour.link.kbit_per_s) +
                           static_cast<double>(rule.shadow ? 0 : group.behaviour.update_takes_s);
    least_s = std::min(least_s.value_or(takes_s), takes_s);
  }
  const double update_s = quickest * least_s.value_or(0);
  const auto devices = devices_of_waves(simulation);
  std::vector<std::uint64_t> openings = {compares ? rule.baseline_window_s : 0};
  for (std::size_t i = 0; i + 1 < rule.waves.size(); ++i) {
    const auto& wave = rule.waves[i];
    const bool manual = wave.gate == Gate::manual;
    const double once_s = update_s + static_cast<double>(wave.soak_s);
    // The second time nothing has to be fetched.
    const double each_s = wave.rehearse ? once_s + static_cast<double>(wave.soak_s) : once_s;
    openings.push_back(openings.back() +
                       until_windows_s(simulation, wave, devices[i], simulated_start_s + openings.back()) +
                       static_cast<std::uint64_t>(each_s + assigning_s(rule.pace, devices[i], each_s)) +
                       (manual             ? simulation.approve_after_s.value_or(0) + votes_s
                        : wave.is_judged() ? observe_s
                                           : 0));
    if (!manual && wave.is_judged()) observe_s = 0;  // votes add up over waves: a verdict that stands needs no new ones
  }
  return openings;
}

}  // namespace muster::rules
