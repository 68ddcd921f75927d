#include "mcu-client/ports/mps2-an385/console.h"

#include "mcu-client/ports/mps2-an385/registers.h"

namespace muster::mcu::mps2 {

namespace {

void put(char c) {
  while ((reg(uart0 + 4) & 1u) != 0) {  // the transmit buffer is full
  }
  reg(uart0) = static_cast<std::uint8_t>(c);
}

}  // namespace

void start_console() {
  reg(uart0 + 16) = cpu_hz / 115200;
  reg(uart0 + 8) = 1;  // transmit
}

void print(const char* text) {
  while (*text != '\0') put(*text++);
}

void print_hex(std::uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15u]);
}

void print_number(std::uint32_t value) {
  char digits[10];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count != 0) put(digits[--count]);
}

void print_line(const char* text) {
  print(text);
  print("\r\n");
}

}  // namespace muster::mcu::mps2
