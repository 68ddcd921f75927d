// A raw MQTT client of the broker, for what no well-behaved program would send, and for reading topics without
// musterctl. Handlers run on Paho's threads; everything else belongs to the test's thread. Tests only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "host/mqtt_client.h"

namespace muster::e2e {

class Session {
 public:
  // `stem` names the certificate; `client_id` is empty for one that is the same as no other.
  Session(std::uint16_t port, const std::string& ca, const std::string& stem, std::string client_id = {});
  ~Session();

  // A failed connection is a failed test; for sessions that should be refused see connect_refused().
  void connect();
  [[nodiscard]] std::string connect_refused();              // the error's words; empty when the connection was accepted
  [[nodiscard]] bool subscribe(const std::string& filter);  // false: refused
  // Publishes with QoS 1 and gives the reason code of the acknowledgement: 0x87 (135) is "not authorised". -1: lost.
  [[nodiscard]] int publish(const std::string& topic, ByteView payload, bool retain = false);
  void publish_qos0(const std::string& topic, ByteView payload);

  // The newest message on exactly this topic, waiting until there is one that `good` accepts.
  [[nodiscard]] std::optional<host::MqttMessage> wait_for(
      const std::string& topic, std::chrono::milliseconds patience,
      const std::function<bool(const host::MqttMessage&)>& good = {});
  [[nodiscard]] std::vector<host::MqttMessage> received(const std::string& topic_prefix) const;
  [[nodiscard]] std::size_t received_count(const std::string& topic_prefix) const {
    return received(topic_prefix).size();
  }
  void forget();
  [[nodiscard]] bool connected() const { return client_->connected(); }
  void close() { client_->close(); }

  // One command of the control API (docs/control-api.md): its whole response object, with `data` or `error`. An empty
  // object when none came within 10 s.
  [[nodiscard]] nlohmann::json control(const std::string& command, const nlohmann::json& fields);
  [[nodiscard]] nlohmann::json control(const std::string& command);
  // A request as it stands, well-formed or not; the text of the reply, empty when none came.
  [[nodiscard]] std::string control_raw(const std::string& request);

 private:
  void keep(host::MqttMessage&& message);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<host::MqttMessage> messages_;
  std::uint64_t correlation_ = 0;
  std::unique_ptr<host::MqttClient> client_;
};

}  // namespace muster::e2e
