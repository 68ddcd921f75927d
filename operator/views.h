// What the broker says of rollouts, devices, releases, evidence and its audit record, as plain data. States stay the
// broker's own words, so that an older musterctl shows what a newer broker says. Decoded by operator/decode.h; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schemas/bytes.h"

namespace muster::ctl {

struct WaveView {
  std::string name, state, gate;
  std::uint32_t percent = 0;  // 0: a number of devices, or a ring
  std::uint32_t devices = 0, done = 0, failed = 0, unreachable = 0;
  std::uint64_t opened_s = 0;  // 0: not yet
  std::uint32_t retrying = 0;
  std::uint32_t rehearsing = 0;
  std::uint32_t first_devices = 0;  // of a wave of a number of devices: that, earlier waves included; 0: another wave
  bool rehearse = false;
  std::uint32_t holding = 0;
  std::uint32_t line = 0;  // of the rule's file; 0: unknown

  friend bool operator==(const WaveView&, const WaveView&) = default;
};

struct FailureView {
  std::string device, error, detail;
  bool acknowledged = false;

  friend bool operator==(const FailureView&, const FailureView&) = default;
};

struct VersionView {
  std::string plane, name, version;

  friend bool operator==(const VersionView&, const VersionView&) = default;
};

// One guardrail's verdict on one segment.
struct GuardrailView {
  std::string name, segment, verdict, sentence;  // segment: "class=rk3566 region=eu"; empty: all targets together
  std::uint32_t voted = 0, exceeded = 0;         // devices
  bool frozen = false;

  friend bool operator==(const GuardrailView&, const GuardrailView&) = default;
};

// What an operator has taken out of a rollout: a group that is stopped, or one device.
struct ExclusionView {
  std::string name;  // "region=de", or the device
  std::string who, why;
  bool revert = false;  // told to go back
  std::uint64_t since_s = 0;

  friend bool operator==(const ExclusionView&, const ExclusionView&) = default;
};

struct RolloutView {
  std::string rollout, state, waiting_for, started_by;
  std::vector<VersionView> versions;
  std::uint64_t started_s = 0, ended_s = 0, previous_kept_until_s = 0;
  std::uint32_t targets = 0, reached = 0, done = 0, failed = 0, rolled_back = 0, unreachable = 0, reverted = 0;
  std::uint32_t retrying = 0, rehearsing = 0, holding = 0, held_by_other = 0, awaiting_window = 0;
  std::uint32_t unacknowledged = 0;  // failures and failed verdicts
  std::uint32_t priority = 0;
  bool shadow = false;
  std::uint32_t wave = 0;  // index of the open one
  std::vector<WaveView> waves;
  std::vector<FailureView> failures;               // newest first
  std::vector<GuardrailView> guardrails;           // in the order of the rule; none: it has none
  std::vector<ExclusionView> stops;                // groups, by name
  std::vector<ExclusionView> cancelled;            // devices, newest first: some of cancelled_count
  std::uint32_t stopped = 0, cancelled_count = 0;  // devices

  friend bool operator==(const RolloutView&, const RolloutView&) = default;
};

struct PlaneView {
  std::string plane;
  std::optional<std::string> active;   // manifest digest in hexadecimal; none: the plane is empty
  std::optional<std::string> release;  // name@version, where the broker knows the release
};

struct DeviceRolloutView {
  std::string rollout, standing;
  std::uint32_t wave = 0;
};

// An operator's own release for a plane of a device.
struct OverrideView {
  std::string plane, release, state, who, why;
  std::uint64_t since_s = 0;
};

// Why a device has, or has not, what one rollout would give it.
struct ReasonView {
  std::string rollout, standing, why;  // standing: empty when it is no target
};

struct DeviceView {
  std::string device, state;
  bool connected = false, reported = false;
  std::uint64_t last_seen_s = 0;
  std::vector<std::pair<std::string, std::string>> facts;  // name, value as text; empty ones left out
  std::vector<PlaneView> planes;
  std::uint64_t assigned_epoch = 0, attempt_epoch = 0;
  std::string attempt_state, attempt_error, attempt_detail;
  std::vector<DeviceRolloutView> rollouts;
  std::vector<OverrideView> overrides;
  std::vector<std::pair<std::string, std::string>> health;  // the last summary's readings, as text; empty: none yet
};

struct DevicePage {
  std::vector<DeviceView> devices;
  std::vector<std::string> json;  // each one's own text
  bool more = false;
};

// A release's step from one state to the next.
struct ReleaseMoveView {
  std::string from, to, by, reason;
  std::uint64_t made_s = 0, taken_s = 0;
  std::vector<std::string> key_ids;
  Bytes envelope;  // the signed statement; empty in lists
};
struct ReleaseLifeView {
  std::string state;
  std::uint64_t files_removed_s = 0;  // 0: they are there
  std::vector<ReleaseMoveView> moves;
};

struct ReleaseView {
  std::string name, version, plane, manifest, published_by, state;
  std::uint64_t published_s = 0, expires_s = 0, bytes = 0;
  std::uint32_t security_version = 0, file_count = 0;
};

// Whom a rollout takes, and who matches its targets and cannot run its releases.
struct IneligibleView {
  std::string device, reason, why;
};
struct FitView {
  std::string refused;  // why it would not start; empty: it would
  std::uint32_t targets = 0, ineligible = 0;
  std::uint32_t without_site = 0;                              // targets that a limit per site does not touch
  std::vector<std::pair<std::string, std::uint32_t>> reasons;  // how many for each
  std::vector<IneligibleView> first;                           // by id, no more than the broker lists
};

struct EvidenceView {
  std::string device, bundle;  // the bundle's digest in hexadecimal
  std::uint64_t size = 0, received = 0, time_s = 0;
  bool complete = false;
};

struct EvidencePage {
  std::vector<EvidenceView> bundles;
  std::vector<std::string> json;  // each one's own text
  bool more = false;
};

struct AuditEntry {
  std::uint64_t seq = 0, time_s = 0;
  std::string who, what, subject, why;
  Sha256 hash;
};

struct AuditPage {
  std::vector<AuditEntry> entries;
  std::vector<std::string> json;  // each one's own text
  bool more = false;
  std::uint64_t head_seq = 0;  // 0: the record is empty
  Sha256 head_hash;
  Bytes head_envelope;
};

}  // namespace muster::ctl
