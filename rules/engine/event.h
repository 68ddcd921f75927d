// Everything that can happen to the engine. Each event carries its time; the engine has no clock.
// Times are Unix seconds as the host sees them (`now_s`), and may repeat but not go back: the host clamps.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/engine/needs.h"
#include "rules/engine/readings.h"
#include "rules/engine/rule.h"
#include "rules/engine/rule_lines.h"
#include "schemas/bytes.h"

namespace muster::rules {

// What a device says of itself; the names are those of `device.*`.
struct DeviceFacts {
  std::string device_class, region, site, customer, os_version, memory_tier, agent_version;
  std::uint32_t memory_mb = 0;
  std::vector<std::string> tags, accelerators, runtimes;
  std::optional<std::int16_t> utc_offset_min;  // how far its time is ahead of UTC
  friend bool operator==(const DeviceFacts&, const DeviceFacts&) = default;
};

// The same numbers as wire::AttemptState and wire::DeviceState.
enum class AttemptState : std::uint8_t {
  idle,
  fetching,
  verifying,
  staged,
  swapped,
  probing,
  soaking,
  committed,
  rolled_back,
  failed,
  held,
  shadowing
};
enum class DeviceState : std::uint8_t { healthy, degraded, recovering, safe_mode, rolled_back };
[[nodiscard]] std::string_view name_of(AttemptState state);
[[nodiscard]] std::string_view name_of(DeviceState state);

// One complete state report, already verified by the host.
struct DeviceReport {
  std::string device;
  std::uint64_t boot_id = 0;
  std::uint64_t reported_s = 0;  // by the device's clock; 0: it has none
  std::uint64_t seq = 0;         // a report not newer than (boot_id, seq) of the last one is dropped
  DeviceFacts facts;
  DeviceState state = DeviceState::healthy;
  std::array<Sha256, plane_count> active{};        // zero: the plane is empty
  std::array<std::string, plane_count> version{};  // of `active`; empty: it does not say, or the plane is empty
  std::array<std::uint32_t, plane_count> security_floor{};
  std::uint64_t attempt_epoch = 0;  // the assignment it is about
  AttemptState attempt = AttemptState::idle;
  std::uint64_t directive_epoch = 0;  // newest directive it accepted, over all scopes
  std::string attempt_error;          // name of the error code, empty for none
  std::string attempt_detail;
  bool waits = false;  // the attempt waits for what its release asks of the device; attempt_detail says for what
};

// A health summary that the host has verified and that is newer than the device's last one.
struct DeviceHealth {
  std::string device;
  std::uint64_t window_start_s = 0;  // by the device's clock; 0: it has none
  std::uint32_t window_s = 0;
  Readings readings;
};

struct DeviceSeen {
  std::string device;
};  // connected
struct DeviceLost {
  std::string device;
};  // its last connection ended

// How far a rollout of a release may go: what the host makes of the release's state, which the names are those of.
enum class Reach : std::uint8_t {
  development,  // no further wave opens
  candidate,    // the first wave, unless it takes everybody
  canary,       // waves that do not take everybody
  promoted      // all
};
[[nodiscard]] std::string_view name_of(Reach reach);

// A release the host has, with what the engine needs of its manifest.
struct KnownRelease {
  Plane plane = Plane::model;
  std::string name, version;
  Sha256 manifest;
  std::uint32_t security_version = 0;
  Reach reach = Reach::promoted;
  Needs needs = {};
  bool shadow = false;        // its manifest says what runs it in the shadow
  std::string delegate = {};  // what its manifest asks to be run by: "npu"; empty: it does not say
};

// How far rollouts of these releases may go from now on, as often as the host likes to say so.
struct ReleaseReach {
  struct Item {
    Sha256 manifest;
    Reach reach = Reach::promoted;
  };
  std::vector<Item> releases;
};

// --- operator commands: the host has checked identity and role; `who` is the operator, `why` the reason given ---
struct StartRollout {
  Rule rule;
  std::string rule_text;
  std::vector<KnownRelease> releases;  // one a version choice, in order
  RuleLines lines = {};                // of rule_text
};
// What an operator means to approve or to accept is named, so that a command that comes late or twice does not take
// along what they have not seen.
struct ApproveWave {
  std::string rollout;
  std::string wave = {};  // empty: whichever asks for approval
};
struct PauseRollout {
  std::string rollout;
};
struct ResumeRollout {
  std::string rollout;
  bool acknowledge_failures = false;
  std::optional<std::uint32_t> failures_seen = {};  // RolloutStatus::unacknowledged then; more by now are not accepted
};
// The devices of a wave that hold before the swap or the commit go on, and those on their way there do not stop.
struct ReleaseHold {
  std::string rollout;
  std::string wave;  // empty: the open one
};
// The devices of a wave hold there until they are let go: those that have not come so far, and those still to come.
struct HoldWave {
  std::string rollout;
  HoldPoint hold = HoldPoint::none;
  std::string wave = {};  // empty: the open one
};
// From now on; what waits for its turn waits for it at the new pace. A pace of nothing is no limit.
struct ChangePace {
  std::string rollout;
  Pace pace;
};
enum class AbortMode : std::uint8_t { by_rule, keep, revert };
struct AbortRollout {
  std::string rollout;
  AbortMode mode = AbortMode::by_rule;
};

// The devices of a group that have nothing of the rollout get nothing until it goes on; with `revert` those that have
// go back.
struct StopGroup {
  std::string rollout;
  std::string group;  // "region=de"
  bool revert = false;
};
struct ContinueGroup {
  std::string rollout;
  std::string group;
};
// One device leaves the rollout, with `revert` once it has gone back, and comes back only when it is readmitted.
struct CancelDevice {
  std::string rollout;
  std::string device;
  bool revert = false;
};
struct ReadmitDevice {
  std::string rollout;
  std::string device;
};

// An operator's own release for its plane of one device, outside of any rollout, until it is cleared.
struct OverrideDevice {
  std::string device;
  KnownRelease release;
};
struct ClearOverride {
  std::string device;
  Plane plane = Plane::model;
};

enum class OrderKind : std::uint8_t { safe_mode, resume, rollback, freeze, thaw, pause_updates, send_evidence };
[[nodiscard]] std::string_view name_of(OrderKind kind);
// Gives, or with resume and thaw takes back, a standing order of one scope ("fleet", "device/ID", "group/a=v").
struct GiveOrder {
  std::string scope;
  OrderKind kind = OrderKind::safe_mode;
  Plane plane = Plane::model;
  Sha256 release;
  std::string release_name;
};

using CommandBody = std::variant<StartRollout, ApproveWave, PauseRollout, ResumeRollout, ReleaseHold, HoldWave,
                                 ChangePace, AbortRollout, StopGroup, ContinueGroup, CancelDevice, ReadmitDevice,
                                 OverrideDevice, ClearOverride, GiveOrder>;
struct Command {
  std::string who, why;
  std::uint64_t correlation = 0;  // comes back in Reply
  CommandBody body;
};

struct Tick {};

struct Event {
  std::uint64_t now_s = 0;
  std::variant<DeviceReport, DeviceHealth, DeviceSeen, DeviceLost, Command, ReleaseReach, Tick> what;
};

}  // namespace muster::rules
