// Random lives of a fleet, from a seed: each seed also turns some kinds of events fully off, so that rare combinations
// come together often enough. One thread.
#pragma once

#include <random>
#include <string>

#include "tests/unit/engine/world.h"

namespace muster::rules::test {

// What may happen at all.
struct Swarm {
  explicit Swarm(std::uint64_t seed);
  bool links = true;  // devices are lost, come back and time out
  bool times_out = true;
  bool facts = true;  // devices move between regions
  bool failures = true;
  bool orders = true;
  bool rings = true;
  bool guardrails = true;
  bool exclusions = true;  // groups are stopped and devices cancelled
  bool states = true;      // releases ask something of devices, and let rollouts go only so far
  bool holds = true;       // waves hold their devices
  bool shadows = true;     // some rollouts switch nothing
  bool priorities = true;  // some may start over the devices of others
  bool measures = true;    // with guardrails: devices send health summaries
  bool paces = true;       // and gates that two people open
  bool rehearsals = true;  // first waves rehearse, and are of a number of devices
  bool minutes = true;     // paces have a limit a minute
  std::size_t devices_max = 30;
};

class RandomWorld {
 public:
  RandomWorld(std::uint64_t seed, Swarm swarm);
  void act();  // one or a few steps

  World world;

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(unsigned percent) { return pick(100) < percent; }
  std::string any_device();
  std::string any_rollout();
  void join();
  void device_step();
  void link_step();
  void operator_step();
  void start();
  void order();
  void exclude(const std::string& rollout);
  void measure();
  [[nodiscard]] Pace random_pace();
  void add_guardrails(Rule& rule);

  std::mt19937_64 random_;
  Swarm swarm_;
  std::size_t rollouts_ = 0;
};

}  // namespace muster::rules::test
