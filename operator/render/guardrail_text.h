// The guardrails of a rollout as text: the table of `rollout status`, and what `rollout watch` prints when a verdict
// changes. Pure; one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

// A row for each guardrail and segment, failed ones first. REQUIRES: there is at least one.
[[nodiscard]] std::string guardrail_table(const std::vector<GuardrailView>& guardrails, std::size_t columns,
                                          const Style& style);

// "guardrails 2 pass, 1 fail, 3 inconclusive"; empty when there are none.
[[nodiscard]] std::string guardrail_totals(const std::vector<GuardrailView>& guardrails);

// Remembers which verdicts were told.
class GuardrailNews {
 public:
  // A line for each guardrail and segment with another verdict than the last one told, or that was frozen since. Before
  // anything was told, all of them are inconclusive. A segment that the broker shows no more is remembered.
  [[nodiscard]] std::vector<std::string> lines(const RolloutView& view);

 private:
  std::map<std::pair<std::string, std::string>, std::string> told_;  // by guardrail and segment
};

}  // namespace muster::ctl
