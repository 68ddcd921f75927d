#include "rules/engine/guardrail.h"

#include <algorithm>
#include <cmath>

#include "rules/condition/program.h"
#include "rules/engine/readings.h"
#include "rules/verdict/sequential_test.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

std::string fault_of_guardrail(const Guardrail& guardrail) {
  const auto share = [](std::uint32_t ppm) { return ppm > 0 && ppm < SequentialTest::ppm; };
  if (!is_id(guardrail.name)) return "its name is no id";
  if (guardrail.metric.empty() == guardrail.when.empty()) return "it needs either a metric or a condition";
  if (guardrail.metric.size() > limits::text_len_max) return "its metric has too long a name";
  if (!guardrail.when.empty() && check_program(ByteView(guardrail.when)) != ProgramFault::none)
    return "its condition is not a checked one";
  const auto reading = reading_from(guardrail.metric);
  const bool compared = !guardrail.metric.empty() && guardrail.against != Against::absolute;
  if (compared && reading && *reading >= first_state_reading) return "a state is good or bad whatever it was before";
  if (!std::isfinite(guardrail.limit)) return "its limit is no number";
  if (!share(guardrail.tolerate_ppm) || !share(guardrail.error_ppm))
    return "tolerate and confidence lie between 0 and 100 %, without them";
  auto by = guardrail.by;
  std::sort(by.begin(), by.end());
  if (std::adjacent_find(by.begin(), by.end()) != by.end()) return "an attribute is in by twice";
  if (by.size() > segment_keys_max) return "by has too many attributes";
  if (guardrail.on_fail == OnFail::freeze_segment && by.empty()) return "freeze_segment needs by";
  if (guardrail.observe_s == 0 || guardrail.silent_after_s == 0) return "observe and silent_after are at least 1 s";
  return {};
}

}  // namespace muster::rules
