// The MCU client's MQTT against a real Mosquitto, without TLS: what it says is understood, what it is told arrives
// whole, and no broken connection loses a message. The other side of every exchange is Paho.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "host/mqtt_client.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/proxy.h"
#include "tests/e2e/mcu/mqtt_device.h"
#include "tests/e2e/mcu/plain_broker.h"
#include "tests/e2e/mcu/splitting_relay.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using mcu::MqttSession;

// Paho's side.
class Peer {
 public:
  explicit Peer(std::uint16_t port, const std::string& filter = {})
      : client_(
            options(port),
            [this](host::MqttMessage&& message) {
              const std::lock_guard lock(mutex_);
              messages_.push_back(std::move(message));
            },
            [](const std::string&) {}) {
    const auto connected = client_.connect();
    EXPECT_TRUE(connected.has_value()) << connected.error().message;
    if (filter.empty()) return;
    EXPECT_TRUE(client_.subscribe({filter}, 1).has_value());
  }
  void publish(const std::string& topic, const std::string& payload, int qos = 1, bool retain = false) {
    EXPECT_TRUE(client_.publish_and_wait(topic, ByteView(std::string_view(payload)), qos, retain).has_value());
  }
  [[nodiscard]] std::vector<std::string> payloads() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& message : messages_) all.emplace_back(ByteView(message.payload).text());
    return all;
  }

 private:
  static host::MqttOptions options(std::uint16_t port) {
    static unsigned number = 0;
    host::MqttOptions options;
    options.port = port;
    options.tls = false;
    options.client_id = "peer-" + std::to_string(++number);
    return options;
  }
  std::mutex mutex_;
  std::vector<host::MqttMessage> messages_;
  host::MqttClient client_;
};

using Texts = std::vector<std::string>;

TEST(McuSession, IsUnderstood) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port());
  device.options.will_topic = "mcu/link";
  device.options.will_payload = "0";
  device.send_step = 1;  // every packet in steps of a byte
  ASSERT_TRUE(device.connect());
  EXPECT_FALSE(device.session_present);
  ASSERT_TRUE(device.subscribe("down/#"));
  ASSERT_TRUE(device.publish("mcu/link", "1", true));
  Peer peer(broker.port(), "mcu/#");
  ASSERT_EVENTUALLY(10s, (peer.payloads() == Texts{"1"}));
  ASSERT_EQ(device.session().publish_small("mcu/small", ByteView(std::string_view("s"))), mcu::ok);
  ASSERT_TRUE(device.until([&] { return peer.payloads().size() == 2; }));
  peer.publish("down/a", "hello", 1);
  peer.publish("down/b", "hello", 0);
  ASSERT_TRUE(device.until([&] { return device.messages.size() == 2; }));
  EXPECT_EQ(device.messages[0].topic, "down/a");
  EXPECT_EQ(device.messages[1].payload, "hello");
  device.session().disconnect();
  EXPECT_TRUE(throughout(300ms, [&] { return peer.payloads().size() == 2; })) << "a will after DISCONNECT";
  ASSERT_TRUE(device.connect());
  EXPECT_TRUE(device.session_present);
  device.cut();
  ASSERT_EVENTUALLY(10s, (peer.payloads() == Texts{"1", "s", "0"}));
}

TEST(McuSession, EverySizeArrivesWithItsContent) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port(), 1280);
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.subscribe("down"));
  Peer peer(broker.port(), "up");
  Texts sent;
  for (const std::size_t size :
       {0u, 1u, 2u, 119u, 120u, 127u, 128u, 1279u, 1280u, 1281u, 2559u, 2560u, 2561u, 16383u, 16384u, 65535u, 65536u}) {
    for (const int qos : {0, 1}) {
      sent.push_back(noise(size, static_cast<std::uint32_t>(size * 2 + static_cast<unsigned>(qos))));
      peer.publish("down", sent.back(), qos);
      ASSERT_TRUE(device.until([&] { return device.messages.size() == sent.size(); })) << size;
      ASSERT_EQ(device.messages.back().payload, sent.back()) << size;
      ASSERT_TRUE(device.publish("up", sent.back())) << size;
    }
  }
  EXPECT_GT(device.pieces, 100u);
  ASSERT_EVENTUALLY(10s, peer.payloads().size() == sent.size());
  EXPECT_EQ(peer.payloads(), sent);
}

TEST(McuSession, WhatWasQueuedWhileAwayComesInOrder) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port());
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.subscribe("down"));
  Peer peer(broker.port());
  Texts expected, heard;
  for (int round = 0; round < 3; ++round) {
    if (round == 1)
      device.session().disconnect();
    else
      device.cut();
    ASSERT_TRUE(device.until([&] { return device.session().idle(); }));
    for (int i = 0; i < 60; ++i) {
      expected.push_back(std::to_string(round) + "." + std::to_string(i) +
                         std::string(static_cast<std::size_t>(i) * 50, 'x'));
      peer.publish("down", expected.back());
    }
    ASSERT_TRUE(device.connect());
    EXPECT_TRUE(device.session_present);
    ASSERT_TRUE(device.until([&] { return device.messages.size() == expected.size(); }));
  }
  for (const auto& message : device.messages) heard.push_back(message.payload);
  EXPECT_EQ(heard, expected);
}

