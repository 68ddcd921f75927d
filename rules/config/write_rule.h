// A validated Rule → the text of a plain rule file: what presets made is spelt out, and what is as without the key is
// left out. Read again, the text gives the same Rule. Pure; any thread.
#pragma once

#include <string>

#include "rules/engine/rule.h"

namespace muster::rules {

// REQUIRES: the rule came from a file. Only the limit on a file's length may keep the text from being read again.
[[nodiscard]] std::string write_rule(const Rule& rule);

}  // namespace muster::rules
