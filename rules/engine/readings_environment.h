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
    constexpr std::string_view prefix = "inference_";
    if (name.substr(0, prefix.size()) == prefix) name.remove_prefix(prefix.size());
    if (const auto reading = reading_from(name)) return number(readings_.of(*reading));
    for (const auto& task : readings_.tasks) {
      if (task.name == name) return number(task.value);
    }
    return {};
  }

 private:
  static Value number(double value) { return std::isfinite(value) ? Value::of(value) : Value(); }
  const Readings& readings_;
};

}  // namespace muster::rules
