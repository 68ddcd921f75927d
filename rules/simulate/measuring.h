// What simulated devices measure: of each described metric that a guardrail looks at the device's own level, some
// noise, and what the faults at work on it make of that. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/readings.h"
#include "rules/simulate/draws.h"
#include "rules/simulate/simulation.h"

namespace muster::rules {

using FaultBits = std::uint16_t;  // of Simulation::faults
static_assert(faults_max <= 16, "a bit each");

class Measuring {
 public:
  // The simulation must outlive this.
  Measuring(const Simulation& simulation, const Draws& draws);

  struct Who {
    std::uint32_t device = 0, group = 0;
    FaultBits faults = 0;     // at work on it
    std::uint32_t count = 0;  // of the observation: one has one noise
    double summaries = 1;     // of its own that are one here: their noise averages out
  };
  // Sets all of `readings`.
  void read(const Who& who, Readings& readings) const;

 private:
  struct Metric {
    DescribedMetric described;
    std::optional<Reading> reading;
    std::uint32_t place = 0;  // among all metrics: the same in each group
    FaultBits faults = 0;     // that are about it
    bool unknown = false;     // not described: only a fault makes it known
  };
  std::vector<Metric> metrics_of(const DeviceBehaviour& behaviour, const std::vector<std::string>& judged);
  [[nodiscard]] std::optional<double> value_of(const Metric& metric, const Who& who) const;
  [[nodiscard]] const std::string* delegate_of(const Metric& metric, const Who& who) const;
  std::uint32_t place_of(const std::string& name);

  const Simulation& simulation_;
  const Draws& draws_;
  std::vector<std::string> names_;  // by place
  std::vector<std::vector<Metric>> groups_;
};

// "rk3566 de, rk3566 us and 3 more": the targets that the fleet gives nothing to say to the guardrail; empty: none.
// Conditions on ids know no group: then all count as targets.
[[nodiscard]] std::string who_is_not_heard(const Guardrail& guardrail, const Simulation& simulation,
                                           const Measuring& measuring);

// What each device reports whether its group describes it or not: nothing crashed, nothing is too hot, the processor
// runs the model.
[[nodiscard]] const std::vector<DescribedMetric>& metrics_of_every_device();

}  // namespace muster::rules
