#include "mcu-client/src/flash/record_log.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

using testing::Device;
using testing::some_bytes;

std::string text_of(const RecordLog& log, std::uint8_t key) {
  std::string text(4096, '\0');
  const int size = log.read(key, text.data(), static_cast<std::uint32_t>(text.size()));
  if (size < 0) return name_of(static_cast<Error>(size));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

int write(RecordLog& log, std::uint8_t key, const std::string& text) {
  return log.write(key, text.data(), static_cast<std::uint32_t>(text.size()));
}

TEST(RecordLog, WritesReadsRemoves) {
  Device device;
  RecordLog log(device.flash, device.layout.settings);
  EXPECT_EQ(write(log, 3, "early"), err_io) << "it is not mounted";
  ASSERT_EQ(log.mount(), ok);
  EXPECT_EQ(text_of(log, 3), "not found");
  EXPECT_EQ(log.remove(3), ok);
  EXPECT_EQ(device.nor.operations(), 0u);
  ASSERT_EQ(write(log, 3, "one"), ok);
  ASSERT_EQ(write(log, 31, ""), ok);
  ASSERT_EQ(write(log, 3, "two longer than a step, which is of sixty-four bytes, so that it takes several"), ok);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(text_of(log, 3), "two longer than a step, which is of sixty-four bytes, so that it takes several");
    EXPECT_EQ(text_of(log, 31), "");
    char part[6] = {};
    EXPECT_EQ(log.read_part(3, 4, part, 5), ok);
    EXPECT_STREQ(part, "longe");
    EXPECT_EQ(log.read_part(3, 78, part, 1), err_bounds);
    EXPECT_EQ(log.read_part(4, 0, part, 1), err_not_found);
    EXPECT_EQ(log.read(3, part, 5), err_too_long);
    ASSERT_EQ(log.mount(), ok);
  }
  ASSERT_EQ(log.remove(3), ok);
  EXPECT_EQ(text_of(log, 3), "not found");
  ASSERT_EQ(log.mount(), ok);
  EXPECT_EQ(text_of(log, 3), "not found");
  EXPECT_EQ(text_of(log, 31), "");
}

TEST(RecordLog, TheSameAgainWritesNothing) {
  Device device;
  RecordLog log(device.flash, device.layout.settings);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(write(log, 0, some_bytes(100, 1)), ok);
  const auto before = device.nor.operations();
  ASSERT_EQ(write(log, 0, some_bytes(100, 1)), ok);
  EXPECT_EQ(device.nor.operations(), before);
  ASSERT_EQ(write(log, 0, some_bytes(99, 1)), ok);
  EXPECT_GT(device.nor.operations(), before);
}

// Against a map, over many bank changes, all program sizes, and with new mounts between.
TEST(RecordLog, IsAMapThatOutlivesItself) {
  const auto seed = muster::testing::seed_or(11);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  for (const std::uint32_t unit : {1u, 4u, 8u, 16u, 32u}) {
    std::mt19937_64 dice(seed + unit);
    Device device(testing::small_layout(unit));
    const Area& area = device.layout.settings;
    device.nor.fill_at_random(area.offset, area.size, seed);
    RecordLog log(device.flash, area);
    ASSERT_EQ(log.mount(), ok);
    std::map<std::uint8_t, std::string> twin;
    for (int step = 0; step < 600; ++step) {
      const auto key = static_cast<std::uint8_t>(dice() % 6 * 6);
      if (dice() % 5 == 0) {
        ASSERT_EQ(log.remove(key), ok);
        twin.erase(key);
      } else {
        twin[key] = some_bytes(static_cast<std::uint32_t>(dice() % 200), static_cast<std::uint32_t>(dice()));
        ASSERT_EQ(write(log, key, twin[key]), ok);
      }
      if (dice() % 7 == 0) {
        ASSERT_EQ(log.mount(), ok);
      }
      for (std::uint8_t other = 0; other < RecordLog::keys_max; ++other) {
        const auto found = twin.find(other);
        ASSERT_EQ(text_of(log, other), found == twin.end() ? "not found" : found->second) << "step " << step;
      }
    }
    EXPECT_GT(device.nor.wear(area.offset), 5u);
    const auto banks =
        static_cast<int>(device.nor.wear(area.offset)) - static_cast<int>(device.nor.wear(area.offset + area.size / 2));
    EXPECT_LE(std::abs(banks), 1) << "both banks wear alike";
  }
}

