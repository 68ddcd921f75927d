// Values of a YAML tree: each reader adds what is wrong to the problems, with what would be right, and the caller goes
// on, so that all errors of a file come at once. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/condition/compile.h"
#include "rules/config/yaml_reader.h"
#include "rules/engine/rule.h"

namespace muster::rules {

// For messages: the text in quote marks, cut when it is long; what kind of thing a node is.
[[nodiscard]] std::string in_quotes(std::string_view text);
// ", such as EXAMPLE", or nothing where there is none.
[[nodiscard]] std::string such_as(std::string_view example);
[[nodiscard]] std::string_view kind_of(const YamlNode& node);

// `what` names the value in messages, usually its key: "percent". Each returns nothing after adding a problem.
[[nodiscard]] std::optional<std::string> read_text(const YamlNode& node, std::string_view what, std::size_t len_max,
                                                   Problems& problems);
[[nodiscard]] std::optional<std::string> read_id(const YamlNode& node, std::string_view what, Problems& problems);
[[nodiscard]] std::optional<std::uint64_t> read_integer(const YamlNode& node, std::string_view what, std::uint64_t min,
                                                        std::uint64_t max, Problems& problems);
// A decimal number without a unit, such as 180, 0.5, -20 or 1e6, from -largest to largest.
[[nodiscard]] std::optional<double> read_number(const YamlNode& node, std::string_view what, std::uint32_t largest,
                                                Problems& problems);
// A percentage such as 5% or 0.25% in millionths of the whole, exactly; min and max in that unit.
[[nodiscard]] std::optional<std::uint32_t> read_percent_ppm(const YamlNode& node, std::string_view what,
                                                            std::uint32_t min_ppm, std::uint32_t max_ppm,
                                                            Problems& problems);
// Milliseconds, or whole seconds; min and max in that unit.
[[nodiscard]] std::optional<std::uint32_t> read_duration_ms(const YamlNode& node, std::string_view what,
                                                            std::uint64_t min_ms, std::uint64_t max_ms,
                                                            Problems& problems);
[[nodiscard]] std::optional<std::uint64_t> read_duration_s(const YamlNode& node, std::string_view what,
                                                           std::uint64_t min_s, std::uint64_t max_s,
                                                           Problems& problems);
// The index of the word in `choices`.
[[nodiscard]] std::optional<std::size_t> read_choice(const YamlNode& node, std::string_view what,
                                                     const std::vector<std::string_view>& choices, Problems& problems);

struct OwnedReleaseRef {
  std::string name, version;
};
[[nodiscard]] std::optional<OwnedReleaseRef> read_release_ref(const YamlNode& node, std::string_view what,
                                                              Problems& problems);

// The items of a list of `min`–`max` items; null after adding a problem, which shows the example where there is one.
[[nodiscard]] const std::vector<YamlNode>* read_list(const YamlNode& node, std::string_view what, std::size_t min,
                                                     std::size_t max, Problems& problems,
                                                     std::string_view example = {});

struct ReadCondition {
  std::string text;
  Bytes program;
};
// Compile errors become problems at their place inside the YAML value.
[[nodiscard]] std::optional<ReadCondition> read_condition(const YamlNode& node, std::string_view what,
                                                          const Vocabulary& vocabulary, Problems& problems);

}  // namespace muster::rules
