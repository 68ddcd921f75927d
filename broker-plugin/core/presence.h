// Which devices are connected. Mosquitto 2.0 has no connect event, and with certificates as identities no
// authentication event either: a device counts as seen when its client first subscribes or publishes under muster/. A
// session that is taken over ends after the new one began, so clients are told apart by their address in the broker's
// memory, which here is only compared, never followed. Broker thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker-plugin/core/text_hash.h"

namespace muster::broker {

class Presence {
 public:
  struct Change {
    bool seen = false;                // this is the device's first connection
    std::optional<std::string> lost;  // the address belonged to this device before, and it has no other connection
  };

  // Something came from `client`, which has authenticated as `device`.
  Change active(const void* client, std::string_view device);

  // Whether active() would change nothing: this client is known to be this device's.
  [[nodiscard]] bool is_connected(const void* client, std::string_view device) const {
    const auto known = clients_.find(client);
    return known != clients_.end() && known->second == device;
  }

  // The connection of `client` has ended; the device when that was its last one. Mosquitto may say it twice.
  std::optional<std::string> gone(const void* client);

  [[nodiscard]] bool connected(std::string_view device) const { return counts_.contains(device); }
  [[nodiscard]] std::size_t devices() const { return counts_.size(); }

 private:
  std::unordered_map<const void*, std::string> clients_;
  TextMap<unsigned> counts_;  // connections of each device, never 0
};

}  // namespace muster::broker