TEST(RecordLog, WhatDoesNotFitChangesNothing) {
  Device device;
  RecordLog log(device.flash, device.layout.settings);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(write(log, 1, some_bytes(1000, 1)), ok);
  ASSERT_EQ(write(log, 2, some_bytes(900, 2)), ok);
  const auto before = device.nor.operations();
  EXPECT_EQ(write(log, 3, some_bytes(200, 3)), err_no_space);
  EXPECT_EQ(write(log, 3, some_bytes(70000, 3)), err_no_space);
  EXPECT_EQ(device.nor.operations(), before);
  ASSERT_EQ(log.mount(), ok);
  EXPECT_EQ(text_of(log, 1), some_bytes(1000, 1));
  ASSERT_EQ(write(log, 1, some_bytes(1000, 4)), ok) << "it takes the place of the old one";
  ASSERT_EQ(log.remove(1), ok);
  ASSERT_EQ(write(log, 3, some_bytes(1000, 3)), ok);
  EXPECT_EQ(text_of(log, 2), some_bytes(900, 2));
}

TEST(RecordLog, AnythingAtTheFirstMountIsAnEmptyLog) {
  for (std::uint64_t seed = 0; seed < muster::testing::size_for(60u, 3000u); ++seed) {
    Device device;
    const Area& area = device.layout.settings;
    std::string bytes(area.size, static_cast<char>(seed));  // every single byte, zeros and ones among them
    device.nor.set(area.offset, bytes.data(), area.size);
    if (seed % 2 == 1) device.nor.fill_at_random(area.offset, area.size, seed);
    RecordLog log(device.flash, area);
    ASSERT_EQ(log.mount(), ok);
    EXPECT_EQ(text_of(log, 0), "not found");
    EXPECT_EQ(log.free_bytes(), 0u);
    ASSERT_EQ(write(log, 0, "first"), ok);
    ASSERT_EQ(log.mount(), ok);
    EXPECT_EQ(text_of(log, 0), "first");
  }
}

// A torn record whose length points anywhere: its fields say key 5, length `length`, and then comes garbage.
TEST(RecordLog, AGarbledLengthSealsTheBank) {
  for (const std::uint32_t length : {0u, 1u, 100u, 2000u, 40000u, 0xfffeu, 0xffffu}) {
    Device device;
    const Area& area = device.layout.settings;
    RecordLog log(device.flash, area);
    ASSERT_EQ(log.mount(), ok);
    ASSERT_EQ(write(log, 5, "whole"), ok);
    const std::uint32_t bank = device.nor.wear(area.offset) != 0 ? 0 : area.size / 2;
    const std::uint32_t at = bank + area.size / 2 - log.free_bytes();
    const std::uint8_t torn[12] = {
        5, 0xff, static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(length >> 8), 1, 2, 3, 4};
    device.nor.set(area.offset + at, torn, sizeof torn);
    ASSERT_EQ(log.mount(), ok);
    EXPECT_EQ(text_of(log, 5), "whole");
    EXPECT_EQ(log.free_bytes(), 0u);
    ASSERT_EQ(write(log, 6, "next"), ok);
    ASSERT_EQ(log.mount(), ok);
    EXPECT_EQ(text_of(log, 5), "whole");
    EXPECT_EQ(text_of(log, 6), "next");
  }
}

