// What one step has decided so far, collected so that it can leave in the order that effect.h asks for: records first,
// then audit entries, then what acts on them. Owned by the engine's core.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/device.h"
#include "rules/engine/effect.h"

namespace muster::rules {

struct Turn {
  std::uint64_t now_s = 0;
  std::vector<DeviceIndex> persist;    // each once: Device::persist
  std::vector<DeviceIndex> assign;     // each once: Device::assign
  std::vector<std::string> forgotten;  // keys to delete
  std::set<std::string> scopes;        // whose orders changed
  std::set<std::string> overrides;     // devices whose overrides changed
  bool engine = false;                 // the engine's own record changed
  std::uint64_t device_clock_s = 0;    // of the report that it is about; 0: none, or it has no clock
  bool of_device = false;              // its event came from one device: there can be a million in a minute
  std::vector<DeviceIndex> freed;      // that a rollout has let go: others may have them
  // How many devices (first) lost to a rollout of higher priority (second), by their numbers.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> superseded;
  std::vector<Audit> audits;
  std::vector<Reply> replies;
  std::vector<Note> notes;

  void audit(std::string_view who, std::string_view what, std::string_view subject, std::string why) {
    audits.push_back({std::string(who), std::string(what), std::string(subject), std::move(why)});
  }
  void note(std::string text) { notes.push_back({std::move(text)}); }
};

}  // namespace muster::rules
