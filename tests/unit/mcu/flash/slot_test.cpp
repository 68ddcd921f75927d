#include "mcu-client/src/flash/slot.h"

#include <gtest/gtest.h>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

using testing::Device;
using testing::Release;

TEST(McuSlot, PlacesPartsBehindEachOther) {
  SlotHeader header{};
  const Area slot{0, 8192};
  header.file_count = 3;
  header.files[0].size = 1;
  header.files[1].size = 0;
  header.files[2].size = 33;
  header.manifest_size = 100;
  ASSERT_EQ(place_files(header, slot), ok);
  EXPECT_EQ(header.files[0].offset, 1024u);
  EXPECT_EQ(header.files[1].offset, 1056u);
  EXPECT_EQ(header.files[2].offset, 1056u);
  EXPECT_EQ(header.manifest_offset, 1120u);
  header.files[2].size = 8192 - 1056 - 32 - 100;
  EXPECT_EQ(place_files(header, slot), ok);
  header.manifest_size = 140;
  EXPECT_EQ(place_files(header, slot), err_no_space);
  header.files[0].size = 0xffffffff;
  EXPECT_EQ(place_files(header, slot), err_no_space);
  header.file_count = 5;
  EXPECT_EQ(place_files(header, slot), err_bounds);
}

TEST(McuSlot, InstalledIsWholeUntilItsHeaderGoes) {
  for (const std::uint32_t unit : {1u, 8u, 32u}) {
    Device device(testing::small_layout(unit));
    const Area& slot = device.layout.slots[0][1];
    device.nor.fill_at_random(slot.offset, slot.size, 5);
    SlotHeader found;
    EXPECT_EQ(read_header(device.flash, slot, found), err_damaged);
    Release release(3000, 7);
    ASSERT_EQ(release.install(device.flash, slot), ok);
    ASSERT_EQ(read_header(device.flash, slot, found), ok);
    EXPECT_EQ(found.security_version, 7u);
    EXPECT_EQ(check_files(device.flash, slot, found), ok);
    EXPECT_EQ(write_header(device.flash, slot, found), err_damaged) << "it is not written twice";
    ASSERT_EQ(erase_header(device.flash, slot), ok);
    EXPECT_EQ(read_header(device.flash, slot, found), err_not_found);
  }
}

// Every byte that counts: turned over, the slot is not whole any more.
TEST(McuSlot, ATurnedBitIsSeen) {
  Device device;
  const Area& slot = device.layout.slots[0][0];
  Release release(700, 3);
  ASSERT_EQ(release.install(device.flash, slot), ok);
  for (std::uint32_t at = 0; at < release.end(); at += at == sizeof(SlotHeader) - 1 ? slot_header_size - at : 1) {
    const bool padding = at >= 1024 + 700 && at < release.header.manifest_offset;
    std::uint8_t byte = 0;
    ASSERT_EQ(device.nor.read(slot.offset + at, &byte, 1), 0);
    const std::uint8_t turned = byte ^ static_cast<std::uint8_t>(1u << at % 8);
    device.nor.set(slot.offset + at, &turned, 1);
    SlotHeader found;
    const bool whole = read_header(device.flash, slot, found) == ok && check_files(device.flash, slot, found) == ok;
    EXPECT_EQ(whole, padding) << "byte " << at;
    device.nor.set(slot.offset + at, &byte, 1);
  }
}

// A header whose check sum is right and whose parts lie elsewhere: it is not read.
TEST(McuSlot, PartsOutsideAreRefused) {
  Device device;
  const Area& slot = device.layout.slots[0][0];
  for (int way = 0; way < 6; ++way) {
    Release release(700, 3);
    ASSERT_EQ(place_files(release.header, slot), ok);
    SlotHeader& header = release.header;
    if (way == 0) header.files[0].offset = 0;
    if (way == 1) header.files[0].offset = 0xfffffff0;
    if (way == 2) header.files[0].size = 0xffffffff;
    if (way == 3) header.manifest_offset = slot.size;
    if (way == 4) header.manifest_offset = 1023;
    if (way == 5) header.file_count = 5;
    ASSERT_EQ(erase_header(device.flash, slot), ok);
    EXPECT_EQ(write_header(device.flash, slot, header), err_bounds) << way;
    header.crc32 = crc32(&header, sizeof header - 4);
    ASSERT_EQ(device.flash.program(slot, 0, &header, sizeof header), ok);
    SlotHeader found;
    EXPECT_EQ(read_header(device.flash, slot, found), err_damaged) << way;
  }
}

// Wherever the filling stopped: everything before the point is whole, and no more than two units are done again.
void find_places_again(std::uint32_t erase_size) {
  Device device(testing::small_layout(8, erase_size));
  const Area& slot = device.layout.slots[0][0];
  Release release(4000, 9);
  ASSERT_EQ(place_files(release.header, slot), ok);
  for (std::uint32_t stop = slot_header_size; stop <= release.header.files[0].offset + 4000; stop += 200) {
    device.nor.fill_at_random(slot.offset, slot.size, stop);
    ASSERT_EQ(erase_header(device.flash, slot), ok);
    for (std::uint32_t at = slot_header_size; at < stop; at += 200) {
      const std::uint32_t count = std::min(200u, 5024 - at);
      ASSERT_EQ(fill(device.flash, slot, at, release.file.data() + (at - slot_header_size), count), ok);
    }
    const int point = resume_point(device.flash, slot, release.end());
    ASSERT_GE(point, static_cast<int>(slot_header_size));
    EXPECT_LE(static_cast<std::uint32_t>(point), stop);
    EXPECT_LE(stop - static_cast<std::uint32_t>(point), device.layout.erase_size);
    const auto at = static_cast<std::uint32_t>(point);
    ASSERT_EQ(reopen(device.flash, slot, at), ok);
    ASSERT_EQ(release.fill_from(device.flash, slot, at), ok);
    ASSERT_EQ(write_header(device.flash, slot, release.header), ok);
    EXPECT_EQ(check_files(device.flash, slot, release.header), ok);
  }
}

TEST(McuSlot, FindsItsPlaceAgain) {
  for (const std::uint32_t erase_size : {1024u, 2048u, 4096u, 16384u}) find_places_again(erase_size);
}

// Firmware with long stretches of 0xff, which read as if nothing was there.
TEST(McuSlot, StretchesOfOnesCostTimeOnly) {
  Device device;
  const Area& slot = device.layout.slots[0][0];
  Release release(4000, 9);
  release.file.replace(900, 2300, std::string(2300, '\xff'));
  const Sha256 digest = trust::sha256(ByteView(release.file));
  std::memcpy(release.header.files[0].sha256, digest.bytes.data(), 32);
  ASSERT_EQ(release.install(device.flash, slot), ok);
  EXPECT_EQ(check_files(device.flash, slot, release.header), ok);
  // Without a header, as after a cut before it: the stretch is where it goes on.
  ASSERT_EQ(erase_header(device.flash, slot), ok);
  ASSERT_EQ(release.fill_from(device.flash, slot, slot_header_size), ok);
  const int point = resume_point(device.flash, slot, release.end());
  EXPECT_EQ(point, 1024);
  ASSERT_EQ(reopen(device.flash, slot, static_cast<std::uint32_t>(point)), ok);
  ASSERT_EQ(release.fill_from(device.flash, slot, static_cast<std::uint32_t>(point)), ok);
  ASSERT_EQ(write_header(device.flash, slot, release.header), ok);
  EXPECT_EQ(check_files(device.flash, slot, release.header), ok);
}

}  // namespace
}  // namespace muster::mcu
