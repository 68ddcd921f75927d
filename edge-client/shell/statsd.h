// StatsD lines from the workload: `name:value|g`, `|c` (with `|@rate`), `|ms` (also `|h`, `|d`), several a datagram,
// `#tags` read over; and one set, whose values are texts: `delegate_active:npu|s`. The parser takes any bytes; the
// socket is on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "edge-client/shell/event_loop.h"
#include "host/error.h"

namespace muster::edge {

enum class StatKind : std::uint8_t { gauge, gauge_change, counter, timer, text };

// What runs the model. The only name that is a text, and always one: a health summary has a place for no other.
inline constexpr std::string_view delegate_name = "delegate_active";

struct Stat {
  std::string_view name;  // an id (schemas/ids.h)
  StatKind kind = StatKind::gauge;
  double value = 0;       // finite; a counter's is already divided by its rate
  std::string_view text;  // of kind text: 1 to attribute_len_max bytes that is_text (schemas/text.h) lets through
};

// Calls `take` for each good line, in order; returns how many lines were not good.
std::size_t parse_statsd(std::string_view datagram, const std::function<void(const Stat&)>& take);

class StatsdSocket {
 public:
  static constexpr std::size_t datagram_len_max = 8192;  // longer ones are cut by the kernel
  static constexpr int datagrams_per_turn_max = 64;      // then others get their turn on the loop

  StatsdSocket(EventLoop& loop, std::function<void(std::string_view datagram)> take)
      : loop_(loop), take_(std::move(take)) {}
  ~StatsdSocket();
  StatsdSocket(const StatsdSocket&) = delete;
  StatsdSocket& operator=(const StatsdSocket&) = delete;

  // Binds `path` (mode 0660: the workload's user belongs to the agent's group). Replaces a socket nobody listens on.
  [[nodiscard]] tl::expected<void, Error> open(const std::string& path);

 private:
  void read();

  EventLoop& loop_;
  std::function<void(std::string_view)> take_;
  std::string path_;
  int fd_ = -1;
};

}  // namespace muster::edge
