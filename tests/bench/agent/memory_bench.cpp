// Memory of the agent: idle, and at its peak while it fetches and installs a release; beside `rauc service`, idle and
// while it installs the same bytes. Fresh processes in every round (README.md).
#include <cstdio>
#include <string>

#include "tests/bench/agent/memory.h"
#include "tests/bench/agent/rauc.h"
#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

// As long as the peers' published figures waited.
constexpr auto idle_after = 8s;
constexpr double budget_mib = 8;

struct Pss {
  double idle = 0, peak = 0;
};

Pss of_agent(Rig& rig, int round) {
  const auto name = "mem-" + std::to_string(round);
  const auto device = rig.start_device(name, name);
  Pss pss;
  pss.idle = pss_mib_after(device->pid(), idle_after);
  PssSampler sampler(device->pid());
  rig.start_rollout("r-" + name, "big", name);
  static_cast<void>(rig.observer().reached(name, "committed", 120s));
  pss.peak = sampler.peak_mib();
  return pss;
}

Pss of_rauc(Rauc& rauc) {
  rauc.start_service();
  Pss pss;
  pss.idle = pss_mib_after(rauc.service_pid(), idle_after);
  PssSampler sampler(rauc.service_pid());
  static_cast<void>(rauc.install_ms());
  pss.peak = sampler.peak_mib();
  rauc.stop_service();
  return pss;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  Rig rig;
  const auto [file, size] = rig.publish_big(options);
  Rauc rauc(rig.folder().make_folder("rauc"), size);
  rauc.make_bundle(file);

  const auto busy = "peak while fetching and installing " + std::to_string(size >> 20) + " MiB";
  Measure idle{"memory of the agent",
               "PSS idle, connected by TLS",
               "MiB",
               "rauc service, idle",
               {},
               {},
               {BudgetKind::ours_max, budget_mib},
               "8 s after the start, each time a fresh process; shared libraries included"};
  Measure peak{"memory of the agent",
               "PSS " + busy,
               "MiB",
               "rauc service, while it installs",
               {},
               {},
               {BudgetKind::ours_max, budget_mib},
               "sampled every 5 ms"};
  for (int round = 0; round < options.rounds; ++round) {
    Pss ours, peer;
    if (round % 2 == 0) ours = of_agent(rig, round);
    peer = of_rauc(rauc);
    if (round % 2 != 0) ours = of_agent(rig, round);
    std::fprintf(stderr, "round %d: agent %.2f MiB idle, %.2f MiB peak; rauc %.2f MiB idle, %.2f MiB peak\n", round + 1,
                 ours.idle, ours.peak, peer.idle, peer.peak);
    idle.add(ours.idle, peer.idle);
    peak.add(ours.peak, peer.peak);
  }
  print(idle);
  print(peak);
}
