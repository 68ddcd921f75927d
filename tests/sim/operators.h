// The people: they start rollouts and give commands at random times while there is trouble, and afterwards do what each
// rollout says that it waits for. One object a world.
#pragma once

#include <cstdint>
#include <map>
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
  void make_shadow(rules::Rule& rule);
  [[nodiscard]] rules::Pace random_pace();
  void add_guardrails(rules::Rule& rule);
  [[nodiscard]] rules::Guardrail random_guardrail(const std::string& name);
  void help(const rules::RolloutStatus& rollout);
  void let_go(const rules::RolloutStatus& rollout);
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
  // The sentence that each rollout said when it was looked at last, and how often it has said it since.
  std::map<std::string, std::pair<std::string, int>> looked_;
};

}  // namespace muster::sim
