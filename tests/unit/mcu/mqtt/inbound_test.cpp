// What a broker sends: split anywhere, in pieces, refused, malformed.
#include "tests/unit/mcu/mqtt/fixture.h"

namespace muster::mcu::test {
namespace {

using namespace twin;

// A world that has a message and a subscription under way, in the order of `everything`.
struct Script {
  std::string everything;
  Heard expected;
};

std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
  return text;
}

Script script() {
  Script made;
  const auto long_one = letters(64 * 2 + 9), even_one = letters(128), whole = letters(64);
  made.everything =
      connack(true) + suback(1) + publish({"t", "", 0, false, true}) + publish({"t/0", "zero", 0, false, false}) +
      publish({"t/1", whole, 0x1234, true, false}) + pingresp() + publish({"t/2", long_one, 0xffff, false, false}) +
      publish({std::string(192, 'T'), even_one, 0, false, false}) + publish({"t/3", "", 9, false, false}) +
      publish({"\xc3\xa4/\xf0\x9f\x99\x82", "u", 0, false, false}, 4);
  made.expected = {"connected again",
                   "granted",
                   "message t=",
                   "message t/0=zero",
                   "message t/1=" + whole,
                   "piece t/2 0/137=" + long_one.substr(0, 64),
                   "piece t/2 64/137=" + long_one.substr(64, 64),
                   "piece t/2 128/137=" + long_one.substr(128),
                   "piece " + std::string(192, 'T') + " 0/128=" + even_one.substr(0, 64),
                   "piece " + std::string(192, 'T') + " 64/128=" + even_one.substr(64),
                   "message t/3=",
                   "message \xc3\xa4/\xf0\x9f\x99\x82=u"};
  return made;
}

// Subscribes from within on_connected, so that one stream holds everything.
void hear(World& world) {
  world.recorder.then = [&](const std::string& what) {
    if (what == "connected again") {
      ASSERT_EQ(world.session.subscribe("t/#"), ok);
    }
  };
  ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
  world.settle();
}

void expect_script(World& world, const Script& made) {
  EXPECT_EQ(world.recorder.heard, made.expected);
  EXPECT_TRUE(world.recorder.all_aligned);
  std::string acknowledged;
  for (const auto& sent : world.take_sent()) {
    if (sent.type() == 4) acknowledged += sent.body;
  }
  EXPECT_EQ(acknowledged, u16(0x1234) + u16(0xffff) + u16(9));
  EXPECT_TRUE(world.stream.from_client.empty());
}

TEST(McuMqttInbound, SplitAtEveryByte) {
  const auto made = script();
  for (std::size_t at = 0; at <= made.everything.size(); ++at) {
    World world;
    hear(world);
    world.stream.give(made.everything.substr(0, 4));  // the answer to what is sent comes after it
    world.settle();
    if (at > 4)
      world.stream.give_split(made.everything.substr(4), at - 4);
    else
      world.stream.give(made.everything.substr(4));
    world.settle();
    expect_script(world, made);
    ASSERT_FALSE(HasFailure()) << "split at " << at;
  }
}

TEST(McuMqttInbound, OneByteAtATime) {
  const auto made = script();
  World world;
  hear(world);
  for (const char byte : made.everything) {
    world.stream.give(std::string(1, byte));
    world.turns(2);
  }
  expect_script(world, made);
}

TEST(McuMqttInbound, SplitInThreeAtEveryPairOfBytes) {
  const auto message = publish({"t", letters(70), 5, false, false}, 3);
  for (std::size_t first = 1; first < message.size(); ++first) {
    for (std::size_t second = first + 1; second < message.size(); ++second) {
      World world;
      world.connect_up();
      world.stream.give(message.substr(0, first));
      world.stream.give_split(message.substr(first), second - first);
      world.settle();
      ASSERT_EQ(world.recorder.heard,
                (Heard{"connected", "piece t 0/70=" + letters(64), "piece t 64/70=" + letters(70).substr(64)}))
          << first << ", " << second;
    }
  }
}

TEST(McuMqttInbound, TakesTheLongestAndRefusesOneMore) {
  const auto longest = mqtt::packet_max - 3;  // without the topic
  World world(1024);
  world.connect_up();
  std::string put_together;
  world.recorder.then = [&](const std::string& what) { put_together += what.substr(what.find('=') + 1); };
  const auto payload = letters(longest);
  world.stream.give(publish({"t", payload, 0, false, false}));
  world.settle();
  EXPECT_EQ(put_together, payload);
  world.recorder.then = [](const std::string&) {};
  const auto heard = world.recorder.heard.size();
  world.stream.give(publish({"t", letters(longest + 1), 0, false, false}));
  world.settle();
  ASSERT_EQ(world.recorder.heard.size(), heard + 1);
  EXPECT_EQ(world.recorder.heard.back(), lost(err_protocol));
}

TEST(McuMqttInbound, WhatIsNotTakenIsNotAcknowledged) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{100}}) {
    World world;
    world.connect_up();
    world.take_sent();
    world.recorder.takes = false;
    world.stream.give(publish({"t", letters(size), 5, false, false}));
    world.settle();
    EXPECT_EQ(world.recorder.heard.size(), 3u);
    EXPECT_EQ(world.recorder.heard.back(), lost(err_closed));
    EXPECT_TRUE(world.stream.from_client.empty());
    EXPECT_TRUE(world.session.idle());
  }
}

