// What a rule file will do, in words. Pure; any thread.
#pragma once

#include <string>

#include "rules/engine/rule.h"

namespace muster::ctl {

// A few lines: what goes where, wave by wave with gates and soaks, when it holds, what guardrails judge, what
// abort does.
[[nodiscard]] std::string rule_plan(const rules::Rule& rule);
[[nodiscard]] std::string rule_json(const rules::Rule& rule);

}  // namespace muster::ctl
