// A fleet whose rollouts of the model plane (r, fix) and of the config plane (c) meet, for the tests of that. Tests
// only; one thread.
#pragma once

#include <string>

#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {

class MeetingFleet : public Exclude {
 protected:
  MeetingFleet() {
    world_.add_release(Plane::model, "reader", "3");
    for (const auto* version : {"1", "2"}) world_.add_release(Plane::config, "sorter", version);
    world_.known("reader@2").shadow = true;
  }
  static Wave wave(const std::string& name, std::uint32_t percent, HoldPoint hold = HoldPoint::none) {
    Wave made;
    made.name = name;
    made.percent = percent;
    made.hold = hold;
    return made;
  }
  static Rule model(const std::string& name, const std::string& version, std::uint32_t priority = 0,
                    const std::string& targets = "true") {
    auto rule = World::rule(name, targets, {{Plane::model, "reader", version}}, {wave("all", 100)});
    rule.priority = priority;
    rule.halt_failed_devices = 3;
    return rule;
  }
  static Rule config(std::uint32_t priority = 0) {
    auto rule = World::rule("c", "true", {{Plane::config, "sorter", "2"}}, {wave("all", 100)});
    rule.priority = priority;
    rule.halt_failed_devices = 3;
    return rule;
  }
  static Rule held(HoldPoint hold) {
    auto rule = model("r", "2");
    rule.waves[0].hold = hold;
    rule.attempt_timeout_s = 600;
    return rule;
  }
  static Rule shadow() {
    auto rule = model("r", "2");
    rule.shadow = true;
    rule.waves[0].soak_s = 3600;
    return rule;
  }
  void start_rule(const Rule& rule) {
    const auto effects = world_.start(rule);
    ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  }
  void fail(const std::string& id, const std::string& error) { world_.fail(id, error); }
  void commit_all() {
    for (const auto& [id, device] : world_.devices) world_.commit(id);
  }
  [[nodiscard]] HoldPoint told(const std::string& id) { return world_.devices[id].assigned->hold; }
  [[nodiscard]] std::string given(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->releases)
      text += (text.empty() ? "" : " ") + world_.release_name(digest);
    return text;
  }
  [[nodiscard]] std::string in_shadow(const std::string& id) {
    std::string text;
    for (const auto& [plane, digest] : world_.devices[id].assigned->shadow) text += world_.release_name(digest);
    return text;
  }
  [[nodiscard]] RolloutStatus status(const std::string& name = "r") { return world_.status(name); }
};

}  // namespace muster::rules::test
