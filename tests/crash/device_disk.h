// What must hold of an agent's data folder, looked at from outside with the agent's own readers. Tests only; one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "edge-client/agent/durable_state.h"

namespace muster::crash {

struct DeviceDisk {
  bool journal_readable = false;
  std::string journal_error;
  std::optional<edge::DurableState> journal;  // nothing when there is no file
  std::string active, previous;               // manifest digests in hex; empty: no link
  // What is wrong whenever one looks, also in the middle of an update: empty when nothing is.
  std::string broken;
  // What is left behind that must be gone once the device is at rest: half slots and temporary files.
  std::string litter;
  // Downloads that nobody wants any more. After a power cut a name that was removed may be back; the next update drops
  // it.
  std::string downloads;

  [[nodiscard]] bool settled_at(std::uint64_t epoch, edge::AttemptPhase phase, const std::string& digest) const;
};

// Reads the journal, both links of the model plane, and every slot with all its files.
[[nodiscard]] DeviceDisk look_at(const std::string& data_dir);

}  // namespace muster::crash
