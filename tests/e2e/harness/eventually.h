// Waiting for a condition with a deadline: how every end-to-end test waits. Tests only; any thread.
#pragma once

#include <chrono>
#include <functional>

namespace muster::e2e {

using namespace std::chrono_literals;

// Every deadline of these tests, made longer where the programs run slowly (watcher.h).
[[nodiscard]] std::chrono::milliseconds stretched(std::chrono::milliseconds patience);

// Asks `condition` every `interval` until it holds; false when it still does not at the deadline.
[[nodiscard]] bool eventually(std::chrono::milliseconds patience, const std::function<bool()>& condition,
                              std::chrono::milliseconds interval = 15ms);

// True when `condition` holds the whole time: for what must not happen. The time is long against what the thing would
// take.
[[nodiscard]] bool throughout(std::chrono::milliseconds time, const std::function<bool()>& condition);

}  // namespace muster::e2e

// Waits for an expression to become true, and shows it when it does not.
#define EXPECT_EVENTUALLY(patience, expression)                                          \
  EXPECT_TRUE(muster::e2e::eventually(patience, [&]() -> bool { return (expression); })) \
      << "never within " #patience ": " #expression
#define ASSERT_EVENTUALLY(patience, expression)                                          \
  ASSERT_TRUE(muster::e2e::eventually(patience, [&]() -> bool { return (expression); })) \
      << "never within " #patience ": " #expression
