// A TCP proxy on loopback that does to connections what bad networks do. One thread of its own carries the bytes;
// every method may be called from the test's thread. Each connection gets its fault from a planner that draws from the
// proxy's seed, so that a seed makes the same plans in the same order. Tests only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/harness/proxy_link.h"

namespace muster::e2e {

class Proxy {
 public:
  // Called on the proxy's thread for each new connection.
  using Planner = std::function<LinkPlan(std::mt19937_64& random)>;
  struct Numbers {
    std::uint64_t accepted = 0;
    std::uint64_t live = 0;
    std::uint64_t bytes_up = 0, bytes_down = 0;
    std::array<std::uint64_t, 9> struck{};  // by LinkFault
    [[nodiscard]] std::uint64_t faults() const;
    [[nodiscard]] std::string text() const;  // "31 connections; 5 cut, 3 stall"
  };

  // Between a free port and `target`, both on 127.0.0.1.
  Proxy(std::uint16_t target, std::uint64_t seed);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // For connections from now on.
  void plan(Planner planner);
  void plan(const LinkPlan& always);
  // All connections that there are, now.
  void strike(const LinkPlan& plan);
  // No faults from now on; connections that lost bytes are ended, the others go on.
  void heal();
  // While refusing nothing listens on the port: connecting is refused.
  void refuse(bool refusing);
  [[nodiscard]] Numbers numbers();
  // When each connection came, in order.
  [[nodiscard]] std::vector<ProxyLink::Clock::time_point> accepted_at();

 private:
  void serve();
  void turn();
  void accept_all();
  void listen_now();

  std::uint16_t target_, port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::mutex mutex_;  // guards everything below, and is not held while the thread waits in poll
  struct Entry {
    Entry(int device, int broker, const LinkPlan& plan, std::uint64_t seed)
        : link(device, broker, plan, seed), fault(plan.fault) {}
    ProxyLink link;
    LinkFault fault;
    bool counted = false;  // in numbers_.struck
  };
  std::list<Entry> links_;
  Planner planner_;
  std::mt19937_64 random_;
  Numbers numbers_;
  std::vector<ProxyLink::Clock::time_point> accepted_at_;
  bool refusing_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster::e2e
