#include "mcu-client/src/flash/slot.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace muster::mcu {

namespace {

constexpr std::uint32_t slot_format = 1;
constexpr std::uint32_t sum_at = offsetof(SlotHeader, crc32);

bool lies_inside(const Area& slot, std::uint32_t at, std::uint32_t size) {
  return at >= slot_header_size && at <= slot.size && size <= slot.size - at;
}

bool is_whole(const SlotHeader& header, const Area& slot) {
  if (header.magic != slot_magic || header.format != slot_format || header.crc32 != crc32(&header, sum_at))
    return false;
  if (header.file_count > slot_files_max) return false;
  bool inside = lies_inside(slot, header.manifest_offset, header.manifest_size);
  for (std::uint32_t i = 0; i < header.file_count; ++i) {
    inside = inside && lies_inside(slot, header.files[i].offset, header.files[i].size);
  }
  return inside;
}

int check_digest(const Flash& flash, const Area& slot, std::uint32_t at, std::uint32_t size,
                 const std::uint8_t* wanted) {
  Sha256 found;
  const int status = flash.digest(slot, at, size, found);
  if (status < 0) return status;
  return std::memcmp(found.bytes.data(), wanted, found.bytes.size()) == 0 ? ok : err_damaged;
}

}  // namespace

int place_files(SlotHeader& header, const Area& slot) {
  if (header.file_count > slot_files_max) return err_bounds;
  std::uint32_t at = slot_header_size;
  for (std::uint32_t i = 0; i <= header.file_count; ++i) {
    const bool file = i < header.file_count;
    const std::uint32_t size = file ? header.files[i].size : header.manifest_size;
    if (!lies_inside(slot, at, size)) return err_no_space;
    (file ? header.files[i].offset : header.manifest_offset) = at;
    // A slot is whole erase units, so that rounding up does not leave it.
    at = (at + size + program_size_max - 1) & ~(program_size_max - 1);
  }
  return ok;
}

int read_header(const Flash& flash, const Area& slot, SlotHeader& header) {
  const int status = flash.read(slot, 0, &header, sizeof header);
  if (status < 0) return status;
  if (is_whole(header, slot)) return ok;
  const int erased = flash.is_erased(slot, 0, sizeof header);
  if (erased < 0) return erased;
  return erased != 0 ? err_not_found : err_damaged;
}

int write_header(const Flash& flash, const Area& slot, SlotHeader& header) {
  const int erased = flash.is_erased(slot, 0, slot_header_size);
  if (erased <= 0) return erased < 0 ? erased : err_damaged;
  header.magic = slot_magic;
  header.format = slot_format;
  header.crc32 = crc32(&header, sum_at);
  // A header that could not be read back would be no header at the next start.
  if (!is_whole(header, slot)) return err_bounds;
  const int status = flash.program(slot, 0, &header, sizeof header);
  return status < 0 ? status : read_header(flash, slot, header);
}

int check_files(const Flash& flash, const Area& slot, const SlotHeader& header) {
  int status = check_digest(flash, slot, header.manifest_offset, header.manifest_size, header.manifest);
  for (std::uint32_t i = 0; i < header.file_count && status == ok; ++i) {
    const SlotFile& file = header.files[i];
    status = check_digest(flash, slot, file.offset, file.size, file.sha256);
  }
  return status;
}

int erase_header(const Flash& flash, const Area& slot) {
  return flash.erase(slot, 0, slot_header_size + 1);
}

int fill(const Flash& flash, const Area& slot, std::uint32_t at, const void* from, std::uint32_t size) {
  const std::uint32_t unit = flash.layout().erase_size;
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  while (size != 0) {
    const std::uint32_t behind = (at & ~(unit - 1)) + unit;
    const std::uint32_t count = std::min(size, behind - at);
    int status = ok;
    if ((at == slot_header_size || at % unit == 0) && behind < slot.size) status = flash.erase(slot, behind, unit);
    if (status == ok) status = flash.program(slot, at, bytes, count);
    if (status < 0) return status;
    at += count;
    bytes += count;
    size -= count;
  }
  return ok;
}

int resume_point(const Flash& flash, const Area& slot, std::uint32_t to) {
  const std::uint32_t unit = flash.layout().erase_size;
  int erased = flash.is_erased(slot, 0, slot_header_size);
  if (erased < 0) return erased;
  std::uint32_t found = slot_header_size;
  if (erased == 0) return static_cast<int>(found);
  for (std::uint32_t at = found, end; at < to; at = end) {
    end = std::min((at & ~(unit - 1)) + unit, to);
    erased = flash.is_erased(slot, at, end - at);
    if (erased < 0) return erased;
    if (erased != 0) break;
    found = at;
  }
  return static_cast<int>(found);
}

int reopen(const Flash& flash, const Area& slot, std::uint32_t at) {
  const std::uint32_t unit = flash.layout().erase_size;
  const std::uint32_t start = at & ~(unit - 1);
  if (at != slot_header_size) return flash.erase(slot, start, unit);
  // This erasure may be cut off too and leave anything: there must be a gap behind it before, without which old units
  // would look filled.
  int status = ok;
  if (start + unit < slot.size) {
    const int erased = flash.is_erased(slot, start + unit, unit);
    if (erased < 0) return erased;
    if (erased == 0) status = flash.erase(slot, start + unit, unit);
  }
  return status == ok ? erase_header(flash, slot) : status;
}

}  // namespace muster::mcu
