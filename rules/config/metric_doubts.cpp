#include "rules/config/metric_doubts.h"

#include "rules/simulate/fleet.h"

namespace muster::rules {

std::vector<std::string> metric_doubts(const Rule& rule) {
  std::vector<std::string> doubts;
  for (const Guardrail& guardrail : rule.guardrails) {
    const auto meant = guardrail.metric.empty() ? std::string_view() : meant_metric(guardrail.metric);
    if (meant.empty()) continue;
    doubts.push_back("guardrail " + guardrail.name + " judges " + guardrail.metric +
                     ", which is no standard key: did you mean " + std::string(meant) +
                     "? As a task metric it gets votes only where the workload sends " + guardrail.metric);
  }
  return doubts;
}

}  // namespace muster::rules
