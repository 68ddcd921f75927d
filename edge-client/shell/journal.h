// The journal: one file with the agent's durable state, replaced by rename at every change, so that a power cut leaves
// the old or the new one whole. Anything else that is found (cut short, a flipped bit, another format) is damage, which
// the agent refuses to run on: guessing here could undo the protection against replay. One user at a time.
//
// Bytes: "MUSTERJ1", sequence number (8, little-endian), payload length (4), payload, SHA-256 of everything before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "edge-client/agent/durable_state.h"
#include "host/error.h"

namespace muster::edge {

class Journal {
 public:
  static constexpr std::size_t len_max = 1024 * 1024;

  explicit Journal(std::string path) : path_(std::move(path)) {}

  // Nothing when there is no file. Damage is ErrorKind::invalid, with what is wrong and how to recover.
  [[nodiscard]] tl::expected<std::optional<DurableState>, Error> load();
  // Durable when it returns.
  [[nodiscard]] tl::expected<void, Error> save(ByteView state);

 private:
  std::string path_;
  std::uint64_t sequence_ = 0;
};

}  // namespace muster::edge
