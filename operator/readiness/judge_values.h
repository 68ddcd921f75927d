// Whether values are what a check of a policy asks for. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "operator/readiness/judge.h"
#include "operator/readiness/readings.h"

namespace muster::ctl {

// What the check asks of its values, in a few words: "10 <= value <= 20", "pass or blocked". Empty when it has a limit
// for some classes and none for this one.
[[nodiscard]] std::string bound_text(const rules::PolicyCheck& check, std::string_view device_class);

// Fills result, measured and why of `finding` from all values of a check. REQUIRES: readings without a fault, and a
// bound_text that is not empty.
void judge_values(const rules::PolicyCheck& check, std::string_view device_class, const JudgedRelease& release,
                  const Readings& readings, Finding& finding);

}  // namespace muster::ctl
