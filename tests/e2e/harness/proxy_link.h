// One connection through the Proxy, with the one fault that is planned for it. Belongs to the proxy's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace muster::e2e {

enum class LinkFault : std::uint8_t {
  none,
  delay,            // every byte arrives later, in order
  throttle,         // so many bytes a second and direction
  stall,            // bytes are taken and nothing is delivered for a while; then all of it, in order
  cut,              // both ends closed in order (FIN), in the middle of what was under way
  reset,            // the same with RST
  half_close_up,    // the broker sees the end of what the device sends; the other direction goes on
  half_close_down,  // the device sees the end of what the broker sends; the other direction goes on
  black_hole,       // nothing arrives any more, in both directions, and nobody is told
};
[[nodiscard]] const char* name_of(LinkFault fault);

struct LinkPlan {
  LinkFault fault = LinkFault::none;
  std::uint64_t after_bytes = 0;       // carried, both directions together, until the fault begins
  std::chrono::milliseconds lasts{0};  // of a stall
  std::chrono::milliseconds delay{0};  // at least so long, and less than twice as long
  std::uint64_t bytes_per_s = 0;       // of a throttle
};

class ProxyLink {
 public:
  using Clock = std::chrono::steady_clock;
  // What is taken from one end and waits for the other; more stays in the sender's socket.
  static constexpr std::size_t held_max = 256 * 1024;

  // Takes over both sockets, which do not block.
  ProxyLink(int device, int broker, const LinkPlan& plan, std::uint64_t seed);
  ~ProxyLink();
  ProxyLink(const ProxyLink&) = delete;
  ProxyLink& operator=(const ProxyLink&) = delete;

  enum Side : std::size_t { device_side = 0, broker_side = 1 };
  [[nodiscard]] int socket(Side side) const { return sockets_[side]; }
  // What to poll a socket for.
  [[nodiscard]] short events(Side side, Clock::time_point now) const;
  // True when time alone lets something go on, so that the next turn must not be far away.
  [[nodiscard]] bool waits_for_time() const;
  // Carries what can be carried now.
  void turn(Clock::time_point now);
  // A fault from now on, whatever was planned.
  void strike(const LinkPlan& plan, Clock::time_point now);
  // Ends what the fault does to a connection that can still be saved; ends the connection otherwise.
  void heal(Clock::time_point now);

  [[nodiscard]] bool over() const { return sockets_[device_side] < 0 && sockets_[broker_side] < 0; }
  [[nodiscard]] bool struck() const { return struck_; }
  // Since the last call.
  [[nodiscard]] std::uint64_t take_carried(Side to);

 private:
  struct Piece {
    Clock::time_point due;
    std::string bytes;
    std::size_t done = 0;
  };
  // From one side to the other.
  struct Pipe {
    std::deque<Piece> pieces;
    std::size_t held = 0;
    bool ended = false;           // the sender will send no more
    bool end_told = false;        // and the receiver knows
    bool dropping = false;        // what comes is taken and thrown away
    std::uint64_t allowance = 0;  // bytes that a throttle lets through now
    std::uint64_t carried = 0;
  };
  static Side other(Side side) { return side == device_side ? broker_side : device_side; }

  void take(Side from, Clock::time_point now);
  void keep(Side from, std::string bytes, Clock::time_point now);
  void deliver(Side from, Clock::time_point now);
  void begin_fault(Clock::time_point now);
  void refill(Clock::time_point now);
  void close_both(bool by_reset);
  void close_one(Side side);
  [[nodiscard]] bool may_deliver(const Pipe& pipe, Clock::time_point now) const;

  std::array<int, 2> sockets_;
  std::array<Pipe, 2> pipes_;  // by the side they come from
  LinkPlan plan_;
  std::mt19937_64 random_;
  bool struck_ = false;
  std::uint64_t taken_ = 0;
  Clock::time_point stalled_until_{};
  Clock::time_point refilled_{};
};

}  // namespace muster::e2e
