// Simulations from the texts that people write. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rules/config/load_faults.h"
#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "rules/simulate/simulation.h"
#include "tests/support/long_form.h"

namespace muster::rules::test {

// Of the whole run, printed once: MUSTER_SEED repeats it.
inline std::uint64_t seed() {
  static const auto chosen = [] {
    const auto value = muster::testing::seed_or(20261122);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(value));
    return value;
  }();
  return chosen;
}

template <typename Loaded>
std::string errors_of(const Loaded& loaded) {
  std::string lines;
  for (const auto& diagnostic : loaded.diagnostics) lines += diagnostic.text() + "\n";
  return lines;
}

inline Simulation simulation_of(const std::string& rule, const std::string& fleet,
                                const std::vector<std::string>& faults = {}) {
  Simulation simulation;
  const auto loaded_rule = load_rule(rule, "rule");
  EXPECT_EQ(errors_of(loaded_rule), "");
  simulation.rule = loaded_rule.rule.value_or(Rule());
  const auto loaded_fleet = load_fleet(fleet, "fleet");
  EXPECT_EQ(errors_of(loaded_fleet), "");
  simulation.fleet = loaded_fleet.fleet.value_or(DescribedFleet());
  for (const auto& text : faults) {
    const auto loaded = load_fault(text, "fault", simulation.rule);
    EXPECT_EQ(errors_of(loaded), "");
    simulation.faults.insert(simulation.faults.end(), loaded.faults.begin(), loaded.faults.end());
  }
  return simulation;
}

inline RunResult run(const Simulation& simulation, std::uint64_t seed) {
  const FleetIds ids(simulation.fleet);
  EXPECT_EQ(fault_of(simulation, ids), "");
  return run_simulation(simulation, ids, seed);
}

// One line an entry, as tests compare them.
inline std::string timeline_of(const RunResult& result) {
  std::string text;
  for (const auto& entry : result.timeline) {
    text += std::to_string(entry.at_s) + " " + entry.what + " " + entry.subject + ": " + entry.text;
    text += entry.times == 1 ? "\n" : " (×" + std::to_string(entry.times) + ")\n";
  }
  return text;
}

inline std::size_t count_of(const RunResult& result, std::string_view word) {
  std::size_t count = 0;
  for (const auto& entry : result.timeline) count += entry.what == word ? entry.times : 0;
  return count;
}

inline const LabelResult& label_of(const RunResult& result, const std::string& label) {
  static const LabelResult none;
  for (const auto& each : result.labels) {
    if (each.label == label) return each;
  }
  ADD_FAILURE() << "no group is called " << label;
  return none;
}

inline const std::string plain_rule =
    "rollout: r\n"
    "targets: device.class == \"gateway\"\n"
    "versions: { model: reader@2 }\n"
    "waves:\n"
    "  - { name: canary, percent: 10, gate: manual, soak: 10m }\n"
    "  - { name: half, percent: 50 }\n"
    "  - { name: all, percent: 100 }\n";

inline const std::string guarded_rule =
    plain_rule +
    "halt: { failed_devices: 3 }\n"
    "guardrails:\n"
    "  - { name: quality, metric: edit_distance, against: baseline, max_increase: 20%, by: [region], on_fail: "
    "freeze_segment }\n";

inline const std::string two_regions =
    "defaults:\n"
    "  metrics: { edit_distance: { mean: 0.05, spread: 20%, noise: 5% } }\n"
    "groups:\n"
    "  - { count: 300, class: gateway, region: de, ids: de-### }\n"
    "  - { count: 300, class: gateway, region: us, ids: us-### }\n";

}  // namespace muster::rules::test
