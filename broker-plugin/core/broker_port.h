// What the plugin asks of the broker: publish a message, write a log line. abi/ implements it over mosquitto's calls;
// tests put a recorder in its place. Broker thread only, as mosquitto's own functions.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "host/log.h"
#include "schemas/bytes.h"

namespace muster::broker {

// Bytes with whatever owns them, so that a message goes from the thread that built it to the broker without copies.
class Payload {
 public:
  Payload() = default;

  // `owner` is moved to the heap; `bytes_of(owner)` gives its view there.
  template <typename Owner, typename BytesOf>
  [[nodiscard]] static Payload owning(Owner owner, BytesOf bytes_of) {
    auto kept = std::make_shared<const Owner>(std::move(owner));
    Payload payload;
    payload.bytes_ = bytes_of(*kept);
    payload.owner_ = std::move(kept);
    return payload;
  }
  [[nodiscard]] static Payload of(Bytes bytes) {
    return owning(std::move(bytes), [](const Bytes& kept) { return ByteView(kept); });
  }
  [[nodiscard]] static Payload of(std::string text) {
    return owning(std::move(text), [](const std::string& kept) { return ByteView(kept); });
  }

  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  std::shared_ptr<const void> owner_;
  ByteView bytes_;
};

// One message to send.
struct Publication {
  std::string client;  // empty: to all subscribers; otherwise to this client id only, subscribed or not
  std::string topic;
  Payload payload;
  int qos = 1;
  bool retain = false;  // means nothing for a single client
};

class BrokerPort {
 public:
  virtual ~BrokerPort() = default;
  // Queues the message in the broker, which sends it in its next loop iteration. Failures are logged by the
  // implementation.
  virtual void publish(const Publication& publication) = 0;
  virtual void log(host::LogLevel level, const std::string& line) = 0;
};

}  // namespace muster::broker
