// Everything that can happen to the agent. Each event carries its time; the agent has no clock. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "edge-client/agent/types.h"

namespace muster::edge {

// What the shell found on disk before the start: a slot that the durable state speaks of.
struct SlotFound {
  bool intact = false;  // every file is there with its size and digest
  ReleaseInfo release;  // REQUIRES: release.manifest and release.plane are set even when it is not intact
};
struct PlaneLinks {
  Sha256 active, previous;  // where the symlinks point; zero: there is none
};
// The first event, once. After a kill, a power cut or an orderly end alike.
struct Started {
  std::array<PlaneLinks, plane_count> links{};
  std::vector<SlotFound> slots;
};
// The last event: the agent is asked to end in order.
struct Stopping {};

struct Connected {};

// Opened and verified by the shell: the signature holds, it names this device, it is not expired.
struct AssignmentArrived {
  Assignment assignment;
};
struct DirectiveArrived {
  Directive directive;
};

// Answers to the effects of the same job (RunShadow: JobFailed is its only one); answers to a job that is no longer
// awaited are ignored.
struct ManifestArrived {
  std::uint64_t job = 0;
  ReleaseInfo release;
};
struct FilesArrived {
  std::uint64_t job = 0;
};
struct SlotBuilt {
  std::uint64_t job = 0;
};
struct JobFailed {
  std::uint64_t job = 0;
  Fault fault;
  std::optional<Plane> plane;  // of the probe that failed; otherwise the one of the job
};
struct FetchProgress {
  std::uint64_t bytes_done = 0;
};
struct Activated {
  std::uint64_t job = 0;
};
struct ProbesPassed {
  std::uint64_t job = 0;
};

// Current readings by name, sorted by name: standard keys, counters, task metrics, slo_ms. Given at least once every
// health window, and soon after new measurements, at most once a second.
struct Readings {
  std::vector<std::pair<std::string, double>> values;
};

struct Tick {};

struct Event {
  std::uint64_t now_ms = 0;  // monotonic
  std::uint64_t now_s = 0;   // Unix time, not before anything signed that was accepted
  std::variant<Started, Stopping, Connected, AssignmentArrived, DirectiveArrived, ManifestArrived, FilesArrived,
               SlotBuilt, JobFailed, FetchProgress, Activated, ProbesPassed, Readings, Tick>
      what;
};

}  // namespace muster::edge