// A piece that came before the connection was lost is forgotten: the message begins anew.
TEST(McuMqttInbound, AMessageCutOffInPiecesBeginsAnew) {
  World world;
  world.connect_up();
  const auto message = publish({"t", letters(130), 5, false, false});
  world.stream.give(message.substr(0, 100));
  world.stream.ends = true;
  world.settle();
  EXPECT_EQ(world.recorder.heard.back(), lost(err_closed));
  world.stream.ends = false;
  world.recorder.heard.clear();
  world.connect_up(true);
  world.stream.give(message);
  world.settle();
  EXPECT_EQ(world.recorder.heard,
            (Heard{"connected again", "piece t 0/130=" + letters(64), "piece t 64/130=" + letters(130).substr(64, 64),
                   "piece t 128/130=" + letters(130).substr(128)}));
}

// One poll does not go on for ever, however much there is.
TEST(McuMqttInbound, OnePollTakesAFewPacketsOnly) {
  World world;
  world.connect_up();
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += publish({"t", "x", 0, false, false});
  world.stream.give(flood);
  world.turn();
  EXPECT_LE(world.recorder.heard.size(), 1u + MqttSession::packets_per_poll);
  world.settle();
  EXPECT_EQ(world.recorder.heard.size(), 101u);
}

// Bytes that no broker of 3.1.1 sends to a client that has a PUBLISH (id 1) under way.
struct Broken {
  const char* what;
  std::string bytes;
};

