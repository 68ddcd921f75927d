// Health summaries on their way to the broker. While it is away they wait in spool/, one file each, which survives a
// restart; when the spool is full the oldest go first, and are counted. A file is the summary and its SHA-256: one that
// does not match is dropped and counted, never sent. On the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::edge {

class HealthOutbox {
 public:
  static constexpr std::size_t spool_max = 2048;  // files; with one summary a minute, a day and a half
  static constexpr std::size_t in_flight_max = 16;
  // Publishes; `acked(accepted)` follows on the loop. `accepted` is false when the broker said no: then it is not kept.
  // Nothing follows when the connection ends first. False: not possible now.
  using Send = std::function<bool(const Bytes& summary, std::function<void(bool accepted)> acked)>;

  HealthOutbox(std::string folder, Send send, std::size_t files_max = spool_max)
      : folder_(std::move(folder)), send_(std::move(send)), files_max_(files_max) {}

  // Finds what is waiting from before.
  [[nodiscard]] tl::expected<void, Error> open();
  // REQUIRES: (boot_id, seq) grows.
  void put(const Bytes& summary, std::uint64_t boot_id, std::uint64_t seq);
  void set_online(bool online);
  // Puts what has no acknowledgement yet into the spool, before the end of the program.
  void keep_all();

  [[nodiscard]] std::size_t waiting() const { return spool_.size(); }
  // How many were dropped since the last call.
  [[nodiscard]] std::uint64_t take_dropped();

 private:
  struct InFlight {
    Bytes summary;  // empty: its file is still in the spool
  };
  void store(const std::string& name, const Bytes& summary);
  void remove(const std::string& name);
  void pump();
  [[nodiscard]] bool send(const std::string& name, const Bytes& summary);

  std::string folder_;
  Send send_;
  std::size_t files_max_;
  bool online_ = false;
  std::uint64_t connection_ = 0;  // tells late acknowledgements of another connection apart
  std::set<std::string> spool_;   // file names; their order is that of time
  std::map<std::string, InFlight> in_flight_;
  std::uint64_t dropped_ = 0;
};

}  // namespace muster::edge
