#include "mcu-client/ports/mps2-an385/handover.h"

#include "mcu-client/ports/mps2-an385/registers.h"

namespace muster::mcu::mps2 {

namespace {

constexpr std::uint32_t magic = 0x4d535452;  // "MSTR"

// The check sum tells a word that was written here from what RAM holds after power-on.
struct Handover {
  volatile std::uint32_t magic, cause, next, check;
};

Handover& memory() {
  return *reinterpret_cast<Handover*>(handover);
}

std::uint32_t check_of(std::uint32_t cause, std::uint32_t next) {
  return ~(magic ^ (cause << 8) ^ (next << 16));
}

void write(ResetCause cause, ResetCause next) {
  auto& to = memory();
  to.check = 0;  // not valid in between
  to.magic = magic;
  to.cause = static_cast<std::uint32_t>(cause);
  to.next = static_cast<std::uint32_t>(next);
  to.check = check_of(to.cause, to.next);
}

bool valid() {
  const auto& from = memory();
  return from.magic == magic && from.check == check_of(from.cause, from.next);
}

}  // namespace

void begin_start() {
  const auto cause = valid() ? static_cast<ResetCause>(memory().next) : ResetCause::power_on;
  write(cause, ResetCause::watchdog);
}

ResetCause cause_of_start() {
  return valid() ? static_cast<ResetCause>(memory().cause) : ResetCause::unknown;
}

void restart(ResetCause why) {
  write(cause_of_start(), why);
  asm volatile("cpsid i\n dsb" ::: "memory");
  reg(scb_aircr) = 0x05fa0004;  // the key, and SYSRESETREQ
  while (true) asm volatile("" ::: "memory");
}

}  // namespace muster::mcu::mps2
