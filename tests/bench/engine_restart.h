// What the engine's benches know of a restart: what a broker would have stored of an engine, and the way back from it,
// by the plugin's own code. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker-plugin/core/startup.h"
#include "rules/engine/effect.h"
#include "tests/e2e/harness/folder.h"

namespace muster::bench {

using Records = std::unordered_map<std::string, std::string>;
// What `effects` store and remove; the records' values are moved out of them.
void keep(std::vector<rules::Effect>& effects, Records& records);

// A store as a broker leaves it when it ends, with these records.
class Restart {
 public:
  Restart(std::size_t devices, const Records& records);
  // From the opening to an engine that takes events. Breaks off unless it knows `devices` devices.
  [[nodiscard]] double seconds() const;

 private:
  std::size_t devices_;
  broker::TrustSetup trust_;
  e2e::Folder folder_;
};

}  // namespace muster::bench
