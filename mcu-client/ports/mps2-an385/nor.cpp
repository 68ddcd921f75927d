#include "mcu-client/ports/mps2-an385/nor.h"

#include <cstring>

#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/handover.h"
#include "mcu-client/ports/mps2-an385/layout.h"

namespace muster::mcu::mps2 {

namespace {

std::uint8_t* at(std::uint32_t offset) {
  return reinterpret_cast<std::uint8_t*>(flash_base) + offset;
}

bool inside(std::uint32_t offset, std::uint32_t size) {
  return offset <= flash_size && size <= flash_size - offset;
}

[[noreturn]] void broken_rule(const char* rule) {
  print_line(rule);
  restart(ResetCause::fault);
}

}  // namespace

int nor_read(std::uint32_t offset, void* to, std::uint32_t size) {
  if (!inside(offset, size)) return err_bounds;
  std::memcpy(to, at(offset), size);
  return ok;
}

int nor_program(std::uint32_t offset, const void* from, std::uint32_t size) {
  if (!inside(offset, size)) return err_bounds;
  if ((offset | size) % layout.program_size != 0) broken_rule("flash: a program is not of whole units");
  auto* const to = at(offset);
  for (std::uint32_t i = 0; i < size; ++i) {
    if (to[i] != 0xff) broken_rule("flash: a unit is programmed that was not erased");
  }
  std::memcpy(to, from, size);
  return ok;
}

int nor_erase(std::uint32_t offset, std::uint32_t size) {
  if (!inside(offset, size)) return err_bounds;
  if ((offset | size) % layout.erase_size != 0) broken_rule("flash: an erase is not of whole units");
  std::memset(at(offset), 0xff, size);
  return ok;
}

}  // namespace muster::mcu::mps2
