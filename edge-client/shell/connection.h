// The agent's connection to the broker: comes back by itself, with full jitter between attempts (a fleet that lost its
// broker must not return in step). Connecting blocks, so a thread of its own does that; all methods and handlers belong
// to the loop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "edge-client/shell/event_loop.h"
#include "host/mqtt_client.h"

namespace muster::edge {

// Delays between attempts: uniform in [0, min(max, first × 2^n)], after AWS' "Exponential Backoff And Jitter". Same
// seed, same delays.
class Backoff {
 public:
  Backoff(std::uint64_t first_ms, std::uint64_t max_ms, std::uint64_t seed)
      : first_ms_(first_ms), max_ms_(max_ms), state_(seed) {}

  [[nodiscard]] std::uint64_t next_ms();
  void reset() { attempts_ = 0; }

 private:
  std::uint64_t first_ms_, max_ms_, state_;
  std::uint32_t attempts_ = 0;
};

// The same for the same device and boot; spread out over a fleet.
[[nodiscard]] std::uint64_t backoff_seed(const std::string& device_id, std::uint64_t boot_id);

struct ConnectionSettings {
  host::MqttOptions mqtt;
  std::string link_topic;            // '1' while connected, '0' after; the will is set from it
  std::vector<std::string> filters;  // subscribed after each connect
  std::uint64_t backoff_first_ms = 1000, backoff_max_ms = 300000;
  std::uint64_t seed = 0;
};

class Connection {
 public:
  static constexpr std::uint32_t inbound_max =
      256;  // messages that wait for the loop; more are dropped (retained ones come again)
  static constexpr std::uint64_t stop_ms_max = 2500;
  static constexpr std::uint64_t steady_ms =
      10000;  // connected for so long: the next attempt starts from `first` again

  struct Handlers {
    std::function<void()> up;  // subscribed
    // Was up; or an attempt failed (`why` says what). The next attempt follows after `next_ms`.
    std::function<void(const std::string& why, std::uint64_t next_ms)> down;
    std::function<void(host::MqttMessage&&)> message;
  };

  Connection(EventLoop& loop, ConnectionSettings settings, Handlers handlers);
  // Ends as stop() does.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  // Publishes link '0', disconnects in order (no will) and ends the thread. No handler is called afterwards. False when
  // the thread is still in an attempt to connect after `stop_ms_max`: then only the end of the process ends it.
  bool stop();

  [[nodiscard]] bool up() const { return up_; }
  // False when not connected or too much is under way. `on_ack` (may be empty) is called on the loop, as MqttClient
  // says.
  bool publish(const std::string& topic, ByteView payload, int qos, bool retain,
               host::MqttClient::AckHandler on_ack = {});
  [[nodiscard]] std::uint64_t take_dropped() { return dropped_.exchange(0); }

 private:
  void serve();
  // One connection from beginning to end; says why it ended or did not begin.
  std::string live_once(bool& was_steady);
  void receive(host::MqttMessage&& message);
  // Runs on the loop unless the connection object has ended.
  void tell(std::function<void()> task);

  EventLoop& loop_;
  ConnectionSettings settings_;
  Handlers handlers_;
  Backoff backoff_;
  bool up_ = false;  // as the loop knows it
  std::shared_ptr<bool> lives_ = std::make_shared<bool>(true);
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint64_t> dropped_{0};
  // Held while the client is called. Never taken in its handlers: it may call those while another of its calls waits
  // for it.
  std::mutex client_mutex_;
  std::unique_ptr<host::MqttClient> client_;
  std::mutex mutex_;  // guards what follows; never held while the client is called
  std::condition_variable changed_;
  bool ending_ = false;
  bool ended_ = false;
  bool lost_ = false;
  std::string lost_why_;
  std::thread thread_;
};

}  // namespace muster::edge
