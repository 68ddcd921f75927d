// That the MCU client's process is watched, from its power-on and over its resets: a fault that is planted in it is
// found at each of its starts, and nothing is found in the process as it is. By memcheck only: a sanitizer is a part of
// the program that it watches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/mcu/device.h"

namespace muster::e2e {
namespace {

std::size_t count_of(const std::string& word, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

// What is found in a device that is reset once and then switched off; nobody listens where it connects to.
std::string found_in(const McuSettings& settings) {
  const Folder folder;
  McuDevice device(folder.path(), "mcu-0", free_port(), shared_keys(), settings);
  device.start();
  EXPECT_EVENTUALLY(10s, device.log_count("the attempt is idle") == 1) << device.log();
  device.bite();
  EXPECT_EVENTUALLY(10s, device.log_count("the attempt is idle") == 2) << device.log();
  static_cast<void>(device.stop());
  return take_reports();
}

TEST(WatchedDevice, AFaultIsFoundAtEachOfItsStarts) {
  ASSERT_EQ(watcher(), Watcher::memcheck) << "set MUSTER_UNDER=valgrind";
  const auto found = found_in({.environment = {"LD_PRELOAD=" MUSTER_PLANTED}});
  EXPECT_EQ(count_of("Invalid read", found), 2u) << found;
  EXPECT_EQ(count_of("planted.cpp", found), 4u) << "where it is read and where it was allocated:\n" << found;
}

TEST(WatchedDevice, NothingIsFoundInASoundOne) {
  ASSERT_EQ(watcher(), Watcher::memcheck) << "set MUSTER_UNDER=valgrind";
  EXPECT_EQ(found_in({}), "");
}

}  // namespace
}  // namespace muster::e2e
