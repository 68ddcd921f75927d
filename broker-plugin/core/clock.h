// The time that events carry: Unix seconds that never go back, also not over a restart. Broker thread only.
#pragma once

#include <cstdint>
#include <ctime>

namespace muster::broker {

class Clock {
 public:
  // `least_s` is the newest time that an earlier run made durable.
  explicit Clock(std::uint64_t least_s = 0) : latest_s_(least_s) {}

  [[nodiscard]] std::uint64_t now_s() {
    const auto system_s = static_cast<std::uint64_t>(std::time(nullptr));
    if (system_s > latest_s_) latest_s_ = system_s;
    return latest_s_;
  }

 private:
  std::uint64_t latest_s_;
};

}  // namespace muster::broker
