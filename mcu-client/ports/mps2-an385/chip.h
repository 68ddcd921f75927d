// Clock, watchdog and sleep. Board code only; one thread, besides the interrupts in chip.cpp.
#pragma once

#include <cstdint>

namespace muster::mcu::mps2 {

void start_clock();
[[nodiscard]] std::uint64_t uptime_ms();
// The clock's finest digits: what is not the same from start to start.
[[nodiscard]] std::uint32_t clock_noise();

// From here on the chip restarts unless feed_watchdog() comes at least every watchdog_ms. Nothing stops it any more.
inline constexpr std::uint32_t watchdog_ms = 4000;
void start_watchdog();
void feed_watchdog();

// Sleeps until an interrupt comes: the clock's, every clock_tick_ms, or the network's.
inline constexpr std::uint32_t clock_tick_ms = 10;
void sleep();

// Bytes of stack that were never used since the start.
[[nodiscard]] std::uint32_t stack_unused();

}  // namespace muster::mcu::mps2
