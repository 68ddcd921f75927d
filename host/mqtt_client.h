// One MQTT 5 connection over Paho C++, as the agent, musterctl and the tests use it. The only file of ours that includes Paho
// is mqtt_client.cpp. Reconnecting is the caller's business: its backoff, its jitter.
//
// Threads: the methods may be called from any one thread at a time; handlers run on Paho's threads and must not call back
// into the client, only hand over (a queue and a wake-up). No handler runs after the destructor or close() has returned.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::host {

struct MqttOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8883;
  std::string client_id;
  bool tls = true;
  std::string ca, cert, key;             // PEM files; required with tls, except cert and key when a password is used
  std::string username, password;        // optional
  std::uint32_t keepalive_s = 60;
  bool clean_start = true;
  std::uint32_t session_expiry_s = 0;    // how long the broker keeps the session after a disconnect
  std::uint32_t connect_timeout_s = 10;
  std::size_t queue_max = 256;           // publishes without an acknowledgement; more are refused
  std::string will_topic;                // empty: no will
  Bytes will_payload;
  bool will_retain = true;
};

struct MqttMessage {
  std::string topic;
  Bytes payload;
  bool retained = false;
};

class MqttClient {
 public:
  using MessageHandler = std::function<void(MqttMessage&&)>;
  using LostHandler = std::function<void(const std::string& why)>;
  // `reason_code` as MQTT 5 gives it, 0 for success; -1 when the connection ended first.
  using AckHandler = std::function<void(int reason_code)>;

  MqttClient(MqttOptions options, MessageHandler on_message, LostHandler on_lost);
  ~MqttClient();
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  // Blocks until connected or failed. True when the broker had kept the session. Errors say in words what is wrong: name not
  // found, refused, certificate not trusted, not authorised.
  [[nodiscard]] tl::expected<bool, Error> connect();
  // Blocks until granted; an error names the first filter that the broker refused.
  [[nodiscard]] tl::expected<void, Error> subscribe(const std::vector<std::string>& filters, int qos);
  // Hands the message to Paho and returns; `on_ack` (may be empty) follows for QoS 1, and at once for QoS 0.
  [[nodiscard]] tl::expected<void, Error> publish(const std::string& topic, ByteView payload, int qos, bool retain, AckHandler on_ack = {});
  // Publishes and waits for the acknowledgement; a reason code ≥ 0x80 is an error.
  [[nodiscard]] tl::expected<void, Error> publish_and_wait(const std::string& topic, ByteView payload, int qos, bool retain, std::uint32_t timeout_ms = 5000);
  [[nodiscard]] bool connected() const;
  // Orderly DISCONNECT (no will is sent); blocks for at most a second.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::host
