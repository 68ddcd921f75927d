#include "tests/e2e/harness/eventually.h"

#include <poll.h>

#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

using Clock = std::chrono::steady_clock;

void breathe(std::chrono::milliseconds interval) {
  ::poll(nullptr, 0, static_cast<int>(interval.count()));
}

}  // namespace

std::chrono::milliseconds stretched(std::chrono::milliseconds patience) {
  return patience * slowness();
}

bool eventually(std::chrono::milliseconds patience, const std::function<bool()>& condition,
                std::chrono::milliseconds interval) {
  const auto deadline = Clock::now() + stretched(patience);
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    breathe(interval);
  }
  return true;
}

bool throughout(std::chrono::milliseconds time, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + stretched(time);
  while (Clock::now() < deadline) {
    if (!condition()) return false;
    breathe(15ms);
  }
  return condition();
}

}  // namespace muster::e2e
