// What the linker scripts and the start of an image share. Board code only.
#pragma once

#include <cstdint>

extern "C" {
extern std::uint32_t stack_bottom[], stack_top[];
extern const std::uint32_t data_load[];
extern std::uint32_t data_start[], data_end[], bss_start[], bss_end[];
extern void (*const init_array_start[])();
extern void (*const init_array_end[])();

// The image's own program; it never returns.
[[noreturn]] void run();
}

namespace muster::mcu::mps2 {

inline constexpr std::uint32_t stack_paint = 0x5aa5c33c;  // what an unused word of stack holds

// Leaves this image for the one whose vector table lies at `table`.
[[noreturn]] void jump_to(std::uintptr_t table);

}  // namespace muster::mcu::mps2
