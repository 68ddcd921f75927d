#include "rules/config/fields.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "rules/condition/did_you_mean.h"
#include "rules/config/load_rule.h"
#include "rules/config/percent.h"

namespace muster::rules {

namespace {

std::string key_in(std::string_view key, std::string_view what) {
  return in_quotes(key) + " in " + std::string(what);
}

std::vector<std::string_view> names_of(const Section& section) {
  std::vector<std::string_view> names;
  for (const Key& key : section.keys) names.push_back(key.name);
  return names;
}

std::string_view spoken(const Key& key) {
  return key.what.empty() ? key.name : key.what;
}

std::vector<std::string_view> choices_of(const Key& key) {
  return {key.words.begin(), key.words.end()};
}

std::uint64_t default_ms(const Key& key) {
  std::uint64_t ms = 0;
  const bool sound = key.fallback.empty() || parse_duration_ms(key.fallback, ms);
  assert(sound);
  (void)sound;
  return ms;
}

std::uint64_t default_integer(const Key& key) {
  std::uint64_t value = 0;
  std::from_chars(key.fallback.data(), key.fallback.data() + key.fallback.size(), value);
  return value;
}

}  // namespace

Fields::Fields(const YamlNode& node, const Section& section, Problems& problems)
    : node_(node), what_(section.what), section_(&section), problems_(problems) {
  check_keys(names_of(section));
}

Fields::Fields(const YamlNode& node, std::string_view what, const std::vector<std::string_view>& keys,
               Problems& problems)
    : node_(node), what_(what), problems_(problems) {
  check_keys(keys);
}

void Fields::check_keys(const std::vector<std::string_view>& keys) {
  if (!is_map()) {
    problems_.add(node_, std::string(what_) + " is " + std::string(kind_of(node_)),
                  (keys.size() == 1 ? "a map with the key " : "a map with the keys ") + either_of(keys) +
                      such_as(section_ == nullptr ? std::string_view() : section_->example));
    return;
  }
  for (std::size_t i = 0; i < node_.entries.size(); ++i) {
    const YamlNode& key = node_.entries[i].key;
    const bool seen = std::any_of(node_.entries.begin(), node_.entries.begin() + static_cast<std::ptrdiff_t>(i),
                                  [&](const auto& entry) { return entry.key.text == key.text; });
    if (key.kind != YamlNode::Kind::scalar) {
      problems_.add(key, std::string(kind_of(key)) + " as a key of " + std::string(what_),
                    "one of the keys " + either_of(keys));
    } else if (seen) {
      problems_.add(key, key_in(key.text, what_) + " is there twice", "each key once");
    } else if (std::find(keys.begin(), keys.end(), key.text) == keys.end()) {
      const std::string_view meant = closest(key.text, keys);
      if (!meant.empty()) meant_.push_back(meant);
      problems_.add(key, "unknown key " + key_in(key.text, what_),
                    meant.empty() ? "one of " + either_of(keys) : "did you mean '" + std::string(meant) + "'?");
    } else if (node_.entries[i].value.kind == YamlNode::Kind::empty) {
      problems_.add(key, key_in(key.text, what_) + " has no value", "a value behind the colon, or the key removed");
    }
  }
}

bool Fields::has(std::string_view key) const {
  return std::find(meant_.begin(), meant_.end(), key) != meant_.end() ||
         std::any_of(node_.entries.begin(), node_.entries.end(),
                     [&](const auto& entry) { return entry.key.text == key; });
}

const YamlNode* Fields::find(std::string_view key) const {
  for (const auto& [name, value] : node_.entries) {
    if (name.kind == YamlNode::Kind::scalar && name.text == key) {
      return value.kind == YamlNode::Kind::empty ? nullptr : &value;
    }
  }
  return nullptr;
}

std::uint32_t Fields::line_of(std::string_view key) const {
  for (const auto& [name, value] : node_.entries) {
    if (name.kind == YamlNode::Kind::scalar && name.text == key) return problems_.line_of(name);
  }
  return 0;
}

const YamlNode* Fields::require(std::string_view key, std::string_view example) {
  if (is_map() && !has(key)) {
    problems_.add(node_, std::string(what_) + " has no '" + std::string(key) + "'", "add " + std::string(example));
  }
  return find(key);
}

const Key& Fields::row(std::string_view key) const {
  assert(section_ != nullptr);
  return key_of(*section_, key);
}

const YamlNode* Fields::value(std::string_view key) {
  const Key& found = row(key);
  return found.required ? require(key, found.example) : find(key);
}

std::string Fields::id(std::string_view key) {
  const YamlNode* node = value(key);
  return node == nullptr ? std::string() : read_id(*node, row(key), problems_).value_or("");
}

std::string Fields::text(std::string_view key) {
  const YamlNode* node = value(key);
  return node == nullptr ? std::string() : read_text(*node, row(key), problems_).value_or("");
}

std::uint64_t Fields::integer(std::string_view key) {
  const YamlNode* node = value(key);
  const auto read = node == nullptr ? std::nullopt : read_integer(*node, row(key), problems_);
  return read.value_or(default_integer(row(key)));
}

bool Fields::flag(std::string_view key) {
  const Key& found = row(key);
  const YamlNode* node = value(key);
  const auto read = node == nullptr ? std::nullopt : read_flag(*node, found, problems_);
  return read.value_or(found.fallback == "true");
}

std::uint64_t Fields::duration_s(std::string_view key) {
  const Key& found = row(key);
  const YamlNode* node = value(key);
  const auto read =
      node == nullptr ? std::nullopt : read_duration_s(*node, spoken(found), found.min, found.max, problems_);
  return read.value_or(default_ms(found) / 1000);
}

std::uint32_t Fields::duration_ms(std::string_view key) {
  const Key& found = row(key);
  const YamlNode* node = value(key);
  const auto read =
      node == nullptr ? std::nullopt : read_duration_ms(*node, spoken(found), found.min, found.max, problems_);
  return read.value_or(static_cast<std::uint32_t>(default_ms(found)));
}

std::uint32_t Fields::percentage_ppm(std::string_view key) {
  const YamlNode* node = value(key);
  const auto read = node == nullptr ? std::nullopt : read_percentage(*node, row(key), problems_);
  std::uint64_t otherwise = 0;
  if (!read && !row(key).fallback.empty()) {
    const auto fault = parse_percent_ppm(row(key).fallback, otherwise);
    assert(fault == PercentFault::none);
    (void)fault;
  }
  return read.value_or(static_cast<std::uint32_t>(otherwise));
}

std::size_t Fields::word(std::string_view key) {
  const Key& found = row(key);
  const YamlNode* node = value(key);
  const auto read = node == nullptr ? std::nullopt : read_word(*node, found, problems_);
  const auto otherwise = std::find(found.words.begin(), found.words.end(), found.fallback);
  return read.value_or(otherwise == found.words.end() ? 0 : static_cast<std::size_t>(otherwise - found.words.begin()));
}

std::optional<OwnedReleaseRef> Fields::release(std::string_view key) {
  const YamlNode* node = value(key);
  return node == nullptr ? std::nullopt : read_release_ref(*node, spoken(row(key)), problems_);
}

std::optional<ReadCondition> Fields::condition(std::string_view key) {
  const YamlNode* node = value(key);
  return node == nullptr ? std::nullopt : read_condition(*node, row(key), problems_);
}

const std::vector<YamlNode>* Fields::list(std::string_view key) {
  const YamlNode* node = value(key);
  return node == nullptr ? nullptr : read_list(*node, row(key), problems_);
}

std::optional<std::string> read_id(const YamlNode& node, const Key& key, Problems& problems) {
  return read_id(node, spoken(key), problems);
}

std::optional<std::string> read_text(const YamlNode& node, const Key& key, Problems& problems) {
  return read_text(node, spoken(key), static_cast<std::size_t>(key.max), problems);
}

std::optional<std::uint64_t> read_integer(const YamlNode& node, const Key& key, Problems& problems) {
  return read_integer(node, spoken(key), key.min, key.max, problems);
}

std::optional<bool> read_flag(const YamlNode& node, const Key& key, Problems& problems) {
  const auto read = read_choice(node, spoken(key), {"false", "true"}, problems);
  return read ? std::optional(*read == 1) : std::nullopt;
}

std::optional<double> read_number(const YamlNode& node, const Key& key, Problems& problems) {
  return read_number(node, spoken(key), static_cast<std::uint32_t>(key.max), problems);
}

std::optional<std::uint32_t> read_percentage(const YamlNode& node, const Key& key, Problems& problems) {
  return read_percent_ppm(node, spoken(key), static_cast<std::uint32_t>(key.min), static_cast<std::uint32_t>(key.max),
                          problems);
}

std::optional<std::size_t> read_word(const YamlNode& node, const Key& key, Problems& problems) {
  return read_choice(node, spoken(key), choices_of(key), problems);
}

const std::vector<YamlNode>* read_list(const YamlNode& node, const Key& key, Problems& problems) {
  return read_list(node, key.name, key.items_min, key.items_max, problems, key.example);
}

std::optional<ReadCondition> read_condition(const YamlNode& node, const Key& key, Problems& problems) {
  return read_condition(node, spoken(key),
                        key.form == Form::device_condition ? target_vocabulary() : recovery_vocabulary(), problems);
}

}  // namespace muster::rules
