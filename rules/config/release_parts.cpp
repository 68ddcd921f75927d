#include "rules/config/release_parts.h"

#include <algorithm>
#include <charconv>

#include "rules/config/fields.h"
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::size_t classes_max = 16;

void read_file_list(const YamlNode& node, std::string_view what, Problems& problems, std::vector<std::string>& files) {
  const auto* items = read_list(node, what, 1, limits::files_max, problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) {
    const auto name = read_text(item, "a file's name", limits::file_name_len_max, problems);
    if (!name) continue;
    if (!is_file_name(*name)) {
      const bool reserved = *name == manifest_file_name;
      problems.add(
          item, "'" + *name + "' cannot be the name of a release's file",
          reserved
              ? "another name: the signed manifest is kept under this one"
              : "a path below the release file's folder, its parts of A-Z a-z 0-9 . _ - + @, none starting with '.'");
      continue;
    }
    const auto other =
        std::find_if(files.begin(), files.end(), [&](const auto& file) { return file_names_collide(file, *name); });
    if (other == files.end()) {
      files.push_back(*name);
    } else if (*other == *name) {
      problems.add(item, "'" + *name + "' is in " + std::string(what) + " twice", "each file once");
    } else {
      problems.add(item, "'" + *name + "' and '" + *other + "' cannot exist side by side",
                   "a file and a folder need different names");
    }
  }
}

// Reads ">= VALUE"; `example` shows the whole.
std::optional<std::string> read_minimum(const YamlNode& node, std::string_view what, std::string_view example,
                                        Problems& problems) {
  const auto text = read_text(node, what, limits::text_len_max, problems);
  if (!text) return std::nullopt;
  if (text->compare(0, 2, ">=") == 0) {
    const std::size_t value = text->find_first_not_of(' ', 2);
    if (value != std::string::npos) return text->substr(value);
  }
  problems.add(node, "'" + *text + "' for " + std::string(what) + " is no minimum",
               "'>=' and the least that will do: \"" + std::string(example) + "\"");
  return std::nullopt;
}

void read_ids(const YamlNode& node, std::string_view what, std::size_t max, Problems& problems,
              std::vector<std::string>& ids) {
  const auto* items = read_list(node, what, 1, max, problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) {
    auto id = read_id(item, what, problems);
    if (!id) continue;
    if (std::find(ids.begin(), ids.end(), *id) != ids.end()) {
      problems.add(item, "'" + *id + "' is in " + std::string(what) + " twice", "each one once");
    } else {
      ids.push_back(std::move(*id));
    }
  }
}

bool is_leap(unsigned year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned days_in(unsigned year, unsigned month) {
  constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

// "2027-06-30" → the last second of that day, UTC; nothing when there is no such day.
std::optional<std::uint64_t> end_of_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  unsigned parts[3] = {};
  constexpr std::size_t begins[] = {0, 5, 8};
  constexpr std::size_t ends[] = {4, 7, 10};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* const end = text.data() + ends[i];
    const auto read = std::from_chars(text.data() + begins[i], end, parts[i]);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  }
  const auto [year, month, day] = parts;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return std::nullopt;
  std::uint64_t days = day;
  for (unsigned y = 1970; y < year; ++y) days += is_leap(y) ? 366u : 365u;
  for (unsigned m = 1; m < month; ++m) days += days_in(year, m);
  return days * 86'400 - 1;
}

}  // namespace

void read_files(const YamlNode& node, Problems& problems, std::vector<std::string>& files) {
  read_file_list(node, "files", problems, files);
}

void read_evidence(const YamlNode& node, Problems& problems, std::vector<std::string>& files) {
  read_file_list(node, "evidence", problems, files);
}

void read_requires(const YamlNode& node, std::optional<Plane> own, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, "requires", {"firmware", "model", "config"}, problems);
  for (const Plane plane : {Plane::firmware, Plane::model, Plane::config}) {
    const YamlNode* value = fields.find(name_of(plane));
    if (value == nullptr) continue;
    if (plane == own) {
      problems.add(*value, "a " + std::string(name_of(plane)) + " release that requires its own plane",
                   "only other planes");
      continue;
    }
    auto version = read_minimum(*value, name_of(plane), ">= 2.1.0", problems);
    if (!version) continue;
    if (is_version(*version)) {
      release.requires_min.emplace_back(plane, std::move(*version));
    } else {
      problems.add(*value, "'" + *version + "' is no version", "1 to 32 of the characters A-Z a-z 0-9 . _ -");
    }
  }
}

void read_compatible(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, "compatible", {"class", "memory_mb", "accelerators", "runtime"}, problems);
  if (const YamlNode* value = fields.find("class")) read_ids(*value, "class", classes_max, problems, release.classes);
  if (const YamlNode* value = fields.find("accelerators")) {
    read_ids(*value, "accelerators", limits::accelerators_max, problems, release.accelerators);
  }
  if (const YamlNode* value = fields.find("memory_mb")) {
    const auto least = read_minimum(*value, "memory_mb", ">= 1024", problems);
    if (least) {
      YamlNode number = *value;
      number.text = *least;
      number.quoted = false;
      const auto megabytes = read_integer(number, "memory_mb", 1, UINT32_MAX, problems);
      release.memory_mb_min = static_cast<std::uint32_t>(megabytes.value_or(0));
    }
  }
  if (const YamlNode* value = fields.find("runtime")) {
    release.runtime = read_text(*value, "runtime", limits::attribute_len_max, problems).value_or("");
  }
}

void read_runtime(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, "runtime", {"tokenizer", "preprocessing", "postprocessing", "delegate", "pipeline_checksum"},
                problems);
  const auto read = [&](std::string_view key, std::string& into) {
    if (const YamlNode* value = fields.find(key))
      into = read_text(*value, key, limits::text_len_max, problems).value_or("");
  };
  read("tokenizer", release.tokenizer);
  read("preprocessing", release.preprocessing);
  read("postprocessing", release.postprocessing);
  read("delegate", release.delegate);
  read("pipeline_checksum", release.pipeline_checksum);
}

void read_provenance(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  if (node.kind != YamlNode::Kind::map || node.entries.size() > limits::key_values_max) {
    problems.add(
        node,
        node.kind == YamlNode::Kind::map ? "provenance has " + std::to_string(node.entries.size()) + " entries"
                                         : "provenance is no map",
        "a map of at most " + std::to_string(limits::key_values_max) + " texts, such as training_data: snapshot-7");
    return;
  }
  std::vector<std::string_view> keys;  // any name is good here, so all there are count as known
  for (const auto& [key, value] : node.entries) keys.push_back(key.text);
  Fields fields(node, "provenance", keys, problems);
  for (const auto& [key, value] : node.entries) {
    if (value.kind == YamlNode::Kind::empty || key.kind != YamlNode::Kind::scalar) continue;
    auto name = read_id(key, "a key of provenance", problems);
    auto text = read_text(value, key.text, limits::text_len_max, problems);
    if (name && text) release.provenance.emplace_back(std::move(*name), std::move(*text));
  }
}

void read_expires(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  const std::string form = "a day as YYYY-MM-DD, such as 2027-06-30; the release expires when that day ends, UTC";
  if (node.kind == YamlNode::Kind::scalar) {
    if (const auto end = end_of_day(node.text)) {
      release.expires_s = *end;
      return;
    }
  }
  problems.add(
      node, node.kind == YamlNode::Kind::scalar ? "'" + node.text.substr(0, 40) + "' is no day" : "expires is no day",
      form);
}

}  // namespace muster::rules
