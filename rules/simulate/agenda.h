// What is to happen to simulated devices, soonest first; in one second by device, so that the order is the same in
// every run. An entry is only a reminder: who takes it looks whether its time is still the one that was set. One
// thread.
#pragma once

#include <cassert>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace muster::rules {

class Agenda {
 public:
  enum class Kind : std::uint8_t { link, step, later, health };
  struct Entry {
    std::uint32_t at_s = 0, device = 0;
    Kind kind = Kind::link;
  };

  void add(const Entry& entry) {
    assert(entry.device < (1u << 29));
    heap_.push(std::uint64_t{entry.at_s} << 32 | std::uint64_t{entry.device} << 2 |
               static_cast<std::uint64_t>(entry.kind));
  }
  // The time of the next entry; never, when there is none.
  [[nodiscard]] std::uint64_t next_s() const { return heap_.empty() ? UINT64_MAX : heap_.top() >> 32; }
  // REQUIRES: there is one.
  Entry take() {
    const auto packed = heap_.top();
    heap_.pop();
    return {static_cast<std::uint32_t>(packed >> 32), static_cast<std::uint32_t>(packed >> 2) & ((1u << 29) - 1),
            static_cast<Kind>(packed & 3)};
  }

 private:
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> heap_;
};

}  // namespace muster::rules
