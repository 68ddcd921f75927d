#include "rules/config/load_fleet.h"

#include <algorithm>

#include "rules/config/behaviour.h"
#include "rules/config/fields.h"
#include "rules/config/times.h"
#include "rules/simulate/fleet_ids.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t first_id_max = 9'999'999'999'999;

class FleetReader {
 public:
  explicit FleetReader(Problems& problems) : problems_(problems) {}

  DescribedFleet read(const YamlNode& document) {
    DescribedFleet fleet;
    Fields fields(document, "a fleet", fleet_file_keys(), problems_);
    if (const YamlNode* value = fields.find("release_mb")) read_release_mb(*value, fleet, problems_);
    if (const YamlNode* value = fields.find("defaults"))
      read_behaviour(Fields(*value, "defaults", behaviour_keys(), problems_), defaults_, problems_);
    const YamlNode* groups = fields.require("groups", "groups: [{ count: 800, class: rk3566, region: eu }]");
    const auto* items = groups == nullptr ? nullptr : read_list(*groups, "groups", 1, fleet_groups_max, problems_);
    if (items == nullptr) return fleet;
    for (const YamlNode& item : *items) fleet.groups.push_back(read_group(item));
    if (!problems_.any() && named_) check_ids(fleet, *items);
    return fleet;
  }

 private:
  FleetGroup read_group(const YamlNode& node) {
    FleetGroup group;
    group.behaviour = defaults_;
    std::vector<std::string_view> keys = {"count",        "class",       "region",     "site",          "customer",
                                          "os_version",   "memory_tier", "memory_mb",  "agent_version", "tags",
                                          "accelerators", "runtimes",    "utc_offset", "ids",           "first_id"};
    keys.insert(keys.end(), behaviour_keys().begin(), behaviour_keys().end());
    Fields fields(node, "a group", keys, problems_);
    if (!fields.is_map()) return group;
    read_names(fields, group);
    read_size(fields, group);
    read_facts(fields, group.facts);
    read_behaviour(fields, group.behaviour, problems_);
    return group;
  }

  // `ids: [gw-17, dock-3]` one by one, or `ids: gw-####` for gw-0001 and so on.
  void read_names(const Fields& fields, FleetGroup& group) {
    const YamlNode* first = fields.find("first_id");
    const YamlNode* ids = fields.find("ids");
    named_ = named_ || ids != nullptr;
    if (ids != nullptr && ids->kind == YamlNode::Kind::list) {
      read_ids(*ids, "ids", "a device id", yaml_nodes_max, group.names.listed);
    } else if (ids != nullptr) {
      read_pattern(*ids, group.names);
    }
    if (first == nullptr) return;
    group.names.first = read_integer(*first, "first_id", 0, first_id_max, problems_).value_or(0);
    if (ids == nullptr || ids->kind == YamlNode::Kind::list)
      problems_.add(*first, "'first_id' without a pattern of ids", "ids: gw-#### beside it, or the key removed");
  }

  void read_pattern(const YamlNode& node, DeviceNames& names) {
    const std::string form =
        "a list of ids, or an id with one run of # for the number, such as gw-#### for gw-0001 and so on";
    const auto start = node.text.find('#');
    const auto end = std::min(node.text.find_first_not_of('#', start), node.text.size());
    if (node.kind != YamlNode::Kind::scalar || start == std::string::npos ||
        node.text.find('#', end) != std::string::npos) {
      problems_.add(node, "ids without one place for the number", form);
      return;
    }
    names.before = node.text.substr(0, start);
    names.after = node.text.substr(end);
    names.digits = static_cast<std::uint32_t>(end - start);
    if (!is_id(names.before + std::string(names.digits, '0') + names.after)) {
      problems_.add(node, in_quotes(node.text) + " makes no ids",
                    "1 to 64 of the characters A-Z a-z 0-9 . _ -, not starting with '.', beside the #");
    }
  }

  void read_size(Fields& fields, FleetGroup& group) {
    const auto listed = group.names.listed.size();
    const YamlNode* count = fields.find("count");
    if (listed == 0) count = fields.require("count", "count: 100, the number of devices");
    if (count != nullptr) read_count(*count, group);
    if (listed == 0) return;
    if (count != nullptr && group.count != listed)
      problems_.add(*count, std::to_string(listed) + " ids for a count of " + count->text, "the key removed");
    if (count == nullptr) add_devices(*fields.find("ids"), listed);
    group.count = static_cast<std::uint32_t>(listed);
  }

