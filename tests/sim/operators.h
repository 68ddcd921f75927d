// The people: they start rollouts and give commands at random times while there is trouble, and afterwards do what each
// rollout says that it waits for. One object a world.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/broker.h"
#include "tests/sim/device.h"

namespace muster::sim {

class Operators {
 public:
  Operators(const Options& options, Scheduler& scheduler, Random random, const Catalogue& catalogue, Broker& broker,
            const std::vector<std::unique_ptr<Device>>& devices, Trace& trace);

  void act();       // something, at random
  void act_well();  // what is asked for: approve, resume with the failures acknowledged, thaw, …

 private:
  void start();
  void give_order();
  void give(rules::CommandBody body);
  [[nodiscard]] rules::Rule random_rule();
  void add_waves(rules::Rule& rule);
  [[nodiscard]] std::string any_scope();

  const Options& options_;
  Scheduler& scheduler_;
  Random random_;
  const Catalogue& catalogue_;
  Broker& broker_;
  const std::vector<std::unique_ptr<Device>>& devices_;
  Trace& trace_;
  std::size_t started_ = 0;
  std::vector<rules::GiveOrder> given_;
};

}  // namespace muster::sim