// A message that the dying broker never acknowledged comes to the new one, whether that knows the session or not.
void kill_and_restart(PlainBroker& broker, bool session_kept) {
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port());
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.subscribe("down"));
  if (session_kept) {
    ASSERT_EVENTUALLY(10s, exists(broker.folder().file("mosquitto.db")));
  }
  for (int round = 0; round < 3; ++round) {
    const auto payload = "state " + std::to_string(round);
    const auto acknowledged = device.acknowledged;
    broker.stop_running();
    device.lost = 0;
    ASSERT_EQ(device.session().publish("up", ByteView(std::string_view(payload)), true), mcu::ok);
    device.turn();
    EXPECT_FALSE(device.session().can_publish());
    broker.kill_hard();
    ASSERT_TRUE(device.until([&] { return device.lost != 0; }));
    EXPECT_EQ(device.lost, mcu::err_closed);
    EXPECT_FALSE(device.connect()) << "to a port where nobody listens";
    EXPECT_EQ(device.lost, mcu::err_closed);
    ASSERT_TRUE(broker.start());
    ASSERT_TRUE(device.connect());
    EXPECT_EQ(device.session_present, session_kept);
    ASSERT_TRUE(device.until([&] { return device.acknowledged == acknowledged + 1; }));
    Peer peer(broker.port(), "up");
    ASSERT_EVENTUALLY(10s, (peer.payloads() == Texts{payload}));
  }
}

TEST(McuSession, AKilledBrokerLosesNoMessageOfTheDevice) {
  PlainBroker broker;
  kill_and_restart(broker, false);
}

TEST(McuSession, AKilledBrokerThatKnowsTheSessionLosesNoneEither) {
  PlainBroker broker("allow_anonymous true\n", true);
  kill_and_restart(broker, true);
}

TEST(McuSession, AHalfOpenConnectionIsFoundInTime) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  Proxy proxy(broker.port(), 1);
  MqttDevice device(proxy.port());
  device.options.keepalive_s = 1;
  device.options.answer_timeout_ms = 700;
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.subscribe("down"));
  // Quiet, and kept by the pings alone.
  const auto quiet_since = MqttDevice::now_ms();
  ASSERT_TRUE(device.until([&] { return MqttDevice::now_ms() > quiet_since + 2500 || device.lost != 0; }));
  EXPECT_EQ(device.lost, 0);
  for (const bool with_message : {false, true}) {
    proxy.strike({.fault = LinkFault::black_hole});
    const auto struck = MqttDevice::now_ms();
    if (with_message) {
      ASSERT_EQ(device.session().publish("up", ByteView(std::string_view("kept")), true), mcu::ok);
    }
    device.lost = 0;
    ASSERT_TRUE(device.until([&] { return device.lost != 0; }));
    EXPECT_EQ(device.lost, mcu::err_timeout);
    // 3/4 of the keep-alive and the patience with the answer; a busy machine may add to it.
    EXPECT_LE(MqttDevice::now_ms() - struck, 1450u + static_cast<std::uint64_t>(stretched(1500ms).count()));
    Peer peer(broker.port());
    peer.publish("down", "while away");
    ASSERT_TRUE(device.connect());
    EXPECT_TRUE(device.session_present);
    ASSERT_TRUE(device.until([&] { return !device.messages.empty(); }));
    EXPECT_EQ(device.messages.back().payload, "while away");
    device.messages.clear();
  }
  ASSERT_TRUE(device.until([&] { return device.acknowledged == 1; }));
  Peer peer(broker.port(), "up");
  ASSERT_EVENTUALLY(10s, (peer.payloads() == Texts{"kept"}));
}

// A broker that stands still is no half-open connection, but is found the same way.
TEST(McuSession, ABrokerThatStandsStillIsGivenUp) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port());
  device.options.keepalive_s = 1;
  device.options.answer_timeout_ms = 500;
  ASSERT_TRUE(device.connect());
  broker.stop_running();
  ASSERT_TRUE(device.until([&] { return device.lost != 0; }));
  EXPECT_EQ(device.lost, mcu::err_timeout);
  EXPECT_FALSE(device.connect()) << "the kernel accepts, and no CONNACK comes";
  EXPECT_EQ(device.lost, mcu::err_timeout);
  broker.go_on();
  EXPECT_TRUE(device.connect());
}

