#include "mcu-client/src/flash/flash.h"

#include <algorithm>
#include <cstring>

#include "trust/sha256.h"

namespace muster::mcu {

namespace {

constexpr std::uint32_t step_size = 64;  // of what is looked at on the stack

bool inside(const Area& area, std::uint32_t at, std::uint32_t size) {
  return at <= area.size && size <= area.size - at;
}

bool all_erased(const std::uint8_t* bytes, std::uint32_t size) {
  for (std::uint32_t i = 0; i < size; ++i) {
    if (bytes[i] != 0xff) return false;
  }
  return true;
}

}  // namespace

int Flash::read(const Area& area, std::uint32_t at, void* to, std::uint32_t size) const {
  if (!inside(area, at, size)) return err_bounds;
  return port_.flash_read(port_.context, area.offset + at, to, size);
}

int Flash::program(const Area& area, std::uint32_t at, const void* from, std::uint32_t size) const {
  const std::uint32_t unit = layout_.program_size;
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  // The area is whole units, so that the last one lies inside when its first byte does.
  if (at % unit != 0 || !inside(area, at, size)) return err_bounds;
  const std::uint32_t tail = size % unit;
  const std::uint32_t whole = size - tail;
  int status = ok;
  if (whole != 0) status = port_.flash_program(port_.context, area.offset + at, bytes, whole);
  if (status < 0 || tail == 0) return status;
  std::uint8_t last[program_size_max];
  std::memset(last, 0xff, sizeof last);
  std::memcpy(last, bytes + whole, tail);
  return port_.flash_program(port_.context, area.offset + at + whole, last, unit);
}

int Flash::erase(const Area& area, std::uint32_t at, std::uint32_t size) const {
  const std::uint32_t unit = layout_.erase_size;
  if (at % unit != 0 || !inside(area, at, size)) return err_bounds;
  if (size == 0) return ok;
  return port_.flash_erase(port_.context, area.offset + at, (size + unit - 1) & ~(unit - 1));
}

int Flash::is_erased(const Area& area, std::uint32_t at, std::uint32_t size) const {
  std::uint8_t step[step_size];
  while (size != 0) {
    const std::uint32_t count = std::min(size, step_size);
    const int status = read(area, at, step, count);
    if (status == err_damaged) return 0;
    if (status < 0) return status;
    if (!all_erased(step, count)) return 0;
    at += count;
    size -= count;
  }
  return 1;
}

int Flash::digest(const Area& area, std::uint32_t at, std::uint32_t size, Sha256& digest) const {
  trust::Sha256Stream stream;
  std::uint8_t step[4 * step_size];
  while (size != 0) {
    const std::uint32_t count = std::min<std::uint32_t>(size, sizeof step);
    const int status = read(area, at, step, count);
    if (status < 0) return status;
    stream.update({step, count});
    at += count;
    size -= count;
  }
  digest = stream.finish();
  return ok;
}

std::uint32_t crc32(const void* bytes, std::uint32_t size, std::uint32_t before) {
  // Bit by bit: what it is used for is short, and a table would be as long as this function is three times.
  const auto* byte = static_cast<const std::uint8_t*>(bytes);
  std::uint32_t crc = ~before;
  for (; size != 0; --size) {
    crc ^= *byte++;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  return ~crc;
}

}  // namespace muster::mcu
