// The plugin without Mosquitto's C interface: owns all parts, starts and stops them in order, and takes what the broker
// calls back with. abi/plugin.cpp puts it behind the three exported functions; tests drive it directly. Broker thread
// only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "broker-plugin/access.h"
#include "broker-plugin/core/broker_port.h"
#include "broker-plugin/core/inbox.h"
#include "host/error.h"

namespace muster::broker {

class Plugin {
 public:
  // Reads the configuration, checks and restores everything durable, publishes what is retained, starts the threads.
  // The error is one sentence for the log; nothing runs then. `wake` makes the broker's loop run soon, from any thread.
  // `config_path` is kept for reload().
  [[nodiscard]] static tl::expected<std::unique_ptr<Plugin>, Error> start(const std::string& config_path,
                                                                          BrokerPort& port, std::function<void()> wake);
  // Makes durable what is queued, then ends the threads.
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  // True when the broker may deliver the message.
  [[nodiscard]] bool message(const Inbound& inbound);

  // `payload` is what a write carries, empty otherwise. An allowed subscription shows that its client is connected.
  [[nodiscard]] Verdict acl(const void* client, std::string_view user, Access access, std::string_view topic,
                            ByteView payload);

  void control(const std::string& client_id, const std::string& user, ByteView payload);
  void disconnected(const void* client);
  void tick();
  void reload();

  // After a bug was caught at the edge: no event is taken any more.
  void stop_acting(const std::string& why);

 private:
  struct Parts;
  explicit Plugin(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster::broker
