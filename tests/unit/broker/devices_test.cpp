// The order of a device's messages: what is new, what is a repetition, what is too late.
#include "broker-plugin/core/devices.h"

#include <gtest/gtest.h>

#include "broker-plugin/store/keys.h"

namespace muster::broker {
namespace {

ByteView bytes(std::string_view text) {
  return ByteView(text);
}

TEST(Devices, ASummaryIsNewOnce) {
  DeviceTable devices;
  EXPECT_EQ(devices.take_health("gw-1", 1, 7, bytes("first")), Arrival::newer);
  EXPECT_EQ(devices.take_health("gw-1", 1, 7, bytes("first")), Arrival::again);
  EXPECT_EQ(devices.take_health("gw-1", 1, 6, bytes("earlier")), Arrival::older);
  EXPECT_EQ(devices.take_health("gw-1", 0, 9, bytes("before the start")), Arrival::older);
  EXPECT_EQ(devices.health("gw-1").text(), "first");
  EXPECT_EQ(devices.take_health("gw-1", 1, 8, bytes("second")), Arrival::newer);
  EXPECT_EQ(devices.take_health("gw-1", 2, 1, bytes("after a start")), Arrival::newer);
  EXPECT_EQ(devices.take_health("gw-2", 1, 7, bytes("another's")), Arrival::newer);
}

TEST(Devices, NumbersMayBeginAtZero) {
  DeviceTable devices;
  devices.know("gw-1");
  EXPECT_EQ(devices.take_health("gw-1", 0, 0, bytes("first")), Arrival::newer);
  EXPECT_EQ(devices.take_health("gw-1", 0, 0, bytes("first")), Arrival::again);
}

TEST(Devices, WhatWasRestoredIsNoNews) {
  DeviceTable devices;
  devices.restore_health("gw-1", 3, 9, bytes("saved"));
  EXPECT_TRUE(devices.unsaved_health(10).empty());
  EXPECT_EQ(devices.take_health("gw-1", 3, 9, bytes("saved")), Arrival::again);
  EXPECT_EQ(devices.take_health("gw-1", 3, 8, bytes("earlier")), Arrival::older);
  EXPECT_TRUE(devices.unsaved_health(10).empty()) << "nothing has changed";
  EXPECT_EQ(devices.take_health("gw-1", 3, 10, bytes("later")), Arrival::newer);
  const auto record = devices.health_record("gw-1");
  EXPECT_EQ(record.key, keys::join(keys::health, "gw-1"));
  EXPECT_EQ(record.value, "later");
  EXPECT_EQ(devices.unsaved_health(10).size(), 1u);
}

TEST(Devices, AStateReportMayComeAgain) {
  DeviceTable devices;
  EXPECT_TRUE(devices.take_report("gw-1", 1, 7));
  EXPECT_TRUE(devices.take_report("gw-1", 1, 7));
  EXPECT_FALSE(devices.take_report("gw-1", 1, 6));
}

}  // namespace
}  // namespace muster::broker
