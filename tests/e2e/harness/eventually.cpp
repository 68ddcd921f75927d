#include "tests/e2e/harness/eventually.h"

#include <poll.h>

namespace muster::e2e {
namespace {

using Clock = std::chrono::steady_clock;

void breathe(std::chrono::milliseconds interval) {
  ::poll(nullptr, 0, static_cast<int>(interval.count()));
}

}  // namespace

bool eventually(std::chrono::milliseconds patience, const std::function<bool()>& condition,
                std::chrono::milliseconds interval) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    breathe(interval);
  }
  return true;
}

bool throughout(std::chrono::milliseconds time, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) {
    if (!condition()) return false;
    breathe(15ms);
  }
  return condition();
}

}  // namespace muster::e2e
