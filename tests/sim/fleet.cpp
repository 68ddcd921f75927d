#include "tests/sim/fleet.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace muster::sim {

namespace {

bool has_tag(const rules::DeviceFacts& facts, std::string_view tag) {
  return std::find(facts.tags.begin(), facts.tags.end(), tag) != facts.tags.end();
}

}  // namespace

const std::vector<Condition>& target_conditions() {
  static const std::vector<Condition> all = {
      {"true", [](const rules::DeviceFacts&) { return true; }},
      {"device.class == \"rk3566\"", [](const rules::DeviceFacts& f) { return f.device_class == "rk3566"; }},
      {"device.region == \"eu\"", [](const rules::DeviceFacts& f) { return f.region == "eu"; }},
      {"device.region in [\"eu\", \"us\"] && !(\"lab\" in device.tags)",
       [](const rules::DeviceFacts& f) { return (f.region == "eu" || f.region == "us") && !has_tag(f, "lab"); }},
  };
  return all;
}

const std::vector<Condition>& ring_conditions() {
  static const std::vector<Condition> all = {
      {"\"lab\" in device.tags", [](const rules::DeviceFacts& f) { return has_tag(f, "lab"); }},
      {"device.site == \"s1\"", [](const rules::DeviceFacts& f) { return f.site == "s1"; }},
  };
  return all;
}

bool holds(std::string_view condition, const rules::DeviceFacts& facts) {
  for (const auto* list : {&target_conditions(), &ring_conditions()}) {
    for (const auto& each : *list) {
      if (each.text == condition) return each.holds(facts);
    }
  }
  assert(!"a condition that no world has");
  return false;
}

const std::vector<HealthCondition>& health_conditions() {
  using rules::Reading;
  static const std::vector<HealthCondition> all = {
      {"p95_ms > 90 || crash_count > 0",
       [](const rules::Readings& r) -> std::optional<bool> {
         if (r.of(Reading::crash_count) > 0) return true;
         if (!std::isfinite(r.of(Reading::p95_ms))) return std::nullopt;
         return r.of(Reading::p95_ms) > 90;
       }},
      {"inferences < 600",
       [](const rules::Readings& r) -> std::optional<bool> {
         if (!std::isfinite(r.of(Reading::inferences))) return std::nullopt;
         return r.of(Reading::inferences) < 600;
       }},
  };
  return all;
}

rules::DeviceFacts random_facts(Random& random) {
  rules::DeviceFacts facts;
  facts.device_class = random.percent(75) ? "rk3566" : "jetson";
  facts.region = random.percent(45) ? "eu" : (random.percent(80) ? "us" : "ap");
  facts.site = random.percent(50) ? "s1" : "s2";
  facts.memory_mb = random.percent(80) ? 2048 : 512;
  if (random.percent(20)) facts.tags = {"lab"};
  facts.agent_version = "sim";
  return facts;
}

edge::Facts edge_facts(const rules::DeviceFacts& facts) {
  edge::Facts same;
  same.device_class = facts.device_class;
  same.region = facts.region;
  same.site = facts.site;
  same.memory_mb = facts.memory_mb;
  same.tags = facts.tags;
  same.agent_version = facts.agent_version;
  return same;
}

std::vector<std::string> scopes_of(const std::string& id, const rules::DeviceFacts& facts) {
  std::vector<std::string> scopes{"device/" + id, "group/class=" + facts.device_class, "group/region=" + facts.region,
                                  "group/site=" + facts.site};
  for (const auto& tag : facts.tags) scopes.push_back("group/tag=" + tag);
  scopes.push_back("fleet");
  return scopes;
}

}  // namespace muster::sim
