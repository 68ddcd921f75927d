// A program that uses the rollout engine and the condition language and nothing else: what it links is what rules/
// needs. tests/house looks at its dynamic section.
#include <cstdio>
#include <vector>

#include "rules/condition/compile.h"
#include "rules/engine/engine.h"

int main() {
  using namespace muster::rules;
  Engine engine;
  std::vector<Effect> effects;
  engine.step({1, DeviceSeen{"gw-1"}}, effects);
  engine.step({2, Tick{}}, effects);
  const auto targets = compile_condition("device.region == \"eu\"", target_vocabulary());
  std::printf("%zu devices, %zu bytes\n", engine.devices().size(), targets.program.size());
  return engine.devices().size() == 1 && targets.ok() ? 0 : 1;
}
