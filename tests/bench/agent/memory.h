// How much memory a process uses, as the kernel counts it: PSS from smaps_rollup. A sampler keeps the peak while
// something runs.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace muster::bench {

// In MiB; 0 when the process is gone.
[[nodiscard]] double pss_mib(pid_t pid);

// The PSS `after` so much time. Looks every 100 ms meanwhile and breaks off when the process ends.
[[nodiscard]] double pss_mib_after(pid_t pid, std::chrono::milliseconds after);

// Samples every few milliseconds on a thread of its own until peak_mib() is called.
class PssSampler {
 public:
  explicit PssSampler(pid_t pid);
  ~PssSampler();
  PssSampler(const PssSampler&) = delete;
  PssSampler& operator=(const PssSampler&) = delete;

  [[nodiscard]] double peak_mib();

 private:
  void sample(pid_t pid);
  std::atomic<bool> ending_{false};
  double peak_ = 0;
  std::thread thread_;
};

}  // namespace muster::bench
