// A fleet file's text → a described Fleet: how many devices there are of which facts, and for simulations what they are
// called and how they behave. Plans are made against it before a rule meets real devices. All errors at once, as for
// rules. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/diagnostic.h"
#include "rules/simulate/fleet.h"

namespace muster::rules {

struct LoadedFleet {
  std::optional<DescribedFleet> fleet;  // none when there is any error
  std::vector<Diagnostic> diagnostics;
};

// The keys of the file; those of a group are beside its facts those of its behaviour (behaviour.h).
[[nodiscard]] const std::vector<std::string_view>& fleet_file_keys();

// `file` only names the source in diagnostics.
[[nodiscard]] LoadedFleet load_fleet(std::string_view text, const std::string& file);

}  // namespace muster::rules
