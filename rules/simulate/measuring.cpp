#include "rules/simulate/measuring.h"

#include <algorithm>
#include <cmath>

#include "rules/condition/program.h"
#include "rules/engine/facts.h"
#include "rules/engine/readings_environment.h"

namespace muster::rules {

namespace {

// The metrics that guardrails name; none at all when one has a condition, which may look at any.
std::vector<std::string> judged_by(const Rule& rule) {
  std::vector<std::string> names;
  for (const auto& guardrail : rule.guardrails) {
    if (guardrail.metric.empty()) return {};
    names.push_back(guardrail.metric);
  }
  return names;
}

const DescribedMetric* find_metric(const std::vector<DescribedMetric>& metrics, std::string_view name) {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& each) { return each.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<DescribedMetric>& metrics_of_every_device() {
  static const std::vector<DescribedMetric> metrics = {{"crash_count", 0, 0, 0, {}},
                                                       {"error_code", 0, 0, 0, {}},
                                                       {"thermal", 1, 0, 0, {}},
                                                       {std::string(delegate_metric), 0, 0, 0, "cpu"}};
  return metrics;
}

Measuring::Measuring(const Simulation& simulation, const Draws& draws) : simulation_(simulation), draws_(draws) {
  if (simulation.rule.guardrails.empty()) return;  // nobody listens
  const auto judged = judged_by(simulation.rule);
  for (const auto& group : simulation.fleet.groups) groups_.push_back(metrics_of(group.behaviour, judged));
}

std::uint32_t Measuring::place_of(const std::string& name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  const auto place = static_cast<std::uint32_t>(found - names_.begin());
  if (found == names_.end()) names_.push_back(name);
  return place;
}

std::vector<Measuring::Metric> Measuring::metrics_of(const DeviceBehaviour& behaviour,
                                                     const std::vector<std::string>& judged) {
  std::vector<Metric> metrics;
  const auto add = [&](const DescribedMetric& described, bool unknown) {
    const bool wanted = judged.empty() || std::find(judged.begin(), judged.end(), described.name) != judged.end();
    const bool there = std::any_of(metrics.begin(), metrics.end(),
                                   [&](const Metric& each) { return each.described.name == described.name; });
    const auto place = place_of(described.name);  // also of what nobody judges: another rule is another guardrail's
    if (!wanted || there) return;
    Metric metric{described, reading_from(described.name), place, 0, unknown};
    for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
      if (simulation_.faults[i].of_metric() && simulation_.faults[i].metric == described.name)
        metric.faults = static_cast<FaultBits>(metric.faults | 1u << i);
    }
    metrics.push_back(std::move(metric));
  };
  for (const auto& described : behaviour.metrics) add(described, false);
  for (const auto& described : metrics_of_every_device()) add(described, false);
  for (const auto& fault : simulation_.faults) {
    if (fault.kind == Fault::Kind::becomes) add({fault.metric, 0, 0, 0, {}}, true);
  }
  return metrics;
}

std::optional<double> Measuring::value_of(const Metric& metric, const Who& who) const {
  const auto& described = metric.described;
  const double level =
      described.mean * (1 + described.spread * draws_.normal(who.device, Draws::levels + metric.place));
  double value = level;
  if (described.noise != 0) {
    value *= 1 + described.noise / std::sqrt(who.summaries) *
                     draws_.normal(who.device, Draws::noises + metric.place, who.count);
  }
  bool known = !metric.unknown, set = false;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    if ((who.faults & metric.faults & 1u << i) == 0) continue;
    const auto& fault = simulation_.faults[i];
    if (fault.kind == Fault::Kind::changes) value *= fault.number;
    if (fault.kind == Fault::Kind::becomes) value = fault.number;
    set = set || fault.kind == Fault::Kind::becomes;
    known = fault.kind == Fault::Kind::vanishes ? false : known || fault.kind == Fault::Kind::becomes;
  }
  if (!known) return std::nullopt;
  // What cannot be negative is not made so by noise.
  return !set && described.mean >= 0 && value < 0 ? 0 : value;
}

const std::string* Measuring::delegate_of(const Metric& metric, const Who& who) const {
  const auto* text = &metric.described.text;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    if ((who.faults & metric.faults & 1u << i) == 0) continue;
    text = simulation_.faults[i].kind == Fault::Kind::vanishes ? nullptr : &simulation_.faults[i].word;
  }
  return text;
}

