// A program that uses rules/config and nothing else of Muster but what that needs; see rules_alone.cpp.
#include <cstdio>

#include "rules/config/load_rule.h"

int main() {
  const auto loaded = muster::rules::load_rule("rollout: [", "broken.yaml");
  for (const auto& diagnostic : loaded.diagnostics) std::printf("%s\n", diagnostic.text().c_str());
  return !loaded.rule && !loaded.diagnostics.empty() ? 0 : 1;
}
