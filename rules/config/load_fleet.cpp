#include "rules/config/load_fleet.h"

#include <algorithm>

#include "rules/config/fields.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

class FleetReader {
 public:
  explicit FleetReader(Problems& problems) : problems_(problems) {}

  DescribedFleet read(const YamlNode& document) {
    DescribedFleet fleet;
    Fields fields(document, "a fleet", {"groups"}, problems_);
    const YamlNode* groups = fields.require("groups", "groups: [{ count: 800, class: rk3566, region: eu }]");
    const auto* items = groups == nullptr ? nullptr : read_list(*groups, "groups", 1, fleet_groups_max, problems_);
    if (items == nullptr) return fleet;
    for (const YamlNode& item : *items) fleet.groups.push_back(read_group(item));
    return fleet;
  }

 private:
  FleetGroup read_group(const YamlNode& node) {
    FleetGroup group;
    Fields fields(node, "a group",
                  {"count", "class", "region", "site", "customer", "os_version", "memory_tier", "memory_mb",
                   "agent_version", "tags", "accelerators"},
                  problems_);
    if (!fields.is_map()) return group;
    if (const YamlNode* count = fields.require("count", "count: 100, the number of devices")) read_count(*count, group);
    DeviceFacts& facts = group.facts;
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
    return group;
  }

  void read_count(const YamlNode& node, FleetGroup& group) {
    const auto count = read_integer(node, "count", 1, fleet_devices_max, problems_);
    if (!count) return;
    group.count = static_cast<std::uint32_t>(*count);
    devices_ += *count;
    if (devices_ <= fleet_devices_max || devices_ - *count > fleet_devices_max) return;  // said once
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
  std::uint64_t devices_ = 0;  // of the groups so far
};

}  // namespace

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
