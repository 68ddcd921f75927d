// `musterctl simulate` without its output: a rule over a described fleet through three waves, from the first report of
// a device to the end of the rollout. Each run is a process of its own, whose peak of memory the kernel knows.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "rules/simulate/simulation.h"
#include "tests/bench/engine_fleet.h"
#include "tests/bench/lib/clock.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace {

using namespace muster::rules;
using namespace muster::bench;

constexpr double seconds_max = 30, mib_max = 1024;

const std::string plain =
    "rollout: bench\n"
    "targets: device.class == \"gateway\"\n"
    "versions: { model: reader@2 }\n"
    "waves:\n"
    "  - { name: canary, percent: 10, gate: manual, soak: 1h }\n"
    "  - { name: half, percent: 50, soak: 10m }\n"
    "  - { name: all, percent: 100, soak: 10m }\n";
const std::string guarded =
    plain +
    "guardrails:\n"
    "  - { name: quality, metric: edit_distance, against: baseline, max_increase: 20%, by: [region] }\n"
    "  - { name: latency, metric: p95_ms, against: baseline, max_increase: 10% }\n";

Simulation simulation_of(const std::string& rule, std::size_t devices) {
  Simulation simulation;
  const auto half = std::to_string(devices / 2);
  const auto fleet = load_fleet(
      "defaults: { metrics: { edit_distance: { mean: 0.05, noise: 2% }, p95_ms: { mean: 80, noise: 2% } } }\n"
      "groups:\n"
      "  - { count: " +
          half +
          ", class: gateway, region: de, ids: gateway-de-####### }\n"
          "  - { count: " +
          half + ", class: gateway, region: us, ids: gateway-us-####### }\n",
      "fleet");
  const auto loaded = load_rule(rule, "rule");
  if (!fleet.fleet || !loaded.rule) break_off("the bench's own rule or fleet does not load");
  simulation.fleet = *fleet.fleet;
  simulation.rule = *loaded.rule;
  return simulation;
}

struct Figures {
  double seconds = 0, mib = 0;
};

// In the child: 0 when all devices got it.
int simulate(const std::string& rule, std::size_t devices, std::uint64_t seed) {
  const auto simulation = simulation_of(rule, devices);
  const FleetIds ids(simulation.fleet);
  const auto result = run_simulation(simulation, ids, seed);
  return result.status.state == RolloutState::completed && result.ran == devices ? 0 : 1;
}

Figures measured(const std::string& rule, std::size_t devices, std::uint64_t seed) {
  const auto start = Clock::now();
  const auto child = ::fork();
  if (child < 0) break_off("no process could be started");
  if (child == 0) ::_exit(simulate(rule, devices, seed));
  int status = 0;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    break_off("the rollout did not reach all of %zu devices", devices);
  return {seconds_since(start), static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const std::vector<std::size_t> sizes =
      options.quick ? std::vector<std::size_t>{20'000} : std::vector<std::size_t>{100'000, 1'000'000};
  for (const auto devices : sizes) {
    for (const bool judged : {false, true}) {
      const auto variant = size_text(devices) + (judged ? ", two guardrails" : "");
      Measure time{"simulate: three waves", variant, "s", "", {}, {}, {BudgetKind::ours_max, seconds_max}, ""};
      Measure memory{"simulate: memory", variant, "MiB", "", {}, {}, {BudgetKind::ours_max, mib_max}, "its peak"};
      for (int round = 0; round < options.rounds; ++round) {
        const auto figures =
            measured(judged ? guarded : plain, devices, options.seed + static_cast<std::uint64_t>(round));
        time.add(figures.seconds);
        memory.add(figures.mib);
        std::fprintf(stderr, "round %d, %s: %.2f s, %.0f MiB\n", round + 1, variant.c_str(), figures.seconds,
                     figures.mib);
      }
      print(time);
      print(memory);
    }
  }
  return 0;
}
