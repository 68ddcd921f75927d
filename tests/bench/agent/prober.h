// Another client of the same broker: publishes a small message every two milliseconds and waits until it comes back,
// while others do what they do. A thread of its own, and Paho's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "host/mqtt_client.h"
#include "tests/e2e/harness/keys.h"

namespace muster::bench {

class Prober {
 public:
  Prober(std::uint16_t port, const e2e::Keys& keys);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Forgets what was measured so far.
  void begin();
  // The round trips since begin(), in ms; breaks off when there are fewer than 20.
  [[nodiscard]] std::vector<double> round_trips_ms();

 private:
  void probe();
  // False when the message did not come back, or the end came first.
  [[nodiscard]] bool exchange(std::uint64_t number);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t returned_ = 0;
  bool ending_ = false;
  std::vector<double> trips_ms_;
  std::unique_ptr<host::MqttClient> client_;
  std::thread thread_;
};

}  // namespace muster::bench
