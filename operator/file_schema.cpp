#include "operator/file_schema.h"

#include <nlohmann/json.hpp>

#include "rules/config/keys.h"
#include "rules/engine/readings.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

using Json = nlohmann::ordered_json;
using rules::Form;
using rules::Key;
using rules::Section;

// As schemas/ids.h and schemas/file_name.h.
constexpr const char* id_pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$";
constexpr const char* release_pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}@[A-Za-z0-9_-][A-Za-z0-9._-]{0,31}$";
constexpr const char* minimum_version_pattern = "^>= *[A-Za-z0-9_-][A-Za-z0-9._-]{0,31}$";
constexpr const char* file_pattern = "^[A-Za-z0-9_+@-][A-Za-z0-9._+@-]*(/[A-Za-z0-9_+@-][A-Za-z0-9._+@-]*)*$";

Json section_schema(const Section& section);

// YAML reads 2024 as a number, and the files take it for a name or a text.
Json named(const char* pattern) {
  return {{"type", {"string", "number"}}, {"pattern", pattern}};
}

Json text_up_to(std::uint64_t max) {
  return {{"type", {"string", "number", "boolean"}}, {"minLength", 1}, {"maxLength", max}};
}

Json duration(const Key& key) {
  return {{"type", "string"}, {"pattern", key.min == 0 ? "^[0-9]+(ms|s|m|h|d)$" : "^0*[1-9][0-9]*(ms|s|m|h|d)$"}};
}

Json one_of_words(const Key& key) {
  Json words = Json::array();
  for (const auto word : key.words) words.push_back(word);
  return {{"enum", words}};
}

// A reading by its name, or a task metric by any other: the names there are stand apart, so that editors offer them.
Json metric() {
  Json names = Json::array({"delegate_active"});
  for (std::size_t i = 0; i < rules::reading_count; ++i) names.push_back(name_of(static_cast<rules::Reading>(i)));
  return {{"anyOf", {{{"enum", names}}, named(id_pattern)}}};
}

Json texts(const Key& key) {
  return {{"type", "object"},
          {"maxProperties", key.items_max},
          {"propertyNames", {{"pattern", id_pattern}}},
          {"additionalProperties", text_up_to(key.max)}};
}

Json form_schema(const Key& key) {
  switch (key.form) {
    case Form::id:
      return named(id_pattern);
    case Form::text:
      return text_up_to(key.max);
    case Form::release:
      return {{"type", "string"}, {"pattern", release_pattern}};
    case Form::flag:
      return {{"type", "boolean"}};
    case Form::integer:
      return {{"type", "integer"}, {"minimum", key.min}, {"maximum", key.max}};
    case Form::number:
      return {{"type", "number"}, {"minimum", -static_cast<double>(key.max)}, {"maximum", key.max}};
    case Form::percentage:
      return {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]{1,4})?%$"}};
    case Form::duration:
    case Form::fine_duration:
      return duration(key);
    case Form::word:
      return one_of_words(key);
    case Form::device_condition:
    case Form::reading_condition:
      return {{"type", {"string", "boolean"}}};
    case Form::tag_group:
      return {{"type", "string"}, {"pattern", "^tag\\.[A-Za-z0-9_-][A-Za-z0-9._-]*$"}};
    case Form::metric:
      return metric();
    case Form::minimum_version:
      return {{"type", "string"}, {"pattern", minimum_version_pattern}};
    case Form::minimum_integer:
      return {{"type", "string"}, {"pattern", "^>= *[0-9]+$"}};
    case Form::file:
    case Form::probed_file: {
      Json file = named(key.form == Form::file ? file_pattern : "^/?[^/]");
      file["maxLength"] = key.form == Form::file ? key.max : limits::text_len_max;
      return file;
    }
    case Form::url:
      return {{"type", "string"}, {"pattern", "^http://[^/]"}};
    case Form::day:
      return {{"type", "string"}, {"pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}};
    case Form::time_of_day:
      return {{"type", "string"}, {"pattern", "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}};
    case Form::utc_offset:
      return {{"type", "string"}, {"pattern", "^[+-](0[0-9]|1[0-4]):(00|15|30|45)$"}};
    case Form::map:
      return section_schema(*key.keys);
    case Form::texts:
      return texts(key);
  }
  return Json::object();
}

Json default_of(const Key& key) {
  if (key.form == Form::integer || key.form == Form::flag) return Json::parse(key.fallback);
  return std::string(key.fallback);
}

Json key_schema(const Key& key) {
  Json schema = form_schema(key);
  if (!key.words.empty() && key.form != Form::word) schema = {{"anyOf", {one_of_words(key), schema}}};
  if (key.items_max != 0 && key.form != Form::texts) {
    schema = {{"type", "array"}, {"items", schema}, {"minItems", key.items_min}, {"maxItems", key.items_max}};
    if (key.form != Form::map) schema["uniqueItems"] = true;
  }
  std::string description = std::string(key.doc) + " (" + value_text(key);
  if (key.required) description += "; required";
  if (!key.absent.empty()) description += "; without it: " + std::string(key.absent);
  if (!key.fallback.empty()) description += "; without it: `" + std::string(key.fallback) + "`";
  schema["description"] = description + ")";
  if (!key.fallback.empty()) schema["default"] = default_of(key);
  return schema;
}

Json requires_key(std::string_view name) {
  return {{"required", {name}}};
}

// Keys that exclude each other, and strategies with what they take.
void add_relations(const Section& section, Json& schema) {
  Json excluded = Json::object(), all = Json::array(), dependencies = Json::object();
  for (const Key& key : section.keys) {
    if (!key.not_beside.empty()) excluded[std::string(key.not_beside)].push_back(requires_key(key.name));
    if (key.of_strategy.empty()) continue;
    const Json is_it = {{"properties", {{"strategy", {{"const", key.of_strategy}}}}}};
    dependencies[std::string(key.name)] = is_it;
    if (!key.required_of_it) continue;
    dependencies[std::string(key.name)]["required"] = {"strategy"};
    Json condition = is_it;
    condition["required"] = {"strategy"};
    all.push_back({{"if", condition}, {"then", requires_key(key.name)}});
  }
  for (const auto& [name, others] : excluded.items()) dependencies[name] = {{"not", {{"anyOf", others}}}};
  if (!dependencies.empty()) schema["dependencies"] = dependencies;
  if (!all.empty()) schema["allOf"] = all;
  for (const auto name : section.exactly_one) schema["oneOf"].push_back(requires_key(name));
  for (const auto name : section.at_least_one) schema["anyOf"].push_back(requires_key(name));
}

Json section_schema(const Section& section) {
  Json properties = Json::object(), required = Json::array();
  for (const Key& key : section.keys) {
    properties[std::string(key.name)] = key_schema(key);
    if (key.required) required.push_back(key.name);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (!required.empty()) schema["required"] = required;
  add_relations(section, schema);
  return schema;
}

std::string whole(const Section& section, const char* title) {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", title}};
  schema.update(section_schema(section));
  return schema.dump(2);
}

}  // namespace

std::string rule_schema() {
  return whole(rules::keys::rule, "A rule file of Muster: which devices get which release, in which steps");
}

std::string release_schema() {
  return whole(rules::keys::release, "A release file of Muster: one version of firmware, a model or a configuration");
}

}  // namespace muster::ctl
