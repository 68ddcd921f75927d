// Sends metrics as StatsD lines to a Unix datagram socket, which may be missing, full or new at any moment: the metric
// is then lost and the workload goes on. One thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::reader {

class StatsdSender {
 public:
  // `path` of the agent's socket, at most 107 bytes, as Unix sockets allow; it need not exist yet.
  [[nodiscard]] static tl::expected<StatsdSender, Error> open(const std::string& path);
  StatsdSender(StatsdSender&& other) noexcept;
  StatsdSender& operator=(StatsdSender&& other) noexcept;
  ~StatsdSender();

  // Metrics gather in one datagram until send(). Names are plain words; values are written with at most 3 decimals.
  void gauge(std::string_view name, double value);
  void count(std::string_view name, unsigned long long value);
  void timing_ms(std::string_view name, double value);
  // A set of StatsD. REQUIRES: `value` holds neither '|' nor a newline.
  void text(std::string_view name, const char* value);

  // Sends what has gathered without waiting; false when the agent did not take it.
  bool send();

 private:
  StatsdSender(int socket, std::string path) : socket_(socket), path_(std::move(path)) {}
  void add(std::string_view name, const char* value, std::string_view kind);

  int socket_ = -1;
  std::string path_;
  std::string lines_;
};

}  // namespace muster::reader
