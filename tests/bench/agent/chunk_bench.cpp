// A release that devices fetch in chunks of 64 KiB through the broker, beside curls that get the same file from nginx
// by the same TLS; and what another client of the broker notices meanwhile (README.md).
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/agent/nginx.h"
#include "tests/bench/agent/prober.h"
#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/statistics.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

constexpr double p99_share = 0.99;

struct Load {
  std::string name;  // of release and file
  std::size_t agents = 0;
  std::size_t size = 0;

  [[nodiscard]] double mb_per_s(double ms) const { return static_cast<double>(agents * size) / 1e6 / (ms / 1e3); }
  [[nodiscard]] std::string text() const {
    return std::to_string(agents) + (agents == 1 ? " agent" : " agents") + ", " + std::to_string(size >> 20) +
           " MiB each";
  }
};

struct Round {
  double ours_mb_s = 0, ours_p99_ms = 0;
  double device_like_mb_s = 0, bare_mb_s = 0, nginx_p99_ms = 0;
};

struct Bench {
  Rig& rig;
  Nginx& nginx;
  Prober& prober;
  int serial = 0;

  // From the first assignment that is visible to the last report of a commit.
  void ours(const Load& load, Round& round) {
    const auto tag = "t-" + std::to_string(serial++);
    std::vector<std::unique_ptr<Device>> devices;
    for (std::size_t i = 0; i < load.agents; ++i) {
      devices.push_back(rig.start_device(tag + "-" + std::to_string(i), tag));
    }
    settle_disk();
    prober.begin();
    rig.start_rollout("r-" + tag, load.name, tag);
    auto begun = Clock::time_point::max();
    for (const auto& device : devices) begun = std::min(begun, rig.observer().assigned(device->name(), 60s));
    Clock::time_point ended{};
    for (const auto& device : devices) {
      ended = std::max(ended, rig.observer().reached(device->name(), "committed", 300s));
    }
    round.ours_p99_ms = quantile(prober.round_trips_ms(), p99_share);
    round.ours_mb_s = load.mb_per_s(ms_between(begun, ended));
  }

  void peer(const Load& load, Round& round) {
    const auto file = load.name + ".bin";
    settle_disk();
    round.bare_mb_s = load.mb_per_s(nginx.fetch_ms(file, load.agents, Nginx::Client::writes));
    settle_disk();
    prober.begin();
    round.device_like_mb_s = load.mb_per_s(nginx.fetch_ms(file, load.agents, Nginx::Client::verifies_and_syncs));
    round.nginx_p99_ms = quantile(prober.round_trips_ms(), p99_share);
  }
};

void measure(Bench& bench, const Load& load, const Options& options) {
  Measure verified{"chunk transfer",
                   load.text() + ", verified and durable",
                   "MB/s",
                   "nginx and curl, then openssl dgst and sync",
                   {},
                   {},
                   {BudgetKind::ratio_min, 0.8},
                   "ours: assignment visible to report of the commit; both TLS 1.3, AES-256-GCM, client certificates"};
  Measure bare{"chunk transfer",
               load.text() + ", beside a curl that neither verifies nor syncs",
               "MB/s",
               "nginx and curl",
               {},
               {},
               {},
               "ours does more here: SHA-256, sync, journal, flip"};
  Measure p99{"other clients during a chunk transfer",
              load.text() + ", p99 of publish to return",
              "ms",
              "the same while nginx serves instead",
              {},
              {},
              {BudgetKind::ours_max, 5},
              "devices and curls run at nice 10: in the field they are other machines"};
  for (int number = -1; number < options.rounds; ++number) {
    Round round;
    if (number % 2 == 0) bench.ours(load, round);
    bench.peer(load, round);
    if (number % 2 != 0) bench.ours(load, round);
    std::fprintf(
        stderr, "%s %d, %s: ours %.0f MB/s, nginx %.0f MB/s, without verifying %.0f MB/s; p99 %.2f ms, nginx %.2f ms\n",
        number < 0 ? "warm-up" : "round", number + 1, load.text().c_str(), round.ours_mb_s, round.device_like_mb_s,
        round.bare_mb_s, round.ours_p99_ms, round.nginx_p99_ms);
    if (number < 0) continue;
    verified.add(round.ours_mb_s, round.device_like_mb_s);
    bare.add(round.ours_mb_s, round.bare_mb_s);
    p99.add(round.ours_p99_ms, round.nginx_p99_ms);
  }
  print(verified);
  print(bare);
  print(p99);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  const std::vector<Load> loads = {{"one", 1, std::size_t{options.quick ? 16u : 100u} << 20},
                                   {"many", options.quick ? 4u : 20u, std::size_t{options.quick ? 4u : 20u} << 20}};
  Rig rig;
  const auto files = rig.folder().make_folder("files");
  for (const auto& load : loads) {
    rig.publish(load.name, rig.make_file("files/" + load.name + ".bin", load.size, options.seed + load.agents));
  }
  Nginx nginx(rig.folder().make_folder("nginx"), files, rig.keys());
  Prober prober(rig.broker().port(), rig.keys());
  Bench bench{rig, nginx, prober};
  for (const auto& load : loads) measure(bench, load, options);
}
