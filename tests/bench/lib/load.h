// Load on a broker: connections in one epoll loop on one thread, each publishing its messages with QoS 1 and a bounded
// number of them unacknowledged. What is sent is a packet made before; only its packet id and one counter in the
// payload change, so that the generator costs a fraction of what the broker does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "schemas/bytes.h"
#include "tests/bench/lib/mqtt.h"

namespace muster::bench {

// What one client sends again and again.
struct Sender {
  std::string client_id, user, topic;
  Bytes payload;
  // Where in the payload eight bytes, little-endian, hold a number that grows with each message.
  std::size_t counter_place = 0;
};

struct LoadResult {
  std::uint64_t acknowledged = 0;
  double seconds = 0;
  [[nodiscard]] double per_second() const { return static_cast<double>(acknowledged) / seconds; }
};

class Load {
 public:
  // Connects everyone; breaks off when somebody is refused.
  Load(std::uint16_t port, const std::vector<Sender>& senders, std::size_t window);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // As fast as the windows allow, for this long; then waits for the acknowledgements of what is under way, outside of
  // the time counted. REQUIRES: not started.
  [[nodiscard]] LoadResult run(std::chrono::milliseconds time);

  // In the background at a steady rate, until stop() gives what it came to. A message that finds its window full waits.
  void start(double per_second);
  [[nodiscard]] LoadResult stop();

 private:
  struct Connection {
    int handle = -1;
    std::string packet;
    std::size_t id_place = 0, counter_place = 0;
    std::uint16_t next_id = 0;
    std::uint64_t counter = 0;
    std::size_t under_way = 0;
    std::string out;
    std::size_t out_done = 0;
    mqtt::Reader reader;
  };
  void open(Connection& connection, std::uint16_t port, const Sender& sender);
  void add_message(Connection& connection);
  void flush(Connection& connection);
  std::uint64_t take_acks(Connection& connection);
  // Waits for events up to `patience` and takes their acknowledgements, topping windows up when told to.
  std::uint64_t turn(std::chrono::milliseconds patience, bool top_up);
  [[nodiscard]] std::size_t under_way() const;
  void drain();
  void run_paced(double per_second);

  std::vector<Connection> connections_;
  std::size_t window_;
  int events_ = -1;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  LoadResult paced_;
};

}  // namespace muster::bench
