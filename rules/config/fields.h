// One map of a file whose keys are known: what is there and should not be, what is missing, and the values in the forms
// and ranges that the table of keys gives them (rules/config/keys.h). Adds what is wrong to the problems, with what
// would be right, and goes on. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/keys.h"
#include "rules/config/values.h"
#include "rules/config/yaml_reader.h"

namespace muster::rules {

class Fields {
 public:
  // Adds a problem for each unknown, duplicate or later key, and when `node` is no map. `node` and the problems must
  // outlive this object.
  Fields(const YamlNode& node, const Section& section, Problems& problems);
  // The same for a map that is in no table. `what` names it in messages: "a group"; it must outlive this object too.
  Fields(const YamlNode& node, std::string_view what, const std::vector<std::string_view>& keys, Problems& problems);

  // The value of a key, null when it is not there. A key without a value is a problem, and counts as not there.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  // The same; adds a problem when not has(key). `example` shows what to write.
  [[nodiscard]] const YamlNode* require(std::string_view key, std::string_view example);
  // True when the key is there, with or without a value, or probably meant by an unknown key that has been reported.
  [[nodiscard]] bool has(std::string_view key) const;
  // The line of a key, from 1; 0 when it is not there.
  [[nodiscard]] std::uint32_t line_of(std::string_view key) const;
  [[nodiscard]] bool is_map() const { return node_.kind == YamlNode::Kind::map; }

  // --- REQUIRES: made with a section that has the key, in this form ---

  // As find, or as require where the table says so.
  [[nodiscard]] const YamlNode* value(std::string_view key);
  // What the file says; where it does not, or wrongly, the table's default, or nothing (0, empty) where it has none.
  [[nodiscard]] std::string id(std::string_view key);
  [[nodiscard]] std::string text(std::string_view key);
  [[nodiscard]] std::uint64_t integer(std::string_view key);
  [[nodiscard]] std::uint32_t integer32(std::string_view key) { return static_cast<std::uint32_t>(integer(key)); }
  [[nodiscard]] bool flag(std::string_view key);
  [[nodiscard]] std::uint64_t duration_s(std::string_view key);
  [[nodiscard]] std::uint32_t duration_ms(std::string_view key);
  [[nodiscard]] std::uint32_t percentage_ppm(std::string_view key);
  [[nodiscard]] std::size_t word(std::string_view key);  // its index among the words
  // What the file says, or nothing.
  [[nodiscard]] std::optional<OwnedReleaseRef> release(std::string_view key);
  [[nodiscard]] std::optional<ReadCondition> condition(std::string_view key);
  [[nodiscard]] const std::vector<YamlNode>* list(std::string_view key);

 private:
  void check_keys(const std::vector<std::string_view>& keys);
  [[nodiscard]] const Key& row(std::string_view key) const;

  const YamlNode& node_;
  std::string_view what_;
  const Section* section_ = nullptr;
  Problems& problems_;
  std::vector<std::string_view> meant_;  // by unknown keys
};

// Values, and items of lists, as their rows say.
[[nodiscard]] std::optional<std::string> read_id(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<std::string> read_text(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<bool> read_flag(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<std::uint64_t> read_integer(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<double> read_number(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<std::uint32_t> read_percentage(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<std::size_t> read_word(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] const std::vector<YamlNode>* read_list(const YamlNode& node, const Key& key, Problems& problems);
[[nodiscard]] std::optional<ReadCondition> read_condition(const YamlNode& node, const Key& key, Problems& problems);

}  // namespace muster::rules
