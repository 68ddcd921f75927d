// What conditions of guardrails see of one health summary. Read-only; any thread.
#pragma once

#include <cmath>
#include <string_view>

#include "rules/condition/program.h"
#include "rules/engine/readings.h"

namespace muster::rules {

// The readings under the names that conditions use. `thermal` is a number there, like every task metric.
class ReadingsEnvironment final : public Environment {
 public:
  explicit ReadingsEnvironment(const Readings& readings) : readings_(readings) {}
  [[nodiscard]] Value lookup(std::string_view name) const override {
    if (const auto reading = reading_from(name)) return number(readings_.of(*reading));
    for (const auto& task : readings_.tasks) {
      if (task.name == name) return number(task.value);
    }
    return name.substr(0, prefix.size()) == prefix ? latency(name.substr(prefix.size())) : Value();
  }

 private:
  // Recovery policies know the latencies of the inference under longer names; conditions of guardrails do too.
  static constexpr std::string_view prefix = "inference_";
  [[nodiscard]] Value latency(std::string_view name) const {
    const auto reading = reading_from(name);
    if (!reading || *reading < Reading::p50_ms || *reading > Reading::p99_ms) return {};
    return number(readings_.of(*reading));
  }
  static Value number(double value) { return std::isfinite(value) ? Value::of(value) : Value(); }
  const Readings& readings_;
};

}  // namespace muster::rules