// Damage far behind the last record, where the bank still reads as erased at its end.
TEST(RecordLog, DirtBehindTheEndSealsTheBank) {
  Device device;
  const Area& area = device.layout.settings;
  RecordLog log(device.flash, area);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(write(log, 1, "one"), ok);
  const std::uint8_t dirt = 0;
  const std::uint32_t bank = device.nor.wear(area.offset) != 0 ? 0 : area.size / 2;
  device.nor.set(area.offset + bank + 1000, &dirt, 1);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(write(log, 2, some_bytes(1500, 2)), ok);
  ASSERT_EQ(log.mount(), ok);
  EXPECT_EQ(text_of(log, 1), "one");
  EXPECT_EQ(text_of(log, 2), some_bytes(1500, 2));
}

// duplicate() makes either bank enough, whatever happens to the other.
TEST(RecordLog, ADuplicateOutlivesTheDamageOfABank) {
  for (std::uint32_t bank = 0; bank < 2; ++bank) {
    for (std::uint32_t at = 0; at < 200; ++at) {
      Device device;
      const Area& area = device.layout.settings;
      RecordLog log(device.flash, area);
      ASSERT_EQ(log.mount(), ok);
      ASSERT_EQ(write(log, 1, some_bytes(60, 1)), ok);
      ASSERT_EQ(write(log, 1, some_bytes(60, 2)), ok);
      ASSERT_EQ(write(log, 2, some_bytes(40, 3)), ok);
      ASSERT_EQ(log.duplicate(), ok);
      std::uint8_t byte = 0;
      const std::uint32_t where = area.offset + bank * area.size / 2 + at;
      ASSERT_EQ(device.nor.read(where, &byte, 1), 0);
      byte ^= 0x10;
      device.nor.set(where, &byte, 1);
      ASSERT_EQ(log.mount(), ok);
      // The bank that was left holds them all behind byte 200; the one that was moved to, before.
      const bool in_the_old_bank = text_of(log, 1) != some_bytes(60, 2) || text_of(log, 2) != some_bytes(40, 3);
      EXPECT_FALSE(in_the_old_bank) << "bank " << bank << ", byte " << at;
      ASSERT_EQ(write(log, 9, "on"), ok);
      ASSERT_EQ(log.mount(), ok);
      EXPECT_EQ(text_of(log, 9), "on");
      EXPECT_EQ(text_of(log, 1), some_bytes(60, 2));
    }
  }
}

// The hardware says no, once, at each operation: the write takes place all the same, or fails and leaves the old
// record.
TEST(RecordLog, AnOperationThatFailsOnce) {
  for (std::uint64_t n = 1; n < 60; ++n) {
    Device device;
    RecordLog log(device.flash, device.layout.boot_log);
    ASSERT_EQ(log.mount(), ok);
    ASSERT_EQ(write(log, 1, "kept"), ok);
    device.nor.fail_at(n);
    for (std::uint32_t i = 0; i < 40; ++i) {
      const std::string before = text_of(log, 0), wanted = some_bytes(70, i);
      const bool done = write(log, 0, wanted) == ok;
      ASSERT_EQ(text_of(log, 0), done ? wanted : before);
      ASSERT_EQ(log.mount(), ok);
      ASSERT_EQ(text_of(log, 0), done ? wanted : before);
      ASSERT_EQ(text_of(log, 1), "kept");
    }
  }
}

TEST(RecordLog, WithoutFlashItRefuses) {
  Device device;
  RecordLog log(device.flash, device.layout.settings);
  ASSERT_EQ(log.mount(), ok);
  ASSERT_EQ(write(log, 1, "one"), ok);
  device.nor.cut_power_at(1, 1);
  EXPECT_EQ(write(log, 1, "two"), err_io);
  EXPECT_EQ(log.mount(), err_io);
  device.nor.power_on();
  EXPECT_EQ(write(log, 1, "three"), err_io) << "only a mount that went well opens it";
  EXPECT_EQ(log.remove(1), err_io);
  EXPECT_EQ(log.duplicate(), err_io);
}

}  // namespace
}  // namespace muster::mcu
