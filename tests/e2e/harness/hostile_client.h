// A client that sends as fast as the broker takes it: publications of QoS 1, a window of them under way, and what the
// broker said to each, counted. Owned by one thread; tests only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "host/mqtt_client.h"
#include "tests/e2e/harness/keys.h"

namespace muster::e2e {

class HostileClient {
 public:
  struct Counts {
    std::uint64_t sent = 0, taken = 0, denied = 0;
    std::uint64_t lost = 0;   // no acknowledgement: the connection ended, or it was another reason code
    std::uint64_t heard = 0;  // messages that came
  };
  static constexpr std::uint64_t window = 100;

  // `stem` names the certificate; an empty client id is one that no other client has.
  HostileClient(std::uint16_t port, const Keys& keys, const std::string& stem, const std::string& client_id = {});

  void connect();  // a failure is a failed test
  // Waits while a whole window is under way.
  void send(const std::string& topic, ByteView payload, bool retain = false);
  // Without an acknowledgement: counted as sent and as taken.
  void send_qos0(const std::string& topic, ByteView payload);
  [[nodiscard]] bool subscribe(const std::string& filter) { return client_.subscribe({filter}, 1).has_value(); }
  // True when everything that was sent has been answered.
  [[nodiscard]] bool drained(std::chrono::milliseconds patience);
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] bool connected() const { return client_.connected(); }
  void close() { client_.close(); }

 private:
  // Shared with Paho's handlers, which may come after this object.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    Counts counts;
    std::uint64_t under_way = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  host::MqttClient client_;
};

}  // namespace muster::e2e
