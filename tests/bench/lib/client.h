// One MQTT client for measuring: connects, subscribes, publishes, waits for messages; blocking, without threads of its
// own, so that nothing but the broker stands between two clock readings. What cannot be measured through ends the
// program (break_off). One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "schemas/bytes.h"
#include "tests/bench/lib/clock.h"
#include "tests/bench/lib/mqtt.h"

namespace muster::bench {

// A TCP connection to 127.0.0.1 without delays by Nagle; breaks off when nobody listens.
[[nodiscard]] int connect_tcp(std::uint16_t port);
// Writes all of it, waiting where the socket is full.
void write_all(int handle, std::string_view bytes);

class Client {
 public:
  Client(std::uint16_t port, const std::string& client_id, const std::string& user);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void subscribe(std::string_view filter, std::uint8_t qos);
  // QoS 1; does not wait for the acknowledgement.
  void publish(std::string_view topic, ByteView payload, bool retain);
  // Until the broker has acknowledged everything; messages that arrive meanwhile go to nobody.
  void settle();

  // Calls `message` with what arrives, acknowledging QoS 1, until it returns false (then true is returned) or until
  // `patience` has passed since the last one (false).
  using OnMessage = std::function<bool(const mqtt::Publish&)>;
  [[nodiscard]] bool receive(std::chrono::milliseconds patience, const OnMessage& message);

  // A command of the control API (docs/control-api.md): `command_json` without correlation data; the response's text.
  // REQUIRES: subscribe() to the response topic before.
  [[nodiscard]] std::string control(const std::string& command_json);

 private:
  // Waits for bytes and takes them; false after `patience`.
  bool fill(std::chrono::milliseconds patience);
  void expect(mqtt::Type type);
  void acknowledge(const mqtt::Publish& publish);

  int handle_;
  std::string name_;
  mqtt::Reader reader_;
  std::string acks_;  // gathered, written before waiting
  std::uint16_t next_id_ = 0;
  std::uint64_t unacknowledged_ = 0;
};

}  // namespace muster::bench
