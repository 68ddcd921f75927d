// A release of 100 MiB that lies on the local broker: from the assignment that becomes visible until the device reports
// that it runs and everything is durable; beside sha256 + cp + sync in sequence, and beside `rauc install` (README.md).
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/bench/agent/rauc.h"
#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

struct Cost {
  double wall_ms = 0, agent_cpu_ms = 0, broker_cpu_ms = 0;
};

Cost update(Rig& rig, int round) {
  const auto name = "dev-" + std::to_string(round);
  const auto device = rig.start_device(name, name);
  settle_disk();
  const auto broker = rig.broker().pid();
  const double agent_before = cpu_ms(device->pid()), broker_before = cpu_ms(broker);
  rig.start_rollout("r-" + std::to_string(round), "big", name);
  const auto begun = rig.observer().assigned(name, 30s);
  const auto ended = rig.observer().reached(name, "committed", 120s);
  return {ms_between(begun, ended), cpu_ms(device->pid()) - agent_before, cpu_ms(broker) - broker_before};
}

double floor_ms(const Rig& rig, const std::string& file) {
  const auto copy = rig.folder().file("floor-copy");
  settle_disk();
  double sum = timed_run_ms({"openssl", "dgst", "-sha256", file});
  sum += timed_run_ms({"cp", file, copy});
  sum += timed_run_ms({"sync", copy});
  ::unlink(copy.c_str());
  return sum;
}

struct Round {
  Cost ours;
  double floor_ms = 0, rauc_ms = 0;
};

Round measure(Rig& rig, Rauc& rauc, const std::string& file, int number) {
  Round round;
  if (number % 2 == 0) round.ours = update(rig, number);
  round.floor_ms = floor_ms(rig, file);
  settle_disk();
  round.rauc_ms = rauc.install_ms();
  if (number % 2 != 0) round.ours = update(rig, number);
  return round;
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
  rauc.start_service();

  const std::string variant = std::to_string(size >> 20) + " MiB";
  Measure floor{"update of a release on the local broker",
                variant + " over TLS, beside the floor",
                "ms",
                "openssl dgst, cp, sync in sequence",
                {},
                {},
                {BudgetKind::ratio_max, 1.2},
                "ours: assignment visible to report of the commit, everything synced; TLS included"};
  Measure peer{"update of a release on the local broker",
               variant + " over TLS, beside rauc",
               "ms",
               "rauc install of a local bundle",
               {},
               {},
               {},
               "rauc reads its bundle from the disk: no broker, no TLS"};
  Measure agent{"update of a release on the local broker",
                variant + ", processor time of agent and broker",
                "ms",
                "",
                {},
                {},
                {},
                "both run at once; the sum over two processors bounds the time of the update"};
  for (int number = -1; number < options.rounds; ++number) {
    const auto round = measure(rig, rauc, file, number + 1);
    std::fprintf(stderr,
                 "%s %d: ours %.0f ms (processor: agent %.0f ms, broker %.0f ms), floor %.0f ms, rauc %.0f ms\n",
                 number < 0 ? "warm-up" : "round", number + 1, round.ours.wall_ms, round.ours.agent_cpu_ms,
                 round.ours.broker_cpu_ms, round.floor_ms, round.rauc_ms);
    if (number < 0) {
      rauc.check_installed(file);
      continue;
    }
    floor.add(round.ours.wall_ms, round.floor_ms);
    peer.add(round.ours.wall_ms, round.rauc_ms);
    agent.add(round.ours.agent_cpu_ms + round.ours.broker_cpu_ms);
  }
  print(floor);
  print(peer);
  print(agent);
}
