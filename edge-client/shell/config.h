// The agent's configuration: one YAML file, read once, strict. docs/files.md describes it;
// edge-client/muster-edge.yaml.example is a complete one. yaml-cpp is included by config.cpp only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "edge-client/agent/types.h"
#include "edge-client/shell/process.h"
#include "host/error.h"

namespace muster::edge {

enum class InstallerKind : std::uint8_t { slot, exec };

struct PlaneConfig {
  InstallerKind installer = InstallerKind::slot;
  CommandLine notify;                // slot: tells the workload; may be empty
  CommandLine command;               // exec: installs; gets the slot's path as last argument
  std::uint64_t timeout_ms = 60000;  // of notify or command; exec: 10 minutes unless told
};

struct BrokerConfig {
  std::string host;
  std::uint16_t port = 8883;
  std::string ca, cert, key;
  std::uint32_t keepalive_s = 60;
};

// How the command of a release in the shadow runs: out of the way of the active version.
struct ShadowConfig {
  std::uint32_t nice = 10;
  std::uint64_t grace_ms = 10000;  // between being asked to end and being killed
};

inline constexpr std::size_t pipeline_files_max = 16;

struct Config {
  std::string device_id;
  BrokerConfig broker;
  std::string data_dir;
  std::string root;  // the root document to pin at the first start
  Facts facts;
  std::string statsd_socket;  // empty: no intake
  std::uint64_t health_interval_ms = 60000;
  std::uint64_t backoff_first_ms = 1000, backoff_max_ms = 300000;
  double slo_ms = 0;  // 0: not set, unknown to recovery rules
  std::array<std::optional<PlaneConfig>, plane_count> planes;
  std::map<std::string, CommandLine> probes;  // allowlist of exec probes and of what runs in the shadow
  std::vector<std::string> pipeline;          // the files whose checksum releases may state; at most pipeline_files_max
  ShadowConfig shadow;
  CommandLine restart, degraded, normal;  // workload commands; each may be empty
};

// Every error at once, one a line: "file:line:column: what; what would be right" (ErrorKind::usage). Relative paths
// become relative to the file's folder.
[[nodiscard]] tl::expected<Config, Error> load_config(const std::string& path);

}  // namespace muster::edge
