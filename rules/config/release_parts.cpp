#include "rules/config/release_parts.h"

#include <algorithm>

#include "rules/config/day.h"
#include "rules/config/fields.h"
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

void read_file_list(const YamlNode& node, const Key& key, Problems& problems, std::vector<std::string>& files) {
  const auto* items = read_list(node, key, problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) {
    const auto name = read_text(item, "a file's name", static_cast<std::size_t>(key.max), problems);
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
      problems.add(item, "'" + *name + "' is in " + std::string(key.name) + " twice", "each file once");
    } else {
      problems.add(item, "'" + *name + "' and '" + *other + "' cannot exist side by side",
                   "a file and a folder need different names");
    }
  }
}

// Reads ">= VALUE".
std::optional<std::string> read_minimum(const YamlNode& node, const Key& key, Problems& problems) {
  const auto text = read_text(node, key.name, limits::text_len_max, problems);
  if (!text) return std::nullopt;
  if (text->compare(0, 2, ">=") == 0) {
    const std::size_t value = text->find_first_not_of(' ', 2);
    if (value != std::string::npos) return text->substr(value);
  }
  problems.add(node, "'" + *text + "' for " + std::string(key.name) + " is no minimum",
               "'>=' and the least that will do: \"" + std::string(key.example) + "\"");
  return std::nullopt;
}

void read_ids(const YamlNode& node, const Key& key, Problems& problems, std::vector<std::string>& ids) {
  const auto* items = read_list(node, key, problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) {
    auto id = read_id(item, key, problems);
    if (!id) continue;
    if (std::find(ids.begin(), ids.end(), *id) != ids.end()) {
      problems.add(item, "'" + *id + "' is in " + std::string(key.name) + " twice", "each one once");
    } else {
      ids.push_back(std::move(*id));
    }
  }
}

}  // namespace

void read_files(const YamlNode& node, Problems& problems, std::vector<std::string>& files) {
  read_file_list(node, key_of(keys::release, "files"), problems, files);
}

void read_evidence(const YamlNode& node, Problems& problems, std::vector<std::string>& files) {
  read_file_list(node, key_of(keys::release, "evidence"), problems, files);
}

void read_requires(const YamlNode& node, std::optional<Plane> own, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, keys::requirements, problems);
  for (const Plane plane : {Plane::firmware, Plane::model, Plane::config}) {
    const YamlNode* value = fields.find(name_of(plane));
    if (value == nullptr) continue;
    if (plane == own) {
      problems.add(*value, "a " + std::string(name_of(plane)) + " release that requires its own plane",
                   "only other planes");
      continue;
    }
    auto version = read_minimum(*value, key_of(keys::requirements, name_of(plane)), problems);
    if (!version) continue;
    if (is_version(*version)) {
      release.requires_min.emplace_back(plane, std::move(*version));
    } else {
      problems.add(*value, "'" + *version + "' is no version", "1 to 32 of the characters A-Z a-z 0-9 . _ -");
    }
  }
}

void read_compatible(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, keys::compatible, problems);
  for (const auto& [name, ids] :
       {std::pair("class", &release.classes), std::pair("accelerators", &release.accelerators),
        std::pair("os_version", &release.os_versions)}) {
    if (const YamlNode* value = fields.find(name)) read_ids(*value, key_of(keys::compatible, name), problems, *ids);
  }
  if (const YamlNode* value = fields.find("memory_mb")) {
    const Key& key = key_of(keys::compatible, "memory_mb");
    const auto least = read_minimum(*value, key, problems);
    if (least) {
      YamlNode number = *value;
      number.text = *least;
      number.quoted = false;
      release.memory_mb_min = static_cast<std::uint32_t>(read_integer(number, key, problems).value_or(0));
    }
  }
  release.runtime = fields.text("runtime");
}

void read_runtime(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, keys::runtime, problems);
  release.tokenizer = fields.text("tokenizer");
  release.preprocessing = fields.text("preprocessing");
  release.postprocessing = fields.text("postprocessing");
  release.delegate = fields.text("delegate");
  release.pipeline_checksum = fields.text("pipeline_checksum");
  Sha256 checksum;
  if (!release.pipeline_checksum.empty() && !parse_hex(release.pipeline_checksum, checksum)) {
    problems.add(*fields.find("pipeline_checksum"), "'" + release.pipeline_checksum + "' is no SHA-256",
                 "64 hex digits: what 'cat FILES | sha256sum' says of the pipeline's files");
  }
}

void read_provenance(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  const Key& row = key_of(keys::release, "provenance");
  if (node.kind != YamlNode::Kind::map || node.entries.size() > row.items_max) {
    problems.add(node,
                 node.kind == YamlNode::Kind::map ? "provenance has " + std::to_string(node.entries.size()) + " entries"
                                                  : "provenance is no map",
                 "a map of at most " + std::to_string(row.items_max) + " texts, such as training_data: snapshot-7");
    return;
  }
  std::vector<std::string_view> names;  // any name is good here, so all there are count as known
  for (const auto& [key, value] : node.entries) names.push_back(key.text);
  Fields fields(node, "provenance", names, problems);
  for (const auto& [key, value] : node.entries) {
    if (value.kind == YamlNode::Kind::empty || key.kind != YamlNode::Kind::scalar) continue;
    auto name = read_id(key, "a key of provenance", problems);
    auto text = read_text(value, key.text, static_cast<std::size_t>(row.max), problems);
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
