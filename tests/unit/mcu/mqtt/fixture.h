// A session over a scripted stream of bytes, and a handler that writes down what it heard. Tests only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mcu-client/src/mqtt/session.h"
#include "tests/unit/mcu/mqtt/twin.h"

namespace muster::mcu::test {

// What stands where a network would: bytes that the test puts there, taken and given in the pieces that it says.
class ScriptedStream {
 public:
  static constexpr std::size_t all = ~std::size_t{0};

  // To the client: after each stretch recv gives 0 once.
  void give(std::string bytes) {
    if (!bytes.empty()) to_client.push_back(std::move(bytes));
  }
  void give_split(const std::string& bytes, std::size_t at) {
    give(bytes.substr(0, at));
    give(bytes.substr(at));
  }
  [[nodiscard]] Port port() {
    Port port;
    port.context = this;
    port.open = [](void* self) { return of(self).open(); };
    port.send = [](void* self, const std::uint8_t* bytes, std::size_t size) { return of(self).send(bytes, size); };
    port.recv = [](void* self, std::uint8_t* to, std::size_t size) { return of(self).recv(to, size); };
    port.close = [](void* self) { of(self).close(); };
    return port;
  }

  std::deque<std::string> to_client;
  std::string from_client;
  bool ends = false;  // recv fails when everything has been given
  bool send_fails = false;
  std::size_t room = all;  // bytes that send still takes
  std::size_t step = all;  // bytes that one call of send takes; the next one takes nothing
  int open_result = 0;
  int opens = 0, closes = 0;

 private:
  static ScriptedStream& of(void* self) { return *static_cast<ScriptedStream*>(self); }
  int open() {
    ++opens;
    return open_result;
  }
  int send(const std::uint8_t* bytes, std::size_t size) {
    EXPECT_GT(size, 0u);
    if (send_fails) return err_io;
    if (rested_ && step != all) {
      rested_ = false;
      return 0;
    }
    rested_ = true;
    const auto taken = std::min({size, room, step});
    from_client.append(reinterpret_cast<const char*>(bytes), taken);
    if (room != all) room -= taken;
    return static_cast<int>(taken);
  }
  int recv(std::uint8_t* to, std::size_t size) {
    EXPECT_GT(size, 0u);
    if (gap_) {
      gap_ = false;
      return 0;
    }
    if (to_client.empty()) return ends ? err_io : 0;
    auto& front = to_client.front();
    const auto given = std::min(size, front.size());
    std::copy_n(front.begin(), given, to);
    front.erase(0, given);
    if (front.empty()) {
      to_client.pop_front();
      gap_ = true;
    }
    return static_cast<int>(given);
  }
  void close() {
    ++closes;
    to_client.clear();
    gap_ = rested_ = false;
  }
  bool gap_ = false, rested_ = false;
};

struct Recorder : MqttHandler {
  virtual ~Recorder() = default;
  std::vector<std::string> heard;
  std::function<void(const std::string&)> then = [](const std::string&) {
  };  // called with each, after it was written down
  bool takes = true;
  bool all_aligned = true;

  void note(std::string what) {
    heard.push_back(what);
    then(what);
  }
  void on_connected(bool session_present) override { note(session_present ? "connected again" : "connected"); }
  void on_lost(int why) override { note("lost " + std::to_string(why)); }
  bool on_message(std::string_view topic, ByteView payload) override {
    all_aligned = all_aligned && payload.aligned();
    note("message " + std::string(topic) + "=" + std::string(payload.text()));
    return takes;
  }
  bool on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) override {
    all_aligned = all_aligned && piece.aligned();
    note("piece " + std::string(topic) + " " + std::to_string(offset) + "/" + std::to_string(total) + "=" +
         std::string(piece.text()));
    return takes;
  }
  void on_acknowledged() override { note("acknowledged"); }
  void on_subscribed(bool granted) override { note(granted ? "granted" : "denied"); }
  [[nodiscard]] std::vector<std::string> take_heard() { return std::exchange(heard, {}); }
};

using Heard = std::vector<std::string>;
inline std::string lost(int why) {
  return "lost " + std::to_string(why);
}

class World {
 public:
  explicit World(std::size_t in_size = 64, std::size_t out_size = 256)
      : in((in_size + 7) / 8),
        out((out_size + 7) / 8),
        port(stream.port()),
        session(port,
                {reinterpret_cast<std::uint8_t*>(in.data()), in_size, reinterpret_cast<std::uint8_t*>(out.data()),
                 out_size},
                recorder) {}

  static MqttConnect options(bool clean = false) {
    MqttConnect connect;
    connect.client_id = "mcu-1";
    connect.keepalive_s = 60;
    connect.clean_session = clean;
    connect.answer_timeout_ms = 10000;
    return connect;
  }
  void connect_up(bool session_present = false) {
    ASSERT_EQ(session.connect(options(), now), ok);
    stream.give(twin::connack(session_present));
    turns(4);
    ASSERT_TRUE(session.connected());
  }
  int turn() { return session.poll(now); }
  void turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) turn();
  }
  // Polls until nothing moves any more.
  void settle() {
    for (;;) {
      const auto sent = stream.from_client.size(), heard = recorder.heard.size(), waiting = stream.to_client.size();
      const auto front = stream.to_client.empty() ? 0 : stream.to_client.front().size();
      turns(3);
      if (sent == stream.from_client.size() && heard == recorder.heard.size() && waiting == stream.to_client.size() &&
          front == (stream.to_client.empty() ? 0 : stream.to_client.front().size()))
        return;
    }
  }
  std::vector<twin::Packet> take_sent() { return twin::take_all(stream.from_client); }

  std::uint64_t now = 5000;
  std::vector<std::uint64_t> in, out;
  ScriptedStream stream;
  Recorder recorder;
  Port port;
  MqttSession session;
};

inline ByteView bytes_of(const std::string& text) {
  return ByteView(std::string_view(text));
}

}  // namespace muster::mcu::test
