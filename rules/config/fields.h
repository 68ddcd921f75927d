// Reading typed values out of a YAML tree: every helper adds what is wrong to the problems, with what would be right,
// and the caller goes on, so that all errors of a file come at once. Pure; any thread.
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

// A key that this version knows of but does not act on. It is refused, because a file that asks for protection and does
// not get it is worse than one that does not load.
struct LaterKey {
  std::string_view key;
  std::string_view instead;  // what to do now
};

// One map with a fixed set of keys.
class Fields {
 public:
  // Adds a problem for each unknown, duplicate or later key, and when `node` is no map. `what` names the map in
  // messages: "a wave". `node`, `keys` and the problems must outlive this object.
  Fields(const YamlNode& node, std::string_view what, std::vector<std::string_view> keys, Problems& problems,
         std::vector<LaterKey> later = {});

  // The value of a key, null when it is not there. A key without a value is a problem, and counts as not there.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  // The same; adds a problem when not has(key). `example` shows what to write.
  [[nodiscard]] const YamlNode* require(std::string_view key, std::string_view example);
  // True when the key is there, with or without a value, or probably meant by an unknown key that has been reported.
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] bool is_map() const { return node_.kind == YamlNode::Kind::map; }

 private:
  const YamlNode& node_;
  std::string_view what_;
  Problems& problems_;
  std::vector<std::string_view> meant_;  // by unknown keys
};

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
[[nodiscard]] std::optional<Plane> read_plane(const YamlNode& node, std::string_view what, Problems& problems);

struct OwnedReleaseRef {
  std::string name, version;
};
[[nodiscard]] std::optional<OwnedReleaseRef> read_release_ref(const YamlNode& node, std::string_view what,
                                                              Problems& problems);

// The items of a list of `min`–`max` items; null after adding a problem.
[[nodiscard]] const std::vector<YamlNode>* read_list(const YamlNode& node, std::string_view what, std::size_t min,
                                                     std::size_t max, Problems& problems);

struct ReadCondition {
  std::string text;
  Bytes program;
};
// Compile errors become problems at their place inside the YAML value.
[[nodiscard]] std::optional<ReadCondition> read_condition(const YamlNode& node, std::string_view what,
                                                          const Vocabulary& vocabulary, Problems& problems);

}  // namespace muster::rules
