#include "tests/bench/agent/memory.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/eventually.h"

namespace muster::bench {

using namespace std::chrono_literals;

double pss_mib(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  std::string word;
  while (rollup >> word) {
    if (word != "Pss:") continue;
    double kib = 0;
    rollup >> kib;
    return kib / 1024;
  }
  return 0;
}

double pss_mib_after(pid_t pid, std::chrono::milliseconds after) {
  if (!e2e::throughout(after, [pid] { return pss_mib(pid) > 0; })) {
    break_off("process %d ended while its memory was measured", static_cast<int>(pid));
  }
  return pss_mib(pid);
}

PssSampler::PssSampler(pid_t pid) : thread_([this, pid] { sample(pid); }) {}

PssSampler::~PssSampler() {
  static_cast<void>(peak_mib());
}

void PssSampler::sample(pid_t pid) {
  const auto ended = [&] {
    peak_ = std::max(peak_, pss_mib(pid));
    return ending_.load();
  };
  while (!e2e::eventually(1h, ended, 5ms)) {
  }
}

double PssSampler::peak_mib() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
  return peak_;
}

}  // namespace muster::bench
