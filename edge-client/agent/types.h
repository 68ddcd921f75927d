// What the agent decides about: facts, releases, assignments, directives. Plain data in the vocabulary of the wire,
// already verified and copied out of it by the shell. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "schemas/common_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/limits.h"
#include "schemas/manifest_generated.h"

namespace muster::edge {

using wire::DeviceState;
using wire::ErrorCode;
using wire::Hold;
using wire::OrderKind;
using wire::Plane;
using wire::ProbeKind;
using wire::RecoveryAction;

inline constexpr std::size_t plane_count = limits::planes_max;
[[nodiscard]] constexpr std::size_t index_of(Plane plane) {
  return static_cast<std::size_t>(plane);
}

struct Facts {
  std::string device_class, region, site, customer, os_version, memory_tier, agent_version;
  std::uint32_t memory_mb = 0;
  std::vector<std::string> tags, accelerators, runtimes;
  std::optional<std::int16_t> utc_offset_min;  // how far its time is ahead of UTC
};

struct ProbeSpec {
  ProbeKind kind = ProbeKind::exec;
  std::string target;  // exec: a name on the allowlist; http: a URL; file: a path in the slot, or absolute
  std::uint32_t initial_delay_ms = 0;
  std::uint32_t timeout_ms = 10000;
  std::uint8_t attempts = 1;
  std::uint32_t interval_ms = 1000;  // between attempts
};

struct RequirementSpec {
  Plane plane = Plane::firmware;
  std::string min_version;
};

struct RecoveryRule {
  Bytes program;  // condition bytecode
  RecoveryAction action = RecoveryAction::none;
  std::string source;  // as written, for people
};

// What has to hold before the device goes on with a release.
struct WaitCondition {
  Bytes program;       // condition bytecode; empty: nothing
  std::string source;  // as written, for people
};

// What the agent needs of a manifest.
struct ReleaseInfo {
  Sha256 manifest;
  Plane plane = Plane::model;
  std::string name, version;
  std::uint32_t security_version = 0;
  std::vector<std::string> classes, accelerators;  // empty: any
  std::uint32_t memory_mb_min = 0;
  std::vector<RequirementSpec> needs;
  std::vector<ProbeSpec> probes;
  std::vector<RecoveryRule> recovery;  // config plane only
  std::string runtime;
  std::string pipeline_checksum;  // 64 hex digits that those of this device's pipeline have to be; empty: any
  std::string shadow;             // what runs it beside the active one: a name on the allowlist; empty: nothing does
  WaitCondition fetch_when, swap_when;
  std::uint32_t wait_max_s = 0;   // for either
  std::uint64_t bytes_total = 0;  // of its files
};

// One line of an assignment. A zero manifest means that the plane is to be empty.
struct AssignedRelease {
  Plane plane = Plane::model;
  Sha256 manifest, envelope;
  std::uint32_t envelope_size = 0;
  std::string name, version;

  // The same release on the same plane; its envelope may have been signed again.
  friend bool operator==(const AssignedRelease& a, const AssignedRelease& b) {
    return a.plane == b.plane && a.manifest == b.manifest;
  }
};

struct Assignment {
  std::uint64_t epoch = 0, issued_s = 0, expires_s = 0;
  std::string rollout;
  std::uint32_t soak_s = 0;
  std::vector<AssignedRelease> releases;  // in activation order, at most one a plane
  Hold hold = Hold::none;                 // where the attempt waits for the next assignment of the same
  // To be run beside `releases`, for soak_s; at most one a plane, none of them zero.
  std::vector<AssignedRelease> shadow;

  // Whether an attempt at one of them can go on as one at the other.
  [[nodiscard]] bool same_releases(const Assignment& other) const {
    return releases == other.releases && shadow == other.shadow;
  }
};

struct StandingOrder {
  OrderKind kind = OrderKind::safe_mode;
  std::uint64_t epoch = 0;  // the directive epoch at which it was given
  Plane plane = Plane::firmware;
  Sha256 release;  // for rollback and freeze
  std::string reason, by;

  friend bool operator==(const StandingOrder& a, const StandingOrder& b) {
    return a.kind == b.kind && a.epoch == b.epoch && a.plane == b.plane && a.release == b.release;
  }
};

// The complete standing orders of one scope.
struct Directive {
  std::string scope;  // "device/ID", "group/ATTRIBUTE=VALUE" or "fleet"
  std::uint64_t epoch = 0, issued_s = 0;
  std::vector<StandingOrder> orders;
};

// A code for those who sort incidents and a sentence for those who read them.
struct Fault {
  ErrorCode code = ErrorCode::internal;
  std::string detail;
};

}  // namespace muster::edge
