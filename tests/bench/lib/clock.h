// The clock of all benches. Any thread.
#pragma once

#include <chrono>

namespace muster::bench {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace muster::bench
