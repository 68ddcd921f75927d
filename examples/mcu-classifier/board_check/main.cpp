// Runs the classifier on an emulated Cortex-M3 and prints what it computed, through the emulator (semihosting). The
// model file lies where QEMU's loader put it; its own header says how long it is.
#include "examples/mcu-classifier/board_check/outputs_digest.h"

extern "C" {
extern std::uint32_t stack_top;
[[noreturn]] void start();
[[noreturn]] void fault();
}

namespace {

using namespace muster::classifier;
using muster::ByteView;

constexpr std::uintptr_t model_address = 0x21000000;
constexpr std::uintptr_t systick = 0xE000E010;
constexpr std::uint32_t call_write0 = 0x04;
constexpr std::uint32_t call_exit_extended = 0x20;
constexpr std::uint32_t stopped_by_application = 0x20026;

void semihosting(std::uint32_t call, const void* argument) {
  register std::uint32_t r0 asm("r0") = call;
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

[[noreturn]] void leave(std::uint32_t code) {
  const std::uint32_t block[2] = {stopped_by_application, code};
  for (;;) semihosting(call_exit_extended, block);
}

void print(const char* name, std::uint32_t value) {
  semihosting(call_write0, name);
  char text[11];
  char* at = text + sizeof text;
  *--at = '\0';
  do {
    *--at = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  semihosting(call_write0, at);
  semihosting(call_write0, "\n");
}

volatile std::uint32_t& systick_register(std::uintptr_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(systick + offset);
}

// Processor ticks that one classification takes, as the emulator counts instructions.
std::uint32_t ticks_of_one(const Model& model) {
  Window window;
  make_window(compared_seed, 0, window);
  systick_register(4) = 0xFFFFFF;
  systick_register(8) = 0;
  systick_register(0) = 5;  // on, by the processor's clock, no interrupt
  const auto before = systick_register(8);
  const auto answer = classify(model, window);
  asm volatile("" : : "m"(answer));  // the answer is wanted before the clock is read again
  return before - systick_register(8);
}

ByteView model_bytes() {
  const auto* file = reinterpret_cast<const std::uint8_t*>(model_address);
  std::uint32_t size = 0;
  for (unsigned i = 0; i < 4; ++i) size |= static_cast<std::uint32_t>(file[12 + i]) << (8 * i);
  return {file, size < model_size_max ? size : model_size_max};
}

}  // namespace

extern "C" {

void start() {
  Model model;
  const int loaded = load_model(model_bytes(), model);
  if (loaded != model_ok) {
    print("refused=", static_cast<std::uint32_t>(-loaded));
    leave(1);
  }
  print("digest=", digest_of_outputs(model));
  print("ticks=", ticks_of_one(model));
  leave(0);
}

void fault() {
  leave(2);
}

using Handler = void (*)();
struct Vectors {
  const void* stack;
  Handler handlers[15];
};
[[gnu::section(".vectors"), gnu::used]] extern const Vectors vectors = {
    &stack_top,
    {start, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault}};
}
