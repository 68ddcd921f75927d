#include "broker-plugin/lifecycle/rollout_reach.h"

#include <utility>

namespace muster::broker {

void tell_reach(EngineHost& engine, const ReleaseRegistry& releases, const ReleaseStates& states, bool required) {
  rules::ReleaseReach reach;
  for (const auto& rollout : engine.engine().rollouts()) {
    for (const auto& choice : engine.engine().status(rollout)->versions) {
      const auto release = releases.find(choice.name, choice.version);
      if (release == nullptr) continue;
      const auto now = required ? reach_of(states.of(release->manifest).state) : rules::Reach::promoted;
      reach.releases.push_back({release->manifest, now});
    }
  }
  if (!reach.releases.empty()) (void)engine.step(std::move(reach));
}

}  // namespace muster::broker
