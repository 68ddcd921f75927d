// The start of an image, bootloader or firmware: its vector table, its memory, and what happens on a fault.
#include "mcu-client/ports/mps2-an385/startup.h"

#include <cstdlib>

#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/handover.h"
#include "mcu-client/ports/mps2-an385/registers.h"

namespace mps2 = muster::mcu::mps2;

extern "C" {

void on_clock();
void on_network();

// Written so that it needs no stack: the compiler must not turn the loops into calls either (CMakeLists.txt).
[[noreturn]] void on_reset() {
  std::uint32_t* top = nullptr;
  asm volatile("mov %0, sp" : "=r"(top));  // above it lies what this function itself has put there
  for (auto* word = stack_bottom; word < top; ++word) *word = mps2::stack_paint;
  const auto* from = data_load;
  for (auto* word = data_start; word < data_end; ++word) *word = *from++;
  for (auto* word = bss_start; word < bss_end; ++word) *word = 0;
  for (const auto* call = init_array_start; call < init_array_end; ++call) (*call)();
  run();
}

// `stack` is where the fault found the stack pointer: registers lie there, unless that was what was wrong.
[[noreturn]] void report_fault(const std::uint32_t* stack) {
  const bool readable = stack >= stack_bottom && stack + 8 <= stack_top;
  const std::uint32_t place = readable ? stack[6] : 0;
  mps2::print("fault ");
  mps2::print_hex(mps2::reg(mps2::scb_cfsr));
  mps2::print(" at ");
  mps2::print_hex(place);
  mps2::print_line("");
  mps2::restart(muster::mcu::ResetCause::fault);
}

// A stack that has run over lies outside the RAM: the handler begins with a whole one.
[[gnu::naked]] void on_fault() {
  asm volatile(
      "mov r0, sp\n"
      "ldr r1, =stack_top\n"
      "mov sp, r1\n"
      "b report_fault\n");
}

[[noreturn]] void report_watchdog(const std::uint32_t* stack) {
  const bool readable = stack >= stack_bottom && stack + 8 <= stack_top;
  const std::uint32_t place = readable ? stack[6] : 0;
  mps2::print("watchdog at ");
  mps2::print_hex(place);
  mps2::print_line("");
  mps2::restart(muster::mcu::ResetCause::watchdog);
}

[[gnu::naked]] void on_watchdog() {
  asm volatile(
      "mov r0, sp\n"
      "ldr r1, =stack_top\n"
      "mov sp, r1\n"
      "b report_watchdog\n");
}

// Where the C library and assertions end.
[[noreturn]] void abort() {
  mps2::print_line("abort");
  mps2::restart(muster::mcu::ResetCause::fault);
}

[[noreturn]] void __cxa_pure_virtual() {
  abort();
}
}

namespace {

union Vector {
  const void* stack;
  void (*handler)();
};

}  // namespace

// Exceptions 0 to 15, then interrupts up to the network's. What nobody expects is a fault.
extern "C" [[gnu::section(".vectors"), gnu::used]] const Vector vectors[16 + 14] = {
    {stack_top},           {.handler = on_reset}, {.handler = on_watchdog},  // NMI
    {.handler = on_fault},                                                   // hard fault
    {.handler = on_fault},                                                   // memory management
    {.handler = on_fault},                                                   // bus
    {.handler = on_fault},                                                   // usage
    {.handler = nullptr},  {.handler = nullptr},  {.handler = nullptr},     {.handler = nullptr},
    {.handler = on_fault},                         // supervisor call
    {.handler = on_fault},                         // debug monitor
    {.handler = nullptr},  {.handler = on_fault},  // PendSV
    {.handler = on_clock}, {.handler = on_fault}, {.handler = on_fault},    {.handler = on_fault},
    {.handler = on_fault}, {.handler = on_fault}, {.handler = on_fault},    {.handler = on_fault},
    {.handler = on_fault}, {.handler = on_fault}, {.handler = on_fault},    {.handler = on_fault},
    {.handler = on_fault}, {.handler = on_fault}, {.handler = on_network},
};

namespace muster::mcu::mps2 {

void jump_to(std::uintptr_t table) {
  reg(scb_vtor) = table;
  asm volatile(
      "dsb\n"
      "ldr r1, [%0]\n"
      "ldr r2, [%0, #4]\n"
      "mov sp, r1\n"
      "bx r2\n" ::"r"(table)
      : "r1", "r2", "memory");
  __builtin_unreachable();
}

}  // namespace muster::mcu::mps2
