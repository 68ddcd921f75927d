#include "rules/config/keys.h"

#include <algorithm>
#include <cassert>

#include "rules/config/load_rule.h"
#include "rules/config/percent.h"

namespace muster::rules {

namespace {

std::string range_text(std::string_view kind, const std::string& min, const std::string& max) {
  return std::string(kind) + ", " + min + "–" + max;
}

std::string percentage(std::uint64_t ppm) {
  return percent_text(ppm) + "%";
}

std::string bytes_text(std::string_view kind, std::uint64_t max) {
  return std::string(kind) + " of up to " + std::to_string(max) + " bytes";
}

std::string words_text(Words words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "`" : i + 1 == words.size() ? " or `" : ", `") + std::string(words[i]) + "`";
  }
  return text;
}

std::string one_value_text(const Key& key) {
  switch (key.form) {
    case Form::id:
      return "id";
    case Form::text:
      return bytes_text("text", key.max);
    case Form::release:
      return "`name@version`";
    case Form::flag:
      return "`true` or `false`";
    case Form::integer:
      return range_text("whole number", std::to_string(key.min), std::to_string(key.max));
    case Form::number:
      return range_text("number", "-" + std::to_string(key.max), std::to_string(key.max));
    case Form::percentage:
      return range_text("percentage", percentage(key.min), percentage(key.max));
    case Form::duration:
      return range_text("duration", duration_as_written(key.min * 1000), duration_as_written(key.max * 1000));
    case Form::fine_duration:
      return range_text("duration", duration_as_written(key.min), duration_as_written(key.max));
    case Form::word:
      return words_text(key.words);
    case Form::device_condition:
      return "condition";
    case Form::reading_condition:
      return "condition on readings";
    case Form::tag_group:
      return "`tag.NAME`";
    case Form::metric:
      return "name of a reading";
    case Form::minimum_version:
      return "`\">= VERSION\"`";
    case Form::minimum_integer:
      return range_text("`\">= N\"`, N a whole number", std::to_string(key.min), std::to_string(key.max));
    case Form::file:
      return "path of up to " + std::to_string(key.max) + " characters";
    case Form::probed_file:
      return "a file of the release, or an absolute path";
    case Form::url:
      return "`http://HOST[:PORT]/PATH`";
    case Form::day:
      return "`YYYY-MM-DD`";
    case Form::time_of_day:
      return "`\"HH:MM\"`";
    case Form::utc_offset:
      return "`\"+HH:MM\"` or `\"-HH:MM\"`";
    case Form::map:
      return "map";
    case Form::texts:
      return "map of up to " + std::to_string(key.items_max) + " texts of up to " + std::to_string(key.max) + " bytes";
  }
  return {};
}

}  // namespace

const Key& key_of(const Section& section, std::string_view name) {
  const auto found =
      std::find_if(section.keys.begin(), section.keys.end(), [name](const Key& key) { return key.name == name; });
  assert(found != section.keys.end());
  return *found;
}

std::string value_text(const Key& key) {
  std::string text = one_value_text(key);
  const bool stands_in = !key.words.empty() && key.form != Form::word;
  if (stands_in) text = words_text(key.words) + ", or a " + text;
  if (key.items_max == 0 || key.form == Form::texts) return text;
  const std::string size = std::to_string(key.items_min) + "–" + std::to_string(key.items_max);
  return key.form == Form::map ? "list of " + size + " maps" : "list of " + size + ": " + text;
}

}  // namespace muster::rules
