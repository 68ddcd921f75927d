// A fleet in two regions for the tests of guardrails: a canary of half, and summaries of ten minutes, each of them a
// whole observation. Tests only; one thread.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "rules/engine/audit_words.h"
#include "tests/unit/engine/world.h"

namespace muster::rules::test {

inline constexpr std::uint32_t window_s = 600;

class GuardedFleet : public testing::Test {
 protected:
  GuardedFleet() {
    renew();
    rail_.name = "latency";
    rail_.metric = "p95_ms";
    rail_.limit = 50;
    rail_.observe_s = window_s;
    rail_.silent_after_s = 7200;
  }
  // Without devices and rollouts.
  void renew() {
    world_ = World();
    world_.add_release(Plane::model, "reader", "1");
    world_.add_release(Plane::model, "reader", "2");
  }

  void join(int count) {
    for (int i = 0; i < count; ++i) {
      const auto number = std::to_string(world_.devices.size());
      const auto id = "d" + std::string(3 - number.size(), '0') + number;
      world_.devices[id].report.active[1] = world_.release("reader@1").manifest;
      world_.join(id, facts_of("rk3566", i % 2 == 0 ? "de" : "us"));
    }
  }
  void start(std::vector<Guardrail> rails, Gate gate = Gate::automatic, std::uint32_t first_percent = 50) {
    Wave first;
    first.name = "first";
    first.percent = first_percent;
    first.gate = gate;
    Wave all;
    all.name = "all";
    all.percent = 100;
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
    rule.guardrails = std::move(rails);
    rule.baseline_window_s = 3600;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
  }
  // One summary of a device, of the window that ends now.
  std::vector<Effect> say(const std::string& id, double p95_ms, const std::function<void(DeviceHealth&)>& more = {}) {
    DeviceHealth health;
    health.device = id;
    health.window_s = window_s;
    if (p95_ms >= 0) health.readings.set(Reading::p95_ms, p95_ms);
    if (more) more(health);
    return world_.step(health);
  }
  [[nodiscard]] std::vector<std::string> reached() const {
    const auto ids = world_.assigned_by("r");
    return {ids.begin(), ids.end()};
  }
  [[nodiscard]] bool in(const std::string& id, const std::string& region) {
    return world_.devices[id].report.facts.region == region;
  }
  void commit_reached() {
    for (const auto& id : reached()) {
      if (world_.devices[id].report.attempt_epoch != world_.devices[id].assigned->epoch) world_.commit(id);
    }
  }
  [[nodiscard]] RolloutState state() { return world_.status("r").state; }
  [[nodiscard]] GuardrailStatus verdict(const std::string& segment = {}) {
    for (const auto& each : world_.status("r").guardrails) {
      if (each.segment == segment) return each;
    }
    ADD_FAILURE() << "no segment " << segment;
    return {};
  }

  World world_;
  Guardrail rail_;
};

}  // namespace muster::rules::test
