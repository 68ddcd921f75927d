// The `waves` of a rule file. Pure; any thread.
#pragma once

#include <vector>

#include "rules/config/yaml_reader.h"
#include "rules/engine/rule.h"

namespace muster::rules {

// Every wave that could be read; whether all of it is sound, the problems say.
[[nodiscard]] std::vector<Wave> read_waves(const YamlNode& node, Problems& problems);

}  // namespace muster::rules
