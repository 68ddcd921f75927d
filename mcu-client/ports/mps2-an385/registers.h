// Addresses of the board's peripherals: Arm's Application Note 385 (CMSDK) and the Armv7-M manual for the core's own.
// Board code only; one thread.
#pragma once

#include <cstdint>

namespace muster::mcu::mps2 {

inline volatile std::uint32_t& reg(std::uintptr_t address) { return *reinterpret_cast<volatile std::uint32_t*>(address); }

inline constexpr std::uint32_t cpu_hz = 25'000'000;  // also what SysTick and the watchdog count

inline constexpr std::uintptr_t systick = 0xe000e010;        // +0 control, +4 reload, +8 value
inline constexpr std::uintptr_t nvic_enable = 0xe000e100;    // interrupts 0 to 31
inline constexpr std::uintptr_t nvic_disable = 0xe000e180;
inline constexpr std::uintptr_t nvic_unpend = 0xe000e280;
inline constexpr std::uintptr_t scb_vtor = 0xe000ed08;       // the vector table in force
inline constexpr std::uintptr_t scb_aircr = 0xe000ed0c;      // reset on request
inline constexpr std::uintptr_t scb_cfsr = 0xe000ed28;       // what a fault was about
inline constexpr std::uintptr_t uart0 = 0x40004000;          // +0 data, +4 state, +8 control, +16 divider
inline constexpr std::uintptr_t watchdog = 0x40008000;       // +0 load, +8 control, +12 clear, +0xc00 lock
inline constexpr std::uintptr_t lan9118 = 0x40200000;
inline constexpr std::uint32_t lan9118_irq = 13;

// RAM that no image's start clears: the last 256 bytes of the 4 MB at 0x20000000.
inline constexpr std::uintptr_t handover = 0x203fff00;  // why the chip starts (handover.h)
inline constexpr std::uintptr_t mailbox = 0x203fff80;   // 8 bytes of seed from outside (random.cpp)

}  // namespace muster::mcu::mps2
