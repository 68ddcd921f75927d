// One slot of a plane: a header, the files of one release, its signed manifest's payload. The header is written last: a
// slot with a valid one is complete. Freestanding C++17, no allocation; the client's thread, the bootloader reads.
//
//   0     SlotHeader, padded to slot_header_size          magic … crc32
//   1024  the files, one after the other, each at a multiple of program_size_max
//   then  the manifest, as it was signed
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/src/flash/flash.h"
#include "schemas/bytes.h"

namespace muster::mcu {

inline constexpr std::uint32_t slot_files_max = 4;
inline constexpr std::uint32_t slot_file_name_max = 32;       // bytes, without an end
inline constexpr std::uint32_t slot_magic = 0x544c534du;      // "MSLT"

struct SlotFile {
  char name[slot_file_name_max];  // filled up with NUL
  std::uint8_t sha256[32];
  std::uint32_t offset;           // in the slot
  std::uint32_t size;
};

// As it lies in flash, little-endian; every byte belongs to a field.
struct SlotHeader {
  std::uint32_t magic;
  std::uint32_t format;            // 1
  std::uint8_t plane;
  std::uint8_t file_count;
  std::uint16_t manifest_size;
  std::uint32_t manifest_offset;   // in the slot
  std::uint32_t security_version;
  std::uint8_t manifest[32];       // the release's identity
  char name[64];                   // filled up with NUL
  char version[32];
  SlotFile files[slot_files_max];
  std::uint32_t crc32;             // of all before it
};
static_assert(sizeof(SlotFile) == 72 && sizeof(SlotHeader) == 148 + slot_files_max * sizeof(SlotFile) + 4,
              "no padding");
static_assert(sizeof(SlotHeader) <= slot_header_size);

// The text in a field that is filled up with NUL.
template <std::size_t size>
[[nodiscard]] std::string_view padded_text(const char (&field)[size]) {
  std::size_t end = 0;
  while (end < size && field[end] != '\0') ++end;
  return {field, end};
}

// Where the parts of a release go. REQUIRES: file_count, the files' sizes and manifest_size are set; sets the offsets.
// err_no_space when the slot is too small, err_bounds when there are too many files.
[[nodiscard]] int place_files(SlotHeader& header, const Area& slot);

// ok when the header is whole and its parts lie inside the slot; err_not_found when there is none, err_damaged when there is
// a broken one. Does not look at the files.
[[nodiscard]] int read_header(const Flash& flash, const Area& slot, SlotHeader& header);
// Sets magic, format and check sum, and makes the slot complete. err_damaged when the room for the header is not erased (a cut
// while it was being written): begin to fill again.
[[nodiscard]] int write_header(const Flash& flash, const Area& slot, SlotHeader& header);
// Every file and the manifest against their digests: ok or err_damaged.
[[nodiscard]] int check_files(const Flash& flash, const Area& slot, const SlotHeader& header);
// From here on the slot has no header. Erases the units that hold it and the first byte behind it.
[[nodiscard]] int erase_header(const Flash& flash, const Area& slot);

// --- filling a slot, across resets ---
// The parts of a release are one region, from slot_header_size to the end of its manifest, filled in ascending order:
// erase_header, then fill for each piece, then write_header. There is always an erased unit between what was filled and what
// lay there before: that gap is how resume_point finds the place again. Each unit is erased once on the way.

// Programs `size` bytes at `at`, where the last call ended (rounded up to the next part) or what resume_point returned. Before the
// first byte of an erase unit, the unit behind it is erased. Pieces are multiples of program_size, but at the end of a part.
[[nodiscard]] int fill(const Flash& flash, const Area& slot, std::uint32_t at, const void* from, std::uint32_t size);
// After a reset: where to go on filling the region that ends at `to`; everything before the returned offset is whole. REQUIRES:
// erase_header returned ok for this filling (the client notes that in its settings; else the slot holds anything).
// It is slot_header_size or the start of the erase unit before the first one that is erased; that unit may have been cut off
// anywhere. Bytes 0xff that fill a whole erase unit look like the gap: sound, but begun again from there. When the room of
// the header is not erased (a cut in write_header), all is to be filled again, as the first bytes share its erase unit.
[[nodiscard]] int resume_point(const Flash& flash, const Area& slot, std::uint32_t to);
// Makes the unit of `at`, as resume_point returned it, ready to be filled again; at the region's start the header's too.
[[nodiscard]] int reopen(const Flash& flash, const Area& slot, std::uint32_t at);

}  // namespace muster::mcu
