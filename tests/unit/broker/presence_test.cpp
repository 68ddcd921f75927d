// Devices come and go by the identity of their connections.
#include "broker-plugin/core/presence.h"

#include <gtest/gtest.h>

namespace muster::broker {
namespace {

const int a = 0, b = 0;

TEST(Presence, SeenOnceAndLostOnce) {
  Presence presence;
  EXPECT_TRUE(presence.active(&a, "gw-1").seen);
  EXPECT_FALSE(presence.active(&a, "gw-1").seen);
  EXPECT_TRUE(presence.connected("gw-1"));
  EXPECT_EQ(presence.gone(&a), "gw-1");
  EXPECT_FALSE(presence.connected("gw-1"));
  EXPECT_EQ(presence.gone(&a), std::nullopt) << "Mosquitto says some disconnects twice";
}

TEST(Presence, TakeoverNeverLooksLikeALoss) {
  Presence presence;
  static_cast<void>(presence.active(&a, "gw-1"));
  // The new session speaks before the broker reports the end of the old one.
  EXPECT_FALSE(presence.active(&b, "gw-1").seen);
  EXPECT_EQ(presence.gone(&a), std::nullopt);
  EXPECT_TRUE(presence.connected("gw-1"));
  EXPECT_EQ(presence.gone(&b), "gw-1");
}

TEST(Presence, TakeoverInTheOtherOrderLosesAndSeesAgain) {
  Presence presence;
  static_cast<void>(presence.active(&a, "gw-1"));
  EXPECT_EQ(presence.gone(&a), "gw-1");
  EXPECT_TRUE(presence.active(&b, "gw-1").seen);
}

TEST(Presence, AnAddressUsedAgainBelongsToTheNewDevice) {
  Presence presence;
  static_cast<void>(presence.active(&a, "gw-1"));
  const auto change = presence.active(&a, "gw-2");
  EXPECT_EQ(change.lost, "gw-1");
  EXPECT_TRUE(change.seen);
  EXPECT_EQ(presence.devices(), 1u);
  EXPECT_EQ(presence.gone(&a), "gw-2");
}

TEST(Presence, StrangersLeaveNothing) {
  Presence presence;
  EXPECT_EQ(presence.gone(&a), std::nullopt);
  EXPECT_EQ(presence.devices(), 0u);
}

}  // namespace
}  // namespace muster::broker
