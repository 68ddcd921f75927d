// JSON Schemas of rule and release files (draft 07, which editors' YAML plugins know), made from the table of keys that
// the readers go by. A schema never refuses what they take, but for an id that YAML reads as true or false. Pure; any
// thread.
#pragma once

#include <string>

namespace muster::ctl {

[[nodiscard]] std::string rule_schema();
[[nodiscard]] std::string release_schema();

}  // namespace muster::ctl
