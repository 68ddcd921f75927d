// What the client says: whole packets however little the port takes, one kept message, sent again when it must be.
#include "tests/unit/mcu/mqtt/fixture.h"

namespace muster::mcu::test {
namespace {

using namespace twin;

TEST(McuMqttOutbound, PublishesAsTheTwinDoes) {
  for (std::size_t topic_size : {1u, 2u, 7u, 100u, 191u, 192u}) {
    for (std::size_t size : {0u, 1u, 20u, 119u, 120u, 121u, 122u, 123u, 124u, 125u, 126u, 127u, 128u, 500u}) {
      World world(64, 1024);
      world.connect_up();
      world.take_sent();
      const std::string topic(topic_size, 't'), payload(size, 'p');
      ASSERT_EQ(world.session.publish(topic, bytes_of(payload), size % 2 == 0), ok);
      world.turn();
      EXPECT_EQ(world.stream.from_client, publish({topic, payload, 1, false, size % 2 == 0}));
    }
  }
}

TEST(McuMqttOutbound, LongMessagesHaveThreeBytesOfLength) {
  World world(64, 70000);
  world.connect_up();
  world.take_sent();
  const std::string payload(65536, 'p');
  ASSERT_EQ(world.session.publish("topic", bytes_of(payload), false), ok);
  world.turn();
  EXPECT_EQ(world.stream.from_client, publish({"topic", payload, 1, false, false}));
}

// At every size of the buffer: what begin_publish gives is aligned and inside it, and holds what it says.
TEST(McuMqttOutbound, BuildsInPlace) {
  for (std::size_t out_size = 1; out_size < 80; ++out_size) {
    for (std::size_t topic_size = 1; topic_size < 12; ++topic_size) {
      World world(64, 128);
      std::vector<std::uint8_t> out(out_size);
      MqttSession session(world.port, {reinterpret_cast<std::uint8_t*>(world.in.data()), 64, out.data(), out_size},
                          world.recorder);
      ASSERT_EQ(session.connect(World::options(), 0), ok);
      world.stream.give(connack());
      session.poll(0);
      world.take_sent();
      std::size_t capacity = 77;
      const std::string topic(topic_size, 't');
      auto* const to = session.begin_publish(topic, true, capacity);
      if (to == nullptr) {
        EXPECT_LT(out_size, topic_size + 16);
        EXPECT_TRUE(session.can_publish());
        continue;
      }
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(to) % 8, 0u);
      ASSERT_GE(to, out.data());
      ASSERT_EQ(to + capacity, out.data() + out_size);
      std::fill_n(to, capacity, 'x');
      EXPECT_EQ(session.end_publish(capacity + 1), err_too_long);
      ASSERT_NE(session.begin_publish(topic, true, capacity), nullptr);
      ASSERT_EQ(session.end_publish(capacity), ok);
      session.poll(0);
      EXPECT_EQ(world.stream.from_client, publish({topic, std::string(capacity, 'x'), 2, false, true}));
    }
  }
}

TEST(McuMqttOutbound, WhatWasBegunMayBeForgotten) {
  World world;
  world.connect_up();
  world.take_sent();
  std::size_t capacity = 0;
  ASSERT_NE(world.session.begin_publish("one", false, capacity), nullptr);
  world.turns(3);
  EXPECT_TRUE(world.stream.from_client.empty());
  EXPECT_TRUE(world.session.can_publish());
  ASSERT_EQ(world.session.publish("two", bytes_of("2"), false), ok);
  world.turn();
  EXPECT_EQ(world.take_sent().at(0).as_publish().topic, "two");
  world.stream.give(puback(2));
  world.settle();
  ASSERT_NE(world.session.begin_publish("three", false, capacity), nullptr);
  world.stream.ends = true;
  world.settle();
  EXPECT_EQ(world.session.end_publish(0), err_not_connected);
  world.stream.ends = false;
  world.connect_up();
  EXPECT_TRUE(world.session.can_publish());
}

TEST(McuMqttOutbound, SaysWhatIsTooLong) {
  World world(64, 128);
  world.connect_up();
  const std::string payload(200, 'p'), topic(193, 't'), filter(120, 'f');
  EXPECT_EQ(world.session.publish("t", bytes_of(payload), false), err_too_long);
  EXPECT_EQ(world.session.publish(topic, {}, false), err_too_long);
  EXPECT_EQ(world.session.publish_small(topic, {}), err_too_long);
  EXPECT_EQ(world.session.subscribe(filter), err_too_long);
  EXPECT_EQ(world.session.subscribe(""), err_too_long);
  EXPECT_TRUE(world.session.can_publish());
  EXPECT_EQ(world.session.publish("t", {}, false), ok);
}

TEST(McuMqttOutbound, SmallMessagesAreOfTheSizeThatIsSaid) {
  for (std::size_t size = 0; size < 300; ++size) {
    World world;
    world.connect_up();
    world.take_sent();
    const std::string payload(size, 'p');
    const auto whole = publish({"topic", payload, 0, false, false});
    EXPECT_EQ(world.session.publish_small("topic", bytes_of(payload)),
              whole.size() <= MqttSession::small_max ? ok : err_too_long);
    EXPECT_EQ(world.session.can_publish_small(), whole.size() > MqttSession::small_max);
    world.turn();
    if (whole.size() <= MqttSession::small_max) {
      EXPECT_EQ(world.stream.from_client, whole);
    }
  }
}

TEST(McuMqttOutbound, OneOfEachAtATime) {
  World world;
  EXPECT_EQ(world.session.publish("t", {}, false), err_not_connected);
  EXPECT_EQ(world.session.publish_small("t", {}), err_not_connected);
  EXPECT_EQ(world.session.subscribe("t"), err_not_connected);
  std::size_t capacity = 0;
  EXPECT_EQ(world.session.begin_publish("t", false, capacity), nullptr);
  EXPECT_FALSE(world.session.can_publish() || world.session.can_publish_small());
  world.connect_up();
  ASSERT_EQ(world.session.subscribe("t"), ok);
  EXPECT_EQ(world.session.subscribe("t"), err_busy);
  EXPECT_EQ(world.session.publish("t", {}, false), err_busy);
  EXPECT_EQ(world.session.begin_publish("t", false, capacity), nullptr);
  ASSERT_EQ(world.session.publish_small("t", {}), ok);
  EXPECT_EQ(world.session.publish_small("t", {}), err_busy);
  world.turn();
  EXPECT_TRUE(world.session.can_publish_small());
  EXPECT_FALSE(world.session.can_publish());
  world.stream.give(suback(1, 0x80));
  world.settle();
  EXPECT_EQ(world.recorder.heard, (Heard{"connected", "denied"}));
  EXPECT_TRUE(world.session.can_publish());
}

TEST(McuMqttOutbound, IdsAreNeverZeroAndFollowEachOther) {
  World world;
  world.connect_up();
  world.take_sent();
  for (unsigned i = 1; i <= 70000; ++i) {
    const unsigned expected = i <= 65535 ? i : i - 65535;
    ASSERT_EQ(world.session.publish("t", {}, false), ok);
    world.turn();
    const auto sent = world.take_sent();
    ASSERT_EQ(sent.size(), 1u);
    ASSERT_EQ(sent[0].as_publish().id, expected);
    world.stream.give(puback(static_cast<std::uint16_t>(expected)));
    world.turns(2);
  }
}

// Everything that can be under way at once, in every size of step: no packet inside another one.
TEST(McuMqttOutbound, NothingInterleavesHoweverLittleThePortTakes) {
  for (std::size_t step = 1; step < 120; ++step) {
    World world;
    world.stream.step = step;
    ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
    for (int i = 0; i < 40; ++i) world.turn();
    world.stream.give(connack());
    world.turns(2);
    ASSERT_TRUE(world.session.connected());
    const std::string payload(80, 'p');
    ASSERT_EQ(world.session.publish("kept", bytes_of(payload), true), ok);
    ASSERT_EQ(world.session.publish_small("small", bytes_of("s")), ok);
    world.now += 45000;
    world.turn();
    world.stream.give(publish({"in", "1", 11, false, false}) + publish({"in", "2", 12, false, false}));
    world.stream.give(pingresp() + publish({"in", "3", 13, false, false}));
    for (int i = 0; i < 400; ++i) world.turn();
    const auto sent = world.take_sent();
    EXPECT_TRUE(world.stream.from_client.empty());
    std::string types;
    for (const auto& packet : sent) types += static_cast<char>('a' + packet.type());
    std::sort(types.begin(), types.end());
    EXPECT_EQ(types, "bddeeem") << step;  // CONNECT, 2 PUBLISH, 3 PUBACK, PINGREQ
    EXPECT_EQ(world.recorder.heard, (Heard{"connected", "message in=1", "message in=2", "message in=3"}));
  }
}

// The port stops after every number of bytes, for as long as it takes a message to come.
TEST(McuMqttOutbound, AcknowledgementsWaitForTheEndOfAPacketOnly) {
  for (std::size_t room = 0; room <= 90; ++room) {
    World world;
    world.connect_up();
    world.take_sent();
    const std::string payload(80, 'p');
    ASSERT_EQ(world.session.publish("kept", bytes_of(payload), false), ok);
    ASSERT_EQ(world.session.publish_small("small", bytes_of("s")), ok);
    world.stream.room = room;
    world.turn();
    world.stream.give(publish({"in", "1", 11, false, false}));
    world.turns(3);
    world.stream.room = ScriptedStream::all;
    world.turns(3);
    const auto whole = publish({"kept", payload, 1, false, false});
    const auto small = publish({"small", "s", 0, false, false});
    const auto rest = room < whole.size() ? puback(11) + small : small + puback(11);
    if (room == 0 || room >= whole.size() + small.size() || room == whole.size()) continue;  // what goes first is open
    EXPECT_EQ(world.stream.from_client, whole + rest) << room;
  }
}

// Nothing more is taken while an acknowledgement cannot be sent: the queue for them is one long.
TEST(McuMqttOutbound, ABlockedAcknowledgementStopsReceiving) {
  World world;
  world.connect_up();
  world.take_sent();
  world.stream.room = 0;
  std::string many;
  for (std::uint16_t i = 1; i <= 10; ++i) many += publish({"in", "x", i, false, false});
  world.stream.give(many);
  world.turns(10);
  EXPECT_LE(world.recorder.heard.size(), 3u);
  world.stream.room = ScriptedStream::all;
  world.settle();
  EXPECT_EQ(world.recorder.heard.size(), 11u);
  std::string acknowledged, expected;
  for (std::uint16_t i = 1; i <= 10; ++i) expected += puback(i);
  EXPECT_EQ(world.stream.from_client, expected);
}

// Lost at every byte of a PUBLISH: what comes back depends on the broker's memory and on what went out.
TEST(McuMqttOutbound, DupSaysThatTheBrokerMayKnowIt) {
  const auto first = publish({"t", "payload", 1, false, true}), again = publish({"t", "payload", 1, true, true});
  for (std::size_t room = 0; room <= first.size(); ++room) {
    for (const bool present : {false, true}) {
      World world;
      world.connect_up();
      ASSERT_EQ(world.session.publish("t", bytes_of("payload"), true), ok);
      world.stream.room = room;
      world.turn();
      world.session.disconnect();
      world.stream.room = ScriptedStream::all;
      // Twice, because what was sent again can be lost again.
      for (int round = 0; round < 2; ++round) {
        world.stream.from_client.clear();
        world.connect_up(present);
        world.turn();
        const auto sent = world.stream.from_client;
        const bool known = present && (room > 0 || round > 0);
        const auto& expected = known ? again : first;
        ASSERT_GE(sent.size(), expected.size());
        EXPECT_EQ(sent.substr(sent.size() - expected.size()), expected) << room << " " << present << " " << round;
        if (round == 0) world.session.disconnect();
      }
      world.stream.give(puback(1));
      world.settle();
      EXPECT_EQ(world.recorder.heard.back(), "acknowledged");
      EXPECT_EQ(std::count(world.recorder.heard.begin(), world.recorder.heard.end(), "acknowledged"), 1);
    }
  }
}

TEST(McuMqttOutbound, SubscribeAndSmallMessagesAreNotSentAgain) {
  World world;
  world.connect_up();
  ASSERT_EQ(world.session.subscribe("t"), ok);
  world.turn();
  world.stream.room = 3;
  ASSERT_EQ(world.session.publish_small("t", bytes_of("small")), ok);
  world.turn();
  world.stream.ends = true;
  world.settle();
  world.stream.ends = false;
  world.stream.room = ScriptedStream::all;
  world.stream.from_client.clear();
  world.connect_up(true);
  world.turns(3);
  EXPECT_EQ(world.take_sent().size(), 1u);  // CONNECT
  EXPECT_TRUE(world.session.can_publish() && world.session.can_publish_small());
  EXPECT_EQ(std::count(world.recorder.heard.begin(), world.recorder.heard.end(), "granted"), 0);
}

// What must not be answered before it was sent to its end: the buffer would be used again too early.
TEST(McuMqttOutbound, AnAnswerToHalfAMessageIsNoAnswer) {
  World world;
  world.connect_up();
  world.stream.room = 5;
  ASSERT_EQ(world.session.publish("t", bytes_of("payload"), true), ok);
  world.turn();
  world.stream.give(puback(1));
  EXPECT_EQ(world.turn(), err_protocol);
}

TEST(McuMqttOutbound, HandlersMaySendFromAnywhere) {
  World world;
  unsigned sent = 0;
  world.recorder.then = [&](const std::string& what) {
    if (what == "connected") {
      ASSERT_EQ(world.session.subscribe("t"), ok);
    }
    if (what == "granted") {
      ASSERT_EQ(world.session.publish("a", bytes_of("1"), false), ok);
    }
    if (what == "acknowledged" && ++sent < 3) {
      ASSERT_EQ(world.session.publish("a", bytes_of("2"), false), ok);
    }
    if (what.rfind("message", 0) == 0) {
      ASSERT_EQ(world.session.publish_small("b", bytes_of("3")), ok);
    }
  };
  world.connect_up();
  world.stream.give(suback(1));
  world.settle();
  for (std::uint16_t id = 2; id <= 4; ++id) {
    world.stream.give(puback(id) + publish({"t", "m", 0, false, false}));
    world.settle();
  }
  EXPECT_EQ(sent, 3u);
  std::string topics;
  for (const auto& packet : world.take_sent()) {
    if (packet.type() == 3) topics += packet.as_publish().topic;
  }
  EXPECT_EQ(std::count(topics.begin(), topics.end(), 'a'), 3);
  EXPECT_EQ(std::count(topics.begin(), topics.end(), 'b'), 3);
}

}  // namespace
}  // namespace muster::mcu::test
