// One session with the broker's control API (docs/control-api.md): requests and their answers over $CONTROL/muster/v1,
// and the retained topics that an operator may read. MQTT 5 over TLS.
//
// Threads: one at a time calls it (musterctl has one). Paho's threads only fill the inbox.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/json_text.h"
#include "schemas/bytes.h"

namespace muster::ctl {

// Where the broker is and who asks, as the options and MUSTER_* variables say.
struct Connection {
  std::string host = "localhost";
  std::uint16_t port = 8883;
  std::string ca, cert, key;       // PEM files
  std::string username, password;  // instead of cert and key
  std::uint32_t timeout_s = 10;    // for the connection, and for each answer
};

struct Request {
  std::string command;
  JsonFields fields;
  std::uint32_t patience_s = 0;  // how much longer than the connection's timeout its answer may take
};

struct Message {
  std::string topic;
  Bytes payload;
};

class ControlClient {
 public:
  explicit ControlClient(Connection connection);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // Checks that the files named exist, then connects. Call it again after a lost connection: subscriptions are renewed.
  [[nodiscard]] tl::expected<void, Error> connect();

  // Sends a command and waits for its answer: the `data` as JSON text, or an error with the broker's own words and
  // kind. Lines after an error's first are diagnostics ("file:line:column: …").
  [[nodiscard]] tl::expected<std::string, Error> call(const Request& request);

  // The two halves of call(), for several commands under way. send() gives the ticket that wait() takes, in any order.
  // The broker works on commands in the order in which they were sent.
  [[nodiscard]] tl::expected<std::uint64_t, Error> send(const Request& request);
  [[nodiscard]] tl::expected<std::string, Error> wait(std::uint64_t ticket);

  [[nodiscard]] tl::expected<void, Error> subscribe(const std::string& filter);
  // The next message on a subscribed topic; nothing when `deadline` passes first; kind unreachable when the connection
  // is lost.
  [[nodiscard]] tl::expected<std::optional<Message>, Error> next_message(
      std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::ctl
