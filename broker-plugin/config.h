// The plugin's configuration file, as docs/files.md describes it. config.cpp is the only file here that includes
// yaml-cpp. Broker thread (start and SIGHUP).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/core/operators.h"
#include "broker-plugin/readiness/required_policies.h"
#include "host/error.h"
#include "schemas/limits.h"

namespace muster::broker {

struct Limits {
  std::size_t queue_records = 65536;    // what may wait for the writer before reports are refused; 64–16 Mi
  unsigned chunk_window = 16;           // unanswered chunk requests of one device; 1–chunk_window_max
  std::uint64_t chunk_bytes_per_s = 0;  // of one device; 0: no cap
  std::size_t devices = 1000000;        // known devices; reports of more are refused
  std::size_t evidence_mb = 256;        // evidence bundles of all devices together; 0: none are taken

  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Config {
  std::string data_dir, control_key, root_chain;  // absolute, or relative to the working directory
  Operators operators;
  std::uint64_t assignment_valid_for_s = std::uint64_t{365} * 24 * 3600;
  Limits limits;
  std::vector<RequiredPolicy> required_policies;  // in the file's order
  bool release_states_required = false;           // release_states: required — development rolls out nowhere
  std::uint64_t keep_retired_for_s = std::uint64_t{90} * 24 * 3600;  // the files of a retired release
  bool allow_other_topics = false;  // other_topics: allow — topics outside muster/ are allowed instead of deferred
};

// Reads and checks the whole file. The error is one sentence with the place of the first mistake and the number of
// others. Paths in the file are relative to its folder.
[[nodiscard]] tl::expected<Config, Error> load_config(const std::string& path);

// What SIGHUP may change is taken from `next` (operators, limits, required policies, what concerns release states);
// gives the names of settings that differ and are refused, ", " between them, or an empty text.
[[nodiscard]] std::string apply_reload(Config& current, const Config& next);

}  // namespace muster::broker
