#include "tests/sim/checkers/samples.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tests/sim/fleet.h"

namespace muster::sim {

using rules::Against;
using rules::Guardrail;

namespace {

constexpr double drift_least = 0.7;
constexpr double rounding = 1e-4;  // the engine keeps means as floats

bool is_delegate(const Guardrail& rule) {
  return rule.metric == "delegate_active";
}
// One sample of it is enough: it is not averaged.
bool is_state(const Guardrail& rule) {
  return rule.metric.empty() || rule.metric == "crash_count";
}

// With what was before.
bool compares(const Guardrail& rule) {
  return is_delegate(rule) || (!is_state(rule) && rule.against != Against::absolute);
}
// Also what was measured while the device fetched: it ran the old versions still.
Samples all_before(const Gauge& gauge) {
  auto all = gauge.before;
  all.add(gauge.maybe_before);
  all.add(gauge.undone);
  return all;
}

std::optional<double> sample_of(const Guardrail& rule, const rules::Readings& readings) {
  if (rule.metric.empty()) {
    for (const auto& condition : health_conditions()) {
      if (condition.text != rule.when_text) continue;
      const auto holds = condition.holds(readings);
      return holds ? std::optional<double>(*holds ? 1 : 0) : std::nullopt;
    }
    return std::nullopt;
  }
  double value = std::numeric_limits<double>::quiet_NaN();
  if (rule.metric == "p95_ms") value = readings.of(rules::Reading::p95_ms);
  if (rule.metric == "inferences") value = readings.of(rules::Reading::inferences);
  if (rule.metric == "crash_count") value = readings.of(rules::Reading::crash_count);
  for (const auto& task : readings.tasks) {
    if (task.name == rule.metric) value = task.value;
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

void take_sample(const Guardrail& rule, const rules::Readings& readings, Samples& samples) {
  if (is_delegate(rule)) {
    if (readings.delegate_active.empty()) {
      ++samples.missing;
    } else {
      ++samples.count;
      samples.delegates.insert(readings.delegate_active);
    }
  } else if (const auto value = sample_of(rule, readings)) {
    samples.add(*value);
  } else {
    ++samples.missing;
  }
}

bool can_be_compared(const Guardrail& rule, const Gauge& gauge) {
  return !compares(rule) || gauge.before.count != 0;
}

bool may_exceed(const Guardrail& rule, const Gauge& gauge) {
  const auto& after = gauge.reached;
  const auto before = all_before(gauge);
  if (after.count == 0 || (compares(rule) && before.count == 0)) return false;
  if (is_delegate(rule)) {
    auto both = before.delegates;
    both.insert(after.delegates.begin(), after.delegates.end());
    return both.size() > 1;
  }
  if (rule.metric.empty()) return after.most > 0;
  double limit = rule.limit;
  if (rule.lower_is_worse) {
    if (rule.against != Against::absolute) limit = before.most * (1 - rule.limit);
    return after.least < limit * (1 + rounding);
  }
  if (rule.against != Against::absolute) limit = before.least * (1 + rule.limit);
  if (rule.against == Against::control) limit *= drift_least;
  return after.most > limit * (1 - rounding);
}

bool must_exceed(const Guardrail& rule, const Gauge& gauge) {
  const auto& after = gauge.done;
  if (after.count == 0 || after.missing != 0 || is_delegate(rule) || !can_be_compared(rule, gauge)) return false;
  if (rule.metric.empty()) return after.least > 0;
  if (rule.against == Against::control) return false;
  const auto before = all_before(gauge);
  double limit = rule.limit;
  if (rule.lower_is_worse) {
    if (rule.against != Against::absolute) limit = before.least * (1 - rule.limit);
    return after.most < limit * (1 - rounding);
  }
  if (rule.against != Against::absolute) limit = before.most * (1 + rule.limit);
  return after.least > limit * (1 + rounding);
}

}  // namespace muster::sim
