// The parts of a rule file that say when: `retry`, `windows` and `utc_offset`. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/fields.h"
#include "rules/engine/retry.h"
#include "rules/engine/window.h"

namespace muster::rules {

[[nodiscard]] Retry read_retry(const YamlNode& node, Problems& problems);

// As the key of that name is written. REQUIRES: `fields` are a rule's.
[[nodiscard]] std::vector<Window> read_windows(Fields& fields, Problems& problems);
// "+05:30" in minutes, nothing after adding a problem.
[[nodiscard]] std::optional<std::int16_t> read_utc_offset(const YamlNode& node, std::string_view what,
                                                          Problems& problems);

// The same the other way round: `{ attempts: 3, … }`, and one window.
[[nodiscard]] std::string retry_as_written(const Retry& retry);
[[nodiscard]] std::string window_as_written(const Window& window);

}  // namespace muster::rules