std::vector<Broken> broken() {
  std::vector<Broken> all = {
      {"a second CONNACK", connack()},
      {"CONNECT", packet(0x10, text("MQTT"))},
      {"SUBSCRIBE", subscribe(1, "t")},
      {"PINGREQ", pingreq()},
      {"DISCONNECT", disconnect()},
      {"type 0", packet(0x00, "")},
      {"type 15", packet(0xf0, "")},
      {"PUBREC", packet(0x50, u16(1))},
      {"PUBREL", packet(0x62, u16(1))},
      {"PUBCOMP", packet(0x70, u16(1))},
      {"UNSUBSCRIBE", packet(0xa2, u16(1) + text("t"))},
      {"UNSUBACK", packet(0xb0, u16(1))},
      {"a fifth byte of length", "\x30\x80\x80\x80\x80\x01"},
      {"four bytes of length, all with more", "\x30\xff\xff\xff\xff"},
      {"PUBLISH of QoS 2", packet(0x34, text("t") + u16(1))},
      {"PUBLISH of QoS 3", packet(0x36, text("t") + u16(1))},
      {"PUBLISH of QoS 0 with DUP", packet(0x38, text("t"))},
      {"PUBLISH of QoS 1 with id 0", packet(0x32, text("t") + u16(0))},
      {"PUBLISH without a topic's length", packet(0x30, "t")},
      {"PUBLISH of nothing", packet(0x30, "")},
      {"PUBLISH with an empty topic", packet(0x30, text("") + "payload")},
      {"PUBLISH with a topic beyond its end", packet(0x30, u16(5) + "abcd")},
      {"PUBLISH without room for its id", packet(0x32, text("abcd") + "x")},
      {"PUBLISH with a topic that is too long", packet(0x30, text(std::string(193, 't')))},
      {"PUBLISH to a wildcard", packet(0x30, text("a/+"))},
      {"PUBLISH to all", packet(0x30, text("#"))},
      {"PUBLISH with NUL in its topic", packet(0x30, text(std::string("a\0b", 3)))},
      {"PUBACK with flags", packet(0x42, u16(1))},
      {"PUBACK of nothing", packet(0x40, "")},
      {"PUBACK of one byte", packet(0x40, "x")},
      {"PUBACK of three bytes", packet(0x40, u16(1) + "x")},
      {"PUBACK with id 0", puback(0)},
      {"PUBACK of another message", puback(2)},
      {"SUBACK without SUBSCRIBE", suback(1)},
      {"SUBACK with flags", packet(0x91, u16(1) + "\x01")},
      {"SUBACK of two", packet(0x90, u16(1) + "\x01\x01")},
      {"SUBACK of none", packet(0x90, u16(1))},
      {"SUBACK that grants QoS 2", suback(1, 2)},
      {"SUBACK with a code of none", suback(1, 0x7f)},
      {"SUBACK with id 0", suback(0)},
      {"PINGRESP with flags", packet(0xd1, "")},
      {"PINGRESP with a body", packet(0xd0, "x")},
  };
  for (const std::string bad :
       {"\x80", "\xc0\xaf", "\xc1\x81", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3(", "a\xe2(\xa1"}) {
    all.push_back({"PUBLISH with a topic that is no UTF-8", packet(0x30, text(bad))});
  }
  return all;
}

TEST(McuMqttInbound, WhatIsMalformedEndsTheConnection) {
  for (const auto& [what, bytes] : broken()) {
    for (const bool split : {false, true}) {
      World world;
      world.connect_up();
      ASSERT_EQ(world.session.publish("t", {}, false), ok);
      world.settle();
      world.recorder.heard.clear();
      if (split) {
        for (const char byte : bytes) world.stream.give(std::string(1, byte));
      } else {
        world.stream.give(bytes);
      }
      world.settle();
      EXPECT_EQ(world.recorder.heard, Heard{lost(err_protocol)}) << what;
      EXPECT_TRUE(world.session.idle()) << what;
      EXPECT_EQ(world.stream.closes, 1) << what;
      world.connect_up();
    }
  }
}

TEST(McuMqttInbound, OnlyAConnackMayComeFirst) {
  auto firsts = broken();
  for (auto& [what, bytes] : firsts) {
    if (std::string(what) == "a second CONNACK") bytes = packet(0x20, std::string("\0\x06", 2));
  }
  firsts.push_back({"a message", publish({"t", "x", 0, false, false})});
  firsts.push_back({"PUBACK", puback(1)});
  firsts.push_back({"PINGRESP", pingresp()});
  firsts.push_back({"CONNACK with a session and a refusal", connack(true, 5)});
  firsts.push_back({"CONNACK with other flags", packet(0x20, std::string("\x02\0", 2))});
  firsts.push_back({"CONNACK of three bytes", packet(0x20, std::string("\0\0\0", 3))});
  firsts.push_back({"CONNACK of one byte", packet(0x20, std::string("\0", 1))});
  firsts.push_back({"CONNACK with flags in its first byte", packet(0x21, std::string("\0\0", 2))});
  for (const auto& [what, bytes] : firsts) {
    World world;
    ASSERT_EQ(world.session.connect(World::options(), world.now), ok);
    world.stream.give(bytes);
    world.settle();
    EXPECT_EQ(world.recorder.heard, Heard{lost(err_protocol)}) << what;
  }
}

}  // namespace
}  // namespace muster::mcu::test