  // Two devices of one name would be one device.
  void check_ids(const DescribedFleet& fleet, const std::vector<YamlNode>& items) {
    const FleetIds ids(fleet);
    FleetIds::Buffer buffer;
    if (const auto twice = ids.twice()) {
      problems_.add(items[ids.group_of(*twice)],
                    "another device is called " + std::string(ids.id(*twice, buffer)) + " too",
                    "ids that differ over all groups; first_id says where a pattern begins");
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto last = ids.first_of(static_cast<std::uint32_t>(i)) + fleet.groups[i].count - 1;
      if (!is_id(ids.id(last, buffer)))
        problems_.add(items[i], "the last id of this group is longer than an id may be", "a shorter pattern");
    }
  }

  void read_facts(const Fields& fields, DeviceFacts& facts) {
    for (const auto& [key, fact] : {std::pair("class", &facts.device_class),
                                    {"region", &facts.region},
                                    {"site", &facts.site},
                                    {"customer", &facts.customer},
                                    {"os_version", &facts.os_version},
                                    {"memory_tier", &facts.memory_tier}}) {
      if (const YamlNode* value = fields.find(key))
        *fact = read_id(*value, "the " + std::string(key), problems_).value_or("");
    }
    if (const YamlNode* value = fields.find("memory_mb")) {
      facts.memory_mb =
          static_cast<std::uint32_t>(read_integer(*value, "memory_mb", 1, UINT32_MAX, problems_).value_or(0));
    }
    if (const YamlNode* value = fields.find("agent_version")) {
      facts.agent_version = read_text(*value, "agent_version", limits::attribute_len_max, problems_).value_or("");
    }
    if (const YamlNode* value = fields.find("tags")) read_ids(*value, "tags", "a tag", limits::tags_max, facts.tags);
    if (const YamlNode* value = fields.find("accelerators")) {
      read_ids(*value, "accelerators", "an accelerator", limits::accelerators_max, facts.accelerators);
    }
    if (const YamlNode* value = fields.find("utc_offset")) {
      facts.utc_offset_min = read_utc_offset(*value, "utc_offset", problems_);
    }
    if (const YamlNode* value = fields.find("runtimes")) {
      read_ids(*value, "runtimes", "a runtime", limits::runtimes_max, facts.runtimes);
    }
  }

  void read_count(const YamlNode& node, FleetGroup& group) {
    const auto count = read_integer(node, "count", 1, fleet_devices_max, problems_);
    if (!count) return;
    group.count = static_cast<std::uint32_t>(*count);
    add_devices(node, *count);
  }

  void add_devices(const YamlNode& node, std::uint64_t count) {
    devices_ += count;
    if (devices_ <= fleet_devices_max || devices_ - count > fleet_devices_max) return;  // said once
    problems_.add(node, "a fleet of more than " + std::to_string(fleet_devices_max) + " devices",
                  "smaller counts: the same shares give the same plan");
  }

  void read_ids(const YamlNode& node, std::string_view what, std::string_view one, std::size_t max,
                std::vector<std::string>& ids) {
    const auto* items = read_list(node, what, 1, max, problems_);
    if (items == nullptr) return;
    for (const YamlNode& item : *items) {
      auto id = read_id(item, one, problems_);
      if (!id) continue;
      if (std::find(ids.begin(), ids.end(), *id) != ids.end()) {
        problems_.add(item, *id + " is in " + std::string(what) + " twice", "each once");
      }
      ids.push_back(std::move(*id));
    }
  }

  Problems& problems_;
  DeviceBehaviour defaults_;
  bool named_ = false;         // some group has ids
  std::uint64_t devices_ = 0;  // of the groups so far
};

}  // namespace

const std::vector<std::string_view>& fleet_file_keys() {
  static const std::vector<std::string_view> keys = {"groups", "defaults", "release_mb"};
  return keys;
}

LoadedFleet load_fleet(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedFleet loaded;
  if (const auto document = read_yaml(problems)) {
    DescribedFleet fleet = FleetReader(problems).read(*document);
    if (!problems.any()) loaded.fleet = std::move(fleet);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
