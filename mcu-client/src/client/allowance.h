// How often something may be done that costs, however often others ask for it: a token bucket over the client's clock.
// The client asks it before it spends flash on what a broker or a link does: cells bear some ten thousand erasures.
// Freestanding C++17, no allocation; the client's thread.
#pragma once

#include <cstdint>

namespace muster::mcu {

class Allowance {
 public:
  // `burst` times at once, and then once in `interval_ms`.
  constexpr Allowance(std::uint32_t burst, std::uint32_t interval_ms)
      : burst_(burst), interval_ms_(interval_ms), left_(burst) {}

  // True when it may be done now; it counts as done then. `now_ms` never goes back.
  [[nodiscard]] bool take(std::uint64_t now_ms) {
    while (left_ < burst_ && now_ms >= next_ms_) {
      ++left_;
      next_ms_ += interval_ms_;
    }
    if (left_ == 0) return false;
    if (left_ == burst_) next_ms_ = now_ms + interval_ms_;
    --left_;
    return true;
  }
  // When the next one comes; only after take() has said no.
  [[nodiscard]] std::uint64_t next_ms() const { return next_ms_; }

 private:
  std::uint32_t burst_;
  std::uint32_t interval_ms_;
  std::uint32_t left_;
  std::uint64_t next_ms_ = 0;
};

}  // namespace muster::mcu
