// What the shell must do, in this order. `Persist` must be durable BEFORE any later effect is performed: it holds the
// intention behind each of them, which is what lets any power cut resume or roll back. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "edge-client/agent/types.h"

namespace muster::edge {

// Write these bytes as the journal. At most one a step, before all others.
struct Persist {
  Bytes state;
};

// Get the signed manifest: from the slot if it is here, otherwise by chunks. Answer: ManifestArrived (opened, signature
// and digest checked) or JobFailed. Being offline is no failure: it waits.
struct FetchManifest {
  std::uint64_t job = 0;
  AssignedRelease release;
};
// Get its files, resuming what is there. Answer: FilesArrived or JobFailed; FetchProgress in between.
struct FetchFiles {
  std::uint64_t job = 0;
  Plane plane = Plane::model;
  Sha256 manifest;
};
// Check every file's digest and make the slot durable under its final name. Answer: SlotBuilt or JobFailed.
struct BuildSlot {
  std::uint64_t job = 0;
  Plane plane = Plane::model;
  Sha256 manifest;
};
// Point `active` and `previous` at these slots (zero: none) by the plane's installer and tell the workload; must be
// idempotent. Activations run one after another, in the order given. Answer: Activated or JobFailed. With `going_back`
// a workload that can not be told is only logged: it may be what is broken.
struct Activate {
  std::uint64_t job = 0;
  Plane plane = Plane::model;
  Sha256 active, previous;
  bool going_back = false;
};
// Run these probes one after another. Answer: ProbesPassed or JobFailed (first failure ends the run).
struct ProbeJob {
  Plane plane = Plane::model;
  Sha256 manifest;
  ProbeSpec probe;
  std::string pipeline_checksum = {};  // not empty: it is no probe, but this is compared with the device's pipeline
};
struct RunProbes {
  std::uint64_t job = 0;
  std::vector<ProbeJob> probes;
  bool warm = false;  // the workload runs already: skip initial delays
};
// Run these staged releases beside the active ones, each by its command if it has one, all of them told where all of
// them are. Until CancelJobs: it is over before only when a command could not be started or has ended, whatever it
// said. Answer, then: JobFailed.
struct ShadowRelease {
  Plane plane = Plane::model;
  Sha256 manifest;
  std::string command;  // a name on the allowlist; empty: it is only there for the others
};
struct RunShadow {
  std::uint64_t job = 0;
  std::vector<ShadowRelease> releases;
};
// Stop fetching, building and probing, and end what runs in the shadow; activations already begun go on.
struct CancelJobs {};

enum class WorkloadCommand : std::uint8_t { restart, degraded, normal };
struct RunWorkload {
  WorkloadCommand command = WorkloadCommand::restart;
};

// Remove this plane's other slots.
struct RemoveSlots {
  Plane plane = Plane::model;
  std::vector<Sha256> keep;
};
// Remove what has been downloaded so far: the disk is full, or it was refused.
struct DropDownloads {};
// Old measurements speak of what no longer runs: gauges become unknown, counters zero.
struct ResetReadings {};

// Publish the state report (Agent::snapshot) when connected.
struct Report {};

enum class NoteLevel : std::uint8_t { info, warning, error };
struct Note {
  NoteLevel level = NoteLevel::info;
  std::string text;
};
// Something that came from outside was not obeyed: count it and log it at a bounded rate.
struct Refusal {
  ErrorCode code = ErrorCode::none;
  std::string text;
};

// Give a Tick at this time, if nothing else happens before. Replaces the last one; 0: no need.
struct WakeAt {
  std::uint64_t at_ms = 0;
};

using Effect = std::variant<Persist, FetchManifest, FetchFiles, BuildSlot, Activate, RunProbes, RunShadow, CancelJobs,
                            RunWorkload, RemoveSlots, DropDownloads, ResetReadings, Report, Note, Refusal, WakeAt>;

}  // namespace muster::edge