TEST(McuSession, AMessageSplitAtEveryByteArrives) {
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  SplittingRelay relay(broker.port());
  MqttDevice device(relay.port(), 64);
  device.besides = [&] { relay.turn(device.bytes_read); };
  ASSERT_TRUE(device.connect());
  ASSERT_TRUE(device.subscribe("down/#"));
  Peer peer(broker.port());
  unsigned splits = 0;
  for (const std::size_t size : {5u, 140u}) {
    const std::string topic = "down/" + std::to_string(size);
    const auto payload = noise(size, static_cast<std::uint32_t>(size));
    const std::size_t whole = 1 + (size > 100 ? 2u : 1u) + 2 + topic.size() + 2 + size;
    for (std::size_t at = 1; at < whole; ++at) {
      const auto before = device.messages.size();
      relay.split_next(at);
      peer.publish(topic, payload);
      ASSERT_TRUE(device.until([&] { return device.messages.size() > before; })) << at << " of " << whole;
      ASSERT_TRUE(relay.has_split()) << at;
      ASSERT_EQ(device.messages.back().topic, topic);
      ASSERT_EQ(device.messages.back().payload, payload);
      ++splits;
    }
  }
  // Every one was acknowledged: nothing comes again.
  device.session().disconnect();
  ASSERT_TRUE(device.until([&] {
    return read_text(broker.folder().file("mosquitto.log")).find("Received DISCONNECT from mcu-1") != std::string::npos;
  }));
  EXPECT_EQ(device.messages.size(), splits);
  MqttDevice again(broker.port());
  ASSERT_TRUE(again.connect());
  EXPECT_TRUE(again.session_present);
  peer.publish("down/last", "last");
  ASSERT_TRUE(again.until([&] { return !again.messages.empty(); }));
  EXPECT_EQ(again.messages.front().payload, "last");
}

TEST(McuSession, WrongPasswordsAreRefused) {
  const Folder folder;
  ASSERT_EQ(run({"mosquitto_passwd", "-b", "-c", folder.file("passwords"), "mcu", "right"}).exit_code, 0);
  PlainBroker broker("allow_anonymous false\npassword_file " + folder.file("passwords") + "\n");
  ASSERT_TRUE(broker.start());
  MqttDevice device(broker.port());
  EXPECT_FALSE(device.connect());
  EXPECT_EQ(device.lost, mcu::err_refused);
  device.options.username = "mcu";
  device.options.password = "wrong";
  EXPECT_FALSE(device.connect());
  EXPECT_EQ(device.lost, mcu::err_refused);
  device.options.password = "right";
  EXPECT_TRUE(device.connect());
}

// Connections cut by a proxy at random places while both sides talk: nothing is lost, and the order is kept. Few
// messages are under way at a time: what the broker sends again in one go must be shorter than a connection's life.
TEST(McuSession, CutConnectionsLoseNothing) {
  const auto seed = testing::seed_or(20261121);
  const std::size_t count = testing::size_for<std::size_t>(80, 2000), under_way_max = 8;
  PlainBroker broker;
  ASSERT_TRUE(broker.start());
  Proxy proxy(broker.port(), seed);
  proxy.plan([](std::mt19937_64& random) {
    return LinkPlan{.fault = random() % 2 == 0 ? LinkFault::cut : LinkFault::reset,
                    .after_bytes = 500 + random() % 15000};
  });
  MqttDevice device(proxy.port(), 512);
  Peer peer(broker.port(), "up");
  Texts up, down, heard;
  std::size_t looked = 0;
  // The order of first arrivals.
  const auto add_new = [](Texts& all, const std::string& one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  const auto turn = [&] {
    if (device.session().idle()) static_cast<void>(device.session().connect(device.options, MqttDevice::now_ms()));
    device.turn();
    for (; looked < device.messages.size(); ++looked) add_new(heard, device.messages[looked].payload);
    if (!device.session().can_publish()) return;
    if (!device.granted) {
      static_cast<void>(device.session().subscribe("down"));
    } else if (up.size() < count) {
      up.push_back("up " + std::to_string(up.size()) + std::string(300, '.'));
      ASSERT_EQ(device.session().publish("up", ByteView(std::string_view(up.back())), false), mcu::ok);
    }
    if (device.granted && down.size() < count && down.size() - heard.size() < under_way_max) {
      down.push_back("down " + std::to_string(down.size()) + std::string(down.size() % 40 * 40, '.'));
      peer.publish("down", down.back());
    }
  };
  ASSERT_TRUE(eventually(
      60s,
      [&] {
        turn();
        return device.acknowledged == count && heard.size() == count;
      },
      1ms))
      << "MUSTER_SEED=" << seed << ": " << proxy.numbers().text() << "; up " << up.size() << ", acknowledged "
      << device.acknowledged << ", down " << down.size() << ", heard " << heard.size();
  EXPECT_EQ(heard, down);
  const auto arrived = [&] {
    Texts all;
    for (const auto& one : peer.payloads()) add_new(all, one);
    return all;
  };
  EXPECT_EVENTUALLY(10s, arrived() == up);
  EXPECT_GT(proxy.numbers().faults(), 3u) << proxy.numbers().text();
}

}  // namespace
}  // namespace muster::e2e
