// How a connection begins, how it is kept, and every way in which it ends.
#include "tests/unit/mcu/mqtt/fixture.h"

namespace muster::mcu::test {
namespace {

using namespace twin;

TEST(McuMqttConnection, SendsEveryFieldOfConnect) {
  World world(256);
  auto options = World::options(true);
  options.username = "user";
  options.password = "secret";
  options.will_topic = "muster/v1/device/mcu-1/link";
  options.will_payload = "0";
  options.keepalive_s = 0x1234;
  ASSERT_EQ(world.session.connect(options, world.now), ok);
  world.turn();
  EXPECT_EQ(world.stream.from_client,
            packet(0x10, text("MQTT") + "\x04\xee" + u16(0x1234) + text("mcu-1") + text("muster/v1/device/mcu-1/link") +
                             text("0") + text("user") + text("secret")));
  world.session.disconnect();
  world.stream.from_client.clear();
  ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
  world.turn();
  EXPECT_EQ(world.stream.from_client,
            packet(0x10, text("MQTT") + std::string("\x04\x00", 2) + u16(60) + text("mcu-1")));
}

TEST(McuMqttConnection, AnEmptyWillIsAWill) {
  World world(256);
  auto options = World::options();
  options.will_topic = "t";
  ASSERT_EQ(world.session.connect(options, world.now), ok);
  world.turn();
  EXPECT_EQ(world.stream.from_client,
            packet(0x10, text("MQTT") + "\x04\x2c" + u16(60) + text("mcu-1") + text("t") + text("")));
}

// Whatever the size of the buffer: either the whole packet or a refusal, and never a byte behind the buffer.
TEST(McuMqttConnection, AConnectThatDoesNotFitOpensNothing) {
  const std::string name(40, 'n');
  unsigned refused = 0, sent = 0;
  for (std::size_t size = MqttBuffers::in_size_min; size < 160; ++size) {
    World world(size);
    auto options = World::options();
    options.username = options.password = name;
    const int connected = world.session.connect(options, world.now);
    if (connected == err_too_long) {
      ++refused;
      EXPECT_EQ(world.stream.opens, 0);
      EXPECT_TRUE(world.session.idle());
      continue;
    }
    ASSERT_EQ(connected, ok);
    world.turn();
    EXPECT_EQ(world.take_sent().size(), 1u);
    ++sent;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(sent, 0u);
  World world(128 * 1024);
  auto options = World::options();
  const std::string too_long(0x10000, 'x');
  options.client_id = too_long;
  EXPECT_EQ(world.session.connect(options, world.now), err_too_long);
}

TEST(McuMqttConnection, BothAnswersAreToldApart) {
  for (const bool present : {false, true}) {
    World world;
    world.connect_up(present);
    EXPECT_EQ(world.recorder.heard, Heard{present ? "connected again" : "connected"});
    EXPECT_EQ(world.session.connect(World::options(), world.now), err_busy);
  }
}

TEST(McuMqttConnection, EveryRefusalEndsIt) {
  for (int code = 1; code <= 5; ++code) {
    World world;
    ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
    world.stream.give(connack(false, code));
    EXPECT_EQ(world.turn(), err_refused);
    EXPECT_EQ(world.recorder.heard, Heard{lost(err_refused)});
    EXPECT_TRUE(world.session.idle());
    EXPECT_EQ(world.stream.closes, 1);
  }
}

TEST(McuMqttConnection, APortThatCannotOpenIsNoConnection) {
  World world;
  world.stream.open_result = err_io;
  EXPECT_EQ(world.session.connect(World::options(), world.now), err_io);
  EXPECT_TRUE(world.session.idle());
  world.turns(3);
  EXPECT_TRUE(world.recorder.heard.empty());
  EXPECT_TRUE(world.stream.from_client.empty());
  world.stream.open_result = 0;
  world.connect_up();
}

// The one packet that a CONNECT may be answered with, and only when all of it has gone.
TEST(McuMqttConnection, AnswersBeforeTheQuestionAreRefused) {
  World world;
  world.stream.room = 5;
  ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
  world.stream.give(connack());
  EXPECT_EQ(world.turn(), err_protocol);
  EXPECT_EQ(world.recorder.heard, Heard{lost(err_protocol)});
}

TEST(McuMqttConnection, ASessionThatNobodyAskedForIsRefused) {
  World world;
  ASSERT_EQ(world.session.connect(World::options(true), world.now), ok);
  world.stream.give(connack(true));
  EXPECT_EQ(world.turn(), err_protocol);
}

TEST(McuMqttConnection, NoAnswerToConnectIsATimeout) {
  for (const std::size_t room : {std::size_t{0}, std::size_t{7}, ScriptedStream::all}) {
    World world;
    world.stream.room = room;
    ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
    world.turn();
    world.now += 9999;
    EXPECT_EQ(world.turn(), ok);
    world.now += 1;
    EXPECT_EQ(world.turn(), err_timeout);
    EXPECT_EQ(world.recorder.heard, Heard{lost(err_timeout)});
    EXPECT_EQ(world.stream.closes, 1);
    world.now += 100000;
    EXPECT_EQ(world.turn(), ok);
  }
}

TEST(McuMqttConnection, WhatCameBeforeTheEndIsHeard) {
  World world;
  world.connect_up();
  world.stream.give(publish({"t", "last words", 0, false, false}));
  world.stream.ends = true;
  world.settle();
  EXPECT_EQ(world.recorder.heard, (Heard{"connected", "message t=last words", lost(err_closed)}));
}

TEST(McuMqttConnection, APortThatFailsToSendEndsIt) {
  World world;
  world.connect_up();
  ASSERT_EQ(world.session.publish_small("t", {}), ok);
  world.stream.send_fails = true;
  EXPECT_EQ(world.turn(), err_closed);
  EXPECT_EQ(world.recorder.heard.back(), lost(err_closed));
  EXPECT_EQ(world.session.publish_small("t", {}), err_not_connected);
}

TEST(McuMqttConnection, PingsWhenNothingWasSentFor3QuartersOfTheKeepAlive) {
  World world;
  world.now = (std::uint64_t{1} << 32) - 50000;  // the low 32 bits run over on the way
  world.connect_up();
  world.take_sent();
  auto since = world.now;  // when the last packet was sent
  for (int round = 0; round < 5; ++round) {
    world.now = since + 44999;
    world.turn();
    EXPECT_TRUE(world.stream.from_client.empty());
    since = ++world.now;
    world.turn();
    EXPECT_EQ(world.stream.from_client, pingreq());
    world.stream.from_client.clear();
    world.now += 9999;
    world.stream.give(pingresp());
    world.turns(2);
    EXPECT_TRUE(world.session.connected());
  }
}

// A device that reports all the time and hears nothing must find out too.
TEST(McuMqttConnection, PingsWhenNothingCameAlthoughItSends) {
  World world;
  world.connect_up();
  world.take_sent();
  bool pinged = false;
  std::uint64_t lost_at = 0;
  const auto began = world.now;
  while (world.session.connected() && world.now < began + 200000) {
    world.now += 1000;
    ASSERT_EQ(world.session.publish_small("t", {}), ok);
    if (world.turn() == err_timeout) lost_at = world.now;
    for (const auto& sent : world.take_sent()) pinged = pinged || sent.type() == 12;
  }
  EXPECT_TRUE(pinged);
  EXPECT_EQ(lost_at, began + 45000 + 10000);
}

TEST(McuMqttConnection, AnyByteAnswersAPing) {
  World world;
  world.connect_up();
  world.now += 45000;
  world.turn();
  world.now += 9000;
  const auto message = publish({"t", "x", 0, false, false});
  world.stream.give(message.substr(0, 1));
  world.turns(2);
  world.now += 9000;
  EXPECT_EQ(world.turn(), ok);
  world.stream.give(message.substr(1) + pingresp());
  world.turns(2);
  EXPECT_EQ(world.recorder.heard.back(), "message t=x");
  EXPECT_TRUE(world.session.connected());
}

// The caller was away; the answer has been lying there all the time.
TEST(McuMqttConnection, ALatePollFindsTheAnswerFirst) {
  World world;
  world.connect_up();
  world.now += 45000;
  world.turn();
  world.stream.give(pingresp());
  world.now += 500000;
  EXPECT_EQ(world.turn(), ok);
  EXPECT_TRUE(world.session.connected());
}

TEST(McuMqttConnection, ADeadConnectionIsFoundByThePing) {
  World world;
  world.connect_up();
  world.now += 45000;
  world.turn();
  world.now += 9999;
  EXPECT_EQ(world.turn(), ok);
  world.now += 1;
  EXPECT_EQ(world.turn(), err_timeout);
  EXPECT_EQ(world.recorder.heard.back(), lost(err_timeout));
}

TEST(McuMqttConnection, WithoutKeepAliveThereIsNoPing) {
  World world;
  auto options = World::options();
  options.keepalive_s = 0;
  ASSERT_EQ(world.session.connect(options, world.now), ok);
  world.stream.give(connack());
  world.turns(3);
  world.take_sent();
  world.now += 10000000;
  world.turns(3);
  EXPECT_TRUE(world.stream.from_client.empty());
  EXPECT_TRUE(world.session.connected());
}

// The clock of a blocked port begins when a poll finds it blocked, and each byte begins it anew.
TEST(McuMqttConnection, APortThatTakesNothingIsATimeout) {
  World world;
  world.connect_up();
  world.now += 30000;
  world.stream.room = 0;
  ASSERT_EQ(world.session.publish_small("topic", {}), ok);
  EXPECT_EQ(world.turn(), ok);
  for (int i = 0; i < 5; ++i) {
    world.now += 9999;
    world.stream.room = 1;
    EXPECT_EQ(world.turn(), ok);
  }
  world.now += 10000;
  EXPECT_EQ(world.turn(), err_timeout);
}

TEST(McuMqttConnection, ASubackThatNeverComesIsATimeout) {
  World world;
  world.connect_up();
  ASSERT_EQ(world.session.subscribe("a/#"), ok);
  world.turn();
  world.now += 9999;
  EXPECT_EQ(world.turn(), ok);
  world.now += 1;
  EXPECT_EQ(world.turn(), err_timeout);
}

// A broker that answers pings and never acknowledges is given up in the end.
TEST(McuMqttConnection, APubackThatNeverComesIsATimeout) {
  World world;
  world.connect_up();
  ASSERT_EQ(world.session.publish("t", {}, false), ok);
  world.turn();
  world.now += 39999;
  world.stream.give(publish({"t", "alive", 0, false, false}));
  EXPECT_EQ(world.turn(), ok);
  world.now += 1;
  EXPECT_EQ(world.turn(), err_timeout);
}

TEST(McuMqttConnection, DisconnectSaysSoAfterWhatWaits) {
  World world;
  world.connect_up();
  world.take_sent();
  ASSERT_EQ(world.session.publish_small("t", bytes_of("bye")), ok);
  world.session.disconnect();
  EXPECT_EQ(world.stream.from_client, publish({"t", "bye", 0, false, false}) + disconnect());
  EXPECT_TRUE(world.session.idle());
  EXPECT_EQ(world.stream.closes, 1);
  EXPECT_EQ(world.recorder.heard, Heard{"connected"});
  world.session.disconnect();
  EXPECT_EQ(world.stream.closes, 1);
}

// Never inside another packet, which the broker would take for its bytes.
TEST(McuMqttConnection, DisconnectKeepsQuietInsideAPacket) {
  for (std::size_t room = 0; room < 16; ++room) {
    World world;
    world.connect_up();
    world.take_sent();
    world.stream.room = room;
    ASSERT_EQ(world.session.publish_small("topic", bytes_of("words")), ok);
    world.session.disconnect();
    const auto whole = publish({"topic", "words", 0, false, false}) + disconnect();
    EXPECT_EQ(world.stream.from_client, whole.substr(0, room));
    EXPECT_TRUE(world.session.idle());
  }
}

TEST(McuMqttConnection, HandlersMayEndItFromAnywhere) {
  const auto all =
      suback(2) + publish({"t", "m", 7, false, false}) + publish({"t", std::string(100, 'p'), 8, false, false});
  for (const std::string when : {"connected", "acknowledged", "granted", "message", "piece"}) {
    World world;
    world.recorder.then = [&](const std::string& what) {
      if (what.rfind(when, 0) == 0) world.session.disconnect();
    };
    ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
    world.stream.give(connack());
    world.turns(3);
    if (world.session.connected()) {
      ASSERT_EQ(world.session.publish("t", {}, false), ok);
      world.turn();
      world.stream.give(puback(1));
      world.turns(2);
    }
    if (world.session.connected()) {
      ASSERT_EQ(world.session.subscribe("t"), ok);
      world.turn();
      world.stream.give(all);
      world.turns(4);
    }
    EXPECT_TRUE(world.session.idle()) << when;
    EXPECT_EQ(world.recorder.heard.back().rfind(when, 0), 0u) << world.recorder.heard.back();
    const auto sent = world.take_sent();
    EXPECT_EQ(sent.back().type(), 14) << when;
    EXPECT_TRUE(std::none_of(sent.begin(), sent.end(), [&](const auto& p) {
      return p.type() == 4 && (when == "message" || p.u16_at(0) == 8);
    })) << "acknowledged what was not taken";
    world.recorder.then = [](const std::string&) {};
    world.connect_up();
  }
}

#ifndef NDEBUG
using McuMqttDeathTest = testing::Test;
TEST(McuMqttDeathTest, HandlersMayNeitherPollNorConnect) {
  EXPECT_DEATH(
      {
        World world;
        world.recorder.then = [&](const std::string&) { world.turn(); };
        world.connect_up();
      },
      "polling_");
  EXPECT_DEATH(
      {
        World world;
        world.recorder.then = [&](const std::string&) {
          world.session.disconnect();
          static_cast<void>(world.session.connect(World::options(), 1));
        };
        world.connect_up();
      },
      "polling_");
}
#endif

}  // namespace
}  // namespace muster::mcu::test
