// A fleet of which d000, d002, … are in de and the others in us, for the tests of stopped groups and cancelled devices.
// Tests only; one thread.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/engine/guarded_fleet.h"

namespace muster::rules::test {

class Exclude : public GuardedFleet {
 protected:
  std::vector<Effect> stop(const std::string& group, bool revert = false) {
    return world_.command(StopGroup{"r", group, revert}, "alice", "odd labels");
  }
  std::vector<Effect> go_on(const std::string& group) { return world_.command(ContinueGroup{"r", group}, "bob"); }
  std::vector<Effect> cancel(const std::string& id, bool revert = false) {
    return world_.command(CancelDevice{"r", id, revert}, "alice", "bad disk");
  }
  std::vector<Effect> readmit(const std::string& id) { return world_.command(ReadmitDevice{"r", id}, "bob"); }
  void start_waves(std::vector<std::uint32_t> percents, Gate gate = Gate::automatic) {
    std::vector<Wave> waves;
    for (const auto percent : percents) {
      Wave wave;
      wave.name = "w" + std::to_string(percent);
      wave.percent = percent;
      wave.gate = gate;
      waves.push_back(wave);
    }
    auto rule = World::rule("r", "true", {{Plane::model, "reader", "2"}}, std::move(waves));
    rule.halt_failed_devices = 3;
    ASSERT_TRUE(World::accepted(world_.start(rule)));
  }
  [[nodiscard]] std::string running(const std::string& id) {
    return world_.release_name(world_.devices[id].report.active[1]);
  }
  [[nodiscard]] std::string wanted(const std::string& id) {
    const auto& assigned = world_.devices[id].assigned;
    return assigned ? world_.release_name(assigned->releases.at(0).second) : "nothing";
  }
  [[nodiscard]] Standing standing(const std::string& id, const std::string& rollout = "r") {
    DeviceStatus status;
    EXPECT_TRUE(world_.engine.device(id, status));
    for (const auto& each : status.rollouts) {
      if (each.rollout == rollout) return each.standing;
    }
    ADD_FAILURE() << id << " is none of " << rollout;
    return Standing::waiting;
  }
  [[nodiscard]] std::string why(const std::string& id) {
    for (const auto& reason : world_.engine.why(id)) {
      if (reason.rollout == "r") return reason.text;
    }
    return "nothing";
  }
  [[nodiscard]] std::size_t count_reached(const std::string& region) {
    std::size_t count = 0;
    for (const auto& id : reached()) {
      if (in(id, region) && wanted(id) == "reader@2") ++count;
    }
    return count;
  }
  void move(const std::string& id, const std::string& region) {
    world_.devices[id].report.facts.region = region;
    world_.report(id);
  }
};

}  // namespace muster::rules::test
