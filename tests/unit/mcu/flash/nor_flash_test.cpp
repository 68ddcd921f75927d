#include "mcu-client/ports/posix/nor_flash.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <string>

namespace muster::mcu {
namespace {

constexpr NorShape shape{4 * 1024, 1024, 8};
constexpr std::array<std::uint8_t, 8> zeros{};

using NorFlashDeathTest = ::testing::Test;

TEST(NorFlashDeathTest, BrokenRulesEndTheProcess) {
  NorFlash nor(shape);
  std::uint8_t byte = 0;
  ASSERT_EQ(nor.program(8, zeros.data(), 8), 0);
  EXPECT_DEATH((void)nor.program(8, zeros.data(), 8), "not erased");
  EXPECT_DEATH((void)nor.program(4, zeros.data(), 8), "off the boundaries");
  EXPECT_DEATH((void)nor.program(16, zeros.data(), 4), "off the boundaries");
  EXPECT_DEATH((void)nor.program(4096, zeros.data(), 8), "out of bounds");
  EXPECT_DEATH((void)nor.erase(512, 1024), "off the boundaries");
  EXPECT_DEATH((void)nor.erase(3072, 2048), "out of bounds");
  EXPECT_DEATH((void)nor.read(4096, &byte, 1), "out of bounds");
  nor.cut_power_at(1, 1);
  ASSERT_EQ(nor.erase(1024, 1024), err_io);
  nor.power_on();
  EXPECT_DEATH((void)nor.program(1024, zeros.data(), 8), "not erased|cut off");
}

TEST(NorFlash, ErasesAndProgramsAndCounts) {
  NorFlash nor(shape);
  std::array<std::uint8_t, 8> bytes{};
  ASSERT_EQ(nor.program(0, zeros.data(), 8), 0);
  ASSERT_EQ(nor.read(0, bytes.data(), 8), 0);
  EXPECT_EQ(bytes, zeros);
  ASSERT_EQ(nor.erase(0, 2048), 0);
  ASSERT_EQ(nor.read(0, bytes.data(), 8), 0);
  EXPECT_EQ(bytes[0], 0xff);
  ASSERT_EQ(nor.program(0, zeros.data(), 8), 0);
  EXPECT_EQ(nor.operations(), 3u);
  EXPECT_EQ(nor.wear(0), 1u);
  EXPECT_EQ(nor.wear(1024), 1u);
  EXPECT_EQ(nor.wear(2048), 0u);
}

// The ways of a cut: all of them come, and never is a byte touched that was not given.
TEST(NorFlash, ACutTouchesOnlyItsOwnBytes) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    NorFlash nor(shape);
    ASSERT_EQ(nor.program(1016, zeros.data(), 8), 0);
    ASSERT_EQ(nor.program(1040, zeros.data(), 8), 0);
    nor.cut_power_at(1, seed);
    const std::array<std::uint8_t, 16> wanted{0x55, 0x55, 0x55, 0x55};
    EXPECT_EQ(nor.program(1024, wanted.data(), 16), err_io);
    EXPECT_FALSE(nor.has_power());
    std::array<std::uint8_t, 16> found{};
    EXPECT_EQ(nor.read(1024, found.data(), 16), err_io);
    EXPECT_EQ(nor.erase(0, 1024), err_io);
    nor.power_on();
    std::array<std::uint8_t, 8> beside{};
    ASSERT_EQ(nor.read(1016, beside.data(), 8), 0);
    EXPECT_EQ(beside, zeros);
    ASSERT_EQ(nor.read(1040, beside.data(), 8), 0);
    EXPECT_EQ(beside, zeros);
    if (nor.read(1024, found.data(), 16) == err_damaged) {
      seen.insert("unreadable");
    } else if (found == wanted) {
      seen.insert("all");
    } else if (std::all_of(found.begin(), found.end(), [](auto byte) { return byte == 0xff; })) {
      seen.insert("nothing");
    } else {
      seen.insert((found[0] & 0x55) == 0x55 ? "some of it" : "at random");
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"all", "at random", "nothing", "some of it", "unreadable"}));
}

TEST(NorFlash, AFileOutlivesIt) {
  char path[] = "/tmp/muster-nor-XXXXXX";
  const int file = ::mkstemp(path);
  ASSERT_GE(file, 0);
  ::close(file);
  std::array<std::uint8_t, 8> bytes{};
  {
    NorFlash nor(shape, path);
    ASSERT_TRUE(nor.is_open());
    ASSERT_EQ(nor.read(4088, bytes.data(), 8), 0);
    EXPECT_EQ(bytes[7], 0xff);
    ASSERT_EQ(nor.program(16, zeros.data(), 8), 0);
  }
  {
    NorFlash nor(shape, path);
    ASSERT_TRUE(nor.is_open());
    ASSERT_EQ(nor.read(16, bytes.data(), 8), 0);
    EXPECT_EQ(bytes, zeros);
    EXPECT_DEATH((void)nor.program(16, zeros.data(), 8), "not erased");
    EXPECT_EQ(nor.program(24, zeros.data(), 8), 0);
  }
  EXPECT_FALSE(NorFlash(NorShape{1024, 1024, 8}, path).is_open()) << "the file is longer";
  EXPECT_FALSE(NorFlash(shape, "/nowhere/flash.bin").is_open());
  ::unlink(path);
}

}  // namespace
}  // namespace muster::mcu
