#include "tests/e2e/harness/eventually.h"

#include <poll.h>

namespace muster::e2e {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int look_every_ms = 15;

void breathe() { ::poll(nullptr, 0, look_every_ms); }

}  // namespace

bool eventually(std::chrono::milliseconds patience, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    breathe();
  }
  return true;
}

bool throughout(std::chrono::milliseconds time, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) {
    if (!condition()) return false;
    breathe();
  }
  return condition();
}

}  // namespace muster::e2e
