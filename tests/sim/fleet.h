// The kinds of devices and the conditions over them that worlds are made of: each condition as text for the engine, and
// as plain C++ for the checkers, which must not believe the engine's evaluation. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge-client/agent/types.h"
#include "rules/engine/event.h"
#include "tests/sim/random.h"

namespace muster::sim {

struct Condition {
  std::string_view text;
  bool (*holds)(const rules::DeviceFacts& facts);
};
[[nodiscard]] const std::vector<Condition>& target_conditions();
[[nodiscard]] const std::vector<Condition>& ring_conditions();
// REQUIRES: it is one of the above.
[[nodiscard]] bool holds(std::string_view condition, const rules::DeviceFacts& facts);

// The same over what one summary says; nothing where it cannot be said.
struct HealthCondition {
  std::string_view text;
  std::optional<bool> (*holds)(const rules::Readings& readings);
};
[[nodiscard]] const std::vector<HealthCondition>& health_conditions();

[[nodiscard]] rules::DeviceFacts random_facts(Random& random);
[[nodiscard]] edge::Facts edge_facts(const rules::DeviceFacts& facts);
// The scopes whose orders a device obeys, as the agent's shell has them.
[[nodiscard]] std::vector<std::string> scopes_of(const std::string& id, const rules::DeviceFacts& facts);

}  // namespace muster::sim
