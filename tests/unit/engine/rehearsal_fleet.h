// A fleet whose first wave rehearses the way back, for the tests of that. Tests only; one thread.
#pragma once

#include <string>

#include "tests/unit/engine/exclude_fleet.h"

namespace muster::rules::test {

class Rehearsals : public Exclude {
 protected:
  Rule rule(std::uint32_t devices, std::uint64_t soak_s = 0) {
    Wave first;
    first.name = "rehearsal";
    first.devices = devices;
    first.rehearse = true;
    first.soak_s = soak_s;
    Wave all;
    all.name = "all";
    all.percent = 100;
    return World::rule("r", "true", {{Plane::model, "reader", "2"}}, {first, all});
  }
  void start_rule(const Rule& rule) {
    const auto effects = world_.start(rule);
    ASSERT_TRUE(World::accepted(effects)) << World::reply(effects);
  }
  // Starts one of two devices of four; their ids, by id.
  void start_two(std::uint64_t soak_s = 0) {
    join(4);
    start_rule(rule(2, soak_s));
    const auto ids = reached();
    ASSERT_EQ(ids.size(), 2u);
    a_ = ids[0];
    b_ = ids[1];
  }
  void take_all_steps(const std::string& id) {
    for (int i = 0; i < 3; ++i) world_.commit(id);
  }
  GiveOrder order(const std::string& scope, OrderKind kind, const std::string& ref = "reader@1") {
    GiveOrder order;
    order.scope = scope;
    order.kind = kind;
    order.plane = Plane::model;
    order.release = world_.release(ref).manifest;
    order.release_name = ref;
    return order;
  }
  [[nodiscard]] std::string error() {
    const auto& failures = world_.status("r").failures;
    return failures.empty() ? "none" : failures[0].error + ": " + failures[0].detail;
  }
  [[nodiscard]] const std::string& says() { return world_.status("r").waiting_for; }

  std::string a_, b_;
};

}  // namespace muster::rules::test