void Measuring::read(const Who& who, Readings& readings) const {
  readings.standard.fill(std::nan(""));
  readings.delegate_active.clear();
  std::size_t tasks = 0;
  for (const auto& metric : groups_[who.group]) {
    if (metric.described.name == delegate_metric) {
      if (const auto* text = delegate_of(metric, who); text != nullptr) readings.delegate_active = *text;
      continue;
    }
    const auto value = value_of(metric, who);
    if (!value) continue;
    if (metric.reading) {
      readings.set(*metric.reading, *value);
      continue;
    }
    if (tasks == readings.tasks.size()) readings.tasks.emplace_back();
    readings.tasks[tasks].name = metric.described.name;
    readings.tasks[tasks].value = *value;
    ++tasks;
  }
  readings.tasks.resize(tasks);
}

namespace {

// Whether a device of the group can vote on the guardrail.
bool is_heard(const Guardrail& guardrail, const Simulation& simulation, const Measuring& measuring,
              std::uint32_t group) {
  const auto& metrics = simulation.fleet.groups[group].behaviour.metrics;
  if (!guardrail.metric.empty()) {
    return find_metric(metrics_of_every_device(), guardrail.metric) != nullptr ||
           find_metric(metrics, guardrail.metric) != nullptr;
  }
  Readings readings;
  measuring.read({0, group, 0, 0, 1}, readings);
  return evaluate(ByteView(guardrail.when), ReadingsEnvironment(readings)) != Outcome::unknown;
}

bool is_target(const Simulation& simulation, std::uint32_t group) {
  ByteWriter packed;
  pack_facts(simulation.fleet.groups[group].facts, packed);
  return evaluate(ByteView(simulation.rule.targets), DeviceEnvironment({}, packed.bytes())) == Outcome::yes;
}

std::vector<std::string_view> metrics_described(const DescribedFleet& fleet) {
  std::vector<std::string_view> names;
  for (const auto& group : fleet.groups) {
    for (const auto& described : group.behaviour.metrics) names.push_back(described.name);
  }
  return names;
}

}  // namespace

std::string who_is_not_heard(const Guardrail& guardrail, const Simulation& simulation, const Measuring& measuring) {
  constexpr std::size_t shown_max = 3;
  const auto count = static_cast<std::uint32_t>(simulation.fleet.groups.size());
  bool any_target = false;
  for (std::uint32_t group = 0; group < count; ++group) any_target = any_target || is_target(simulation, group);
  std::vector<std::string> labels;
  for (std::uint32_t group = 0; group < count; ++group) {
    if (any_target && !is_target(simulation, group)) continue;
    if (is_heard(guardrail, simulation, measuring, group)) continue;
    auto label = label_of(simulation.fleet.groups[group].facts);
    if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(std::move(label));
  }
  std::string text;
  for (std::size_t i = 0; i < labels.size() && i < shown_max; ++i) text += (i == 0 ? "" : ", ") + labels[i];
  if (labels.size() > shown_max) text += " and " + std::to_string(labels.size() - shown_max) + " more";
  return text;
}

std::vector<std::string> warnings_of(const Simulation& simulation) {
  const Draws draws(0);
  const Measuring measuring(simulation, draws);
  std::vector<std::string> warnings;
  for (const auto& guardrail : simulation.rule.guardrails) {
    const auto who = who_is_not_heard(guardrail, simulation, measuring);
    if (who.empty()) continue;
    const bool named = !guardrail.metric.empty();
    const auto meant = named ? meant_metric(guardrail.metric, metrics_described(simulation.fleet)) : std::string_view();
    warnings.push_back("the fleet file does not say what " +
                       (named ? guardrail.metric : "\"" + guardrail.when_text + "\" looks at") + " is like on " + who +
                       ": guardrail " + guardrail.name + " gets no votes from there; " +
                       (meant.empty() ? std::string() : "did you mean " + std::string(meant) + "? Else ") +
                       "add it under 'metrics' (docs/simulate.md)");
  }
  return warnings;
}

}  // namespace muster::rules
