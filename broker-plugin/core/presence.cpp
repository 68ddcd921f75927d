#include "broker-plugin/core/presence.h"

#include <utility>

namespace muster::broker {

Presence::Change Presence::active(const void* client, std::string_view device) {
  Change change;
  const auto known = clients_.find(client);
  if (known != clients_.end()) {
    if (known->second == device) return change;
    change.lost = gone(client);
  }
  clients_.emplace(client, device);
  change.seen = ++counts_[std::string(device)] == 1;
  return change;
}

std::optional<std::string> Presence::gone(const void* client) {
  const auto known = clients_.find(client);
  if (known == clients_.end()) return std::nullopt;
  std::string device = std::move(known->second);
  clients_.erase(known);
  const auto count = counts_.find(device);
  if (--count->second > 0) return std::nullopt;
  counts_.erase(count);
  return device;
}

}  // namespace muster::broker
