#include "mcu-client/ports/mps2-an385/chip.h"

#include "mcu-client/ports/mps2-an385/registers.h"
#include "mcu-client/ports/mps2-an385/startup.h"

namespace muster::mcu::mps2 {

namespace {

constexpr std::uint32_t per_ms = cpu_hz / 1000;
constexpr std::uint32_t per_tick = per_ms * clock_tick_ms;
constexpr std::uint32_t watchdog_unlock = 0x1acce551;

volatile std::uint32_t ticks_low, ticks_high;
std::uint64_t newest_ms;

}  // namespace

// Interrupt handlers, by the names in the vector table.
extern "C" void on_clock() {
  const std::uint32_t low = ticks_low + 1;
  ticks_low = low;
  if (low == 0) ticks_high = ticks_high + 1;
}

extern "C" void on_network() {
  reg(nvic_disable) = 1u << lan9118_irq;
}  // the main loop empties the chip, and enables it again

void start_clock() {
  reg(systick + 4) = per_tick - 1;
  reg(systick + 8) = 0;
  reg(systick) = 7;  // the core's clock, with an interrupt
}

std::uint64_t uptime_ms() {
  std::uint32_t high = 0, low = 0, value = 0;
  do {
    high = ticks_high;
    low = ticks_low;
    value = reg(systick + 8);
  } while (low != ticks_low || high != ticks_high);
  const std::uint64_t ticks = (std::uint64_t{high} << 32) | low;
  const std::uint64_t now = ticks * clock_tick_ms + (per_tick - 1 - value) / per_ms;
  // The counter may have begun anew before its interrupt has been taken.
  if (now > newest_ms) newest_ms = now;
  return newest_ms;
}

std::uint32_t clock_noise() {
  return reg(systick + 8) ^ (ticks_low << 18);
}

void start_watchdog() {
  // The first time that the count runs out is an interrupt (on_watchdog in startup.cpp), the second is the reset.
  reg(watchdog + 0xc00) = watchdog_unlock;
  reg(watchdog) = watchdog_ms * per_ms;
  reg(watchdog + 8) = 3;
  reg(watchdog + 0xc00) = 0;
}

void feed_watchdog() {
  reg(watchdog + 0xc00) = watchdog_unlock;
  reg(watchdog + 12) = 1;
  reg(watchdog + 0xc00) = 0;
}

// Interrupts are held back meanwhile: one that comes just before the WFI would else be served, and what it announced
// would wait for the next tick. A pending one ends the WFI all the same.
void sleep() {
  asm volatile("cpsid i" ::: "memory");
  reg(nvic_enable) = 1u << lan9118_irq;
  asm volatile("dsb\n wfi\n cpsie i\n isb" ::: "memory");
}

std::uint32_t stack_unused() {
  const std::uint32_t* word = stack_bottom;
  while (word < stack_top && *word == stack_paint) ++word;
  return static_cast<std::uint32_t>(word - stack_bottom) * 4;
}

}  // namespace muster::mcu::mps2
