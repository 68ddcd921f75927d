// Lines of text on UART 0. Waits for the UART, which takes what it is given at once in QEMU; works in fault handlers.
// Board code only.
#pragma once

#include <cstdint>

namespace muster::mcu::mps2 {

void start_console();
void print(const char* text);
void print_hex(std::uint32_t value);
void print_number(std::uint32_t value);
void print_line(const char* text);

}  // namespace muster::mcu::mps2
