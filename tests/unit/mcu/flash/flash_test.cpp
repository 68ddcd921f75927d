#include "mcu-client/src/flash/flash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

TEST(McuFlash, Crc32IsThatOfZlib) {
  EXPECT_EQ(crc32("123456789", 9), 0xcbf43926u);
  EXPECT_EQ(crc32("", 0), 0u);
  EXPECT_EQ(crc32("6789", 4, crc32("12345", 5)), 0xcbf43926u);
}

TEST(McuFlash, NothingLeavesItsArea) {
  testing::Device device;
  const Area& area = device.layout.settings;
  std::array<std::uint8_t, 64> bytes{};
  EXPECT_EQ(device.flash.read(area, area.size - 8, bytes.data(), 8), ok);
  EXPECT_EQ(device.flash.read(area, area.size - 8, bytes.data(), 9), err_bounds);
  EXPECT_EQ(device.flash.read(area, area.size + 1, bytes.data(), 0), err_bounds);
  EXPECT_EQ(device.flash.read(area, 0xfffffff0, bytes.data(), 0x20), err_bounds);
  EXPECT_EQ(device.flash.program(area, area.size, bytes.data(), 1), err_bounds);
  EXPECT_EQ(device.flash.program(area, 4, bytes.data(), 8), err_bounds);
  EXPECT_EQ(device.flash.erase(area, 8, 1024), err_bounds);
  EXPECT_EQ(device.flash.erase(area, 0, area.size + 1), err_bounds);
  EXPECT_EQ(device.flash.is_erased(area, area.size - 8, 9), err_bounds);
  EXPECT_EQ(device.nor.operations(), 0u);
}

TEST(McuFlash, TheLastUnitIsFilledUp) {
  for (const std::uint32_t unit : {1u, 2u, 8u, 16u, 32u}) {
    testing::Device device(testing::small_layout(unit));
    const Area& area = device.layout.settings;
    const std::string text = testing::some_bytes(3 * unit + 1, unit);
    ASSERT_EQ(device.flash.program(area, 2 * unit, text.data(), static_cast<std::uint32_t>(text.size())), ok);
    std::string found(text.size() + 40, '\0');
    ASSERT_EQ(device.flash.read(area, 2 * unit, found.data(), static_cast<std::uint32_t>(found.size())), ok);
    EXPECT_EQ(found, text + std::string(40, '\xff'));
    EXPECT_EQ(device.flash.is_erased(area, 0, 2 * unit), 1);
    EXPECT_EQ(device.flash.is_erased(area, 0, 2 * unit + 1), 0);
    EXPECT_EQ(device.flash.erase(area, 0, 1), ok);
    EXPECT_EQ(device.flash.is_erased(area, 0, area.size), 1);
  }
}

TEST(McuFlash, DigestIsThatOfTheBytes) {
  testing::Device device;
  const Area& area = device.layout.settings;
  for (const std::uint32_t size : {0u, 1u, 255u, 256u, 257u, 1000u}) {
    ASSERT_EQ(device.flash.erase(area, 0, area.size), ok);
    const std::string text = testing::some_bytes(size, size);
    ASSERT_EQ(device.flash.program(area, 16, text.data(), size), ok);
    Sha256 digest;
    ASSERT_EQ(device.flash.digest(area, 16, size, digest), ok);
    EXPECT_EQ(digest, trust::sha256(ByteView(text)));
  }
  Sha256 digest;
  EXPECT_EQ(device.flash.digest(area, area.size - 1, 2, digest), err_bounds);
}

}  // namespace
}  // namespace muster::mcu
