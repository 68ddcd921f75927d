// A rollout as people see it; the host turns it into JSON. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/event.h"
#include "rules/engine/rule.h"
#include "rules/verdict/sequential_test.h"

namespace muster::rules {

enum class RolloutState : std::uint8_t { running, awaiting_approval, paused, halted, completed, reverting, aborted };
enum class WaveState : std::uint8_t { pending, open, done };
// Where a targeted device stands in one rollout. `waiting`: its wave has not opened (the control cohort).
// `retrying`: its attempt failed, and it waits for the time to try again. `cancelled`: an operator took it out after it
// had been assigned, and it is not on its way back. `rehearsing`: it has taken the versions once, and goes back for the
// rehearsal or waits for its turn to go back or forward again.
enum class Standing : std::uint8_t {
  waiting,
  assigned,
  done,
  failed,
  unreachable,
  reverting,
  reverted,
  held_by_other,
  retrying,
  cancelled,
  holding,    // as far as its wave's hold: ready, and waiting for an operator
  rehearsing  // goes back in a rehearsal, or waits for its turn in it
};
inline constexpr std::size_t standing_count = 12;
[[nodiscard]] std::string_view name_of(RolloutState state);
[[nodiscard]] std::string_view name_of(WaveState state);
[[nodiscard]] std::string_view name_of(Standing standing);

struct WaveStatus {
  std::string name;
  WaveState state = WaveState::pending;
  std::uint32_t percent = 0;        // 0: a number of devices, or a ring
  std::uint32_t first_devices = 0;  // that number, earlier waves included; 0: none
  bool rehearse = false;
  Gate gate = Gate::automatic;
  std::uint32_t devices = 0;  // in this wave and not in an earlier one
  std::uint32_t done = 0, failed = 0, unreachable = 0, retrying = 0, holding = 0, rehearsing = 0;
  HoldPoint hold = HoldPoint::none;  // none, too, once an operator has released it
  std::uint64_t opened_s = 0;        // 0: not yet
  std::uint32_t line = 0;            // of the rule's file; 0: unknown
  friend bool operator==(const WaveStatus&, const WaveStatus&) = default;
};

struct FailedDevice {
  std::string device, error, detail;
  bool acknowledged = false;
  friend bool operator==(const FailedDevice&, const FailedDevice&) = default;
};

// A group of devices that an operator has stopped: who in it has nothing of the rollout gets nothing until it goes on.
struct GroupStop {
  std::string group;    // "region=de"
  bool revert = false;  // who had something was told to go back
  std::string who, why;
  std::uint64_t since_s = 0;
  friend bool operator==(const GroupStop&, const GroupStop&) = default;
};

// A device that an operator has taken out of the rollout.
struct CancelledDevice {
  std::string device;
  bool revert = false;  // it was told to go back first
  std::string who, why;
  std::uint64_t since_s = 0;
  friend bool operator==(const CancelledDevice&, const CancelledDevice&) = default;
};

// One guardrail's verdict on one segment.
struct GuardrailStatus {
  std::string guardrail;
  std::string segment;  // "class=rk3566 region=eu"; empty: all targets together
  Verdict verdict = Verdict::inconclusive;
  std::uint32_t voted = 0, exceeded = 0;  // devices; exceeded are among voted
  // Devices whose vote is waited for, and those of them whose observation or silence runs.
  std::uint32_t awaited = 0, observed = 0;
  bool frozen = false;     // the segment gets nothing more
  std::string sentence;    // what the verdict rests on, or what it waits for
  std::uint32_t line = 0;  // of the rule's file; 0: unknown
  friend bool operator==(const GuardrailStatus&, const GuardrailStatus&) = default;
};

struct RolloutStatus {
  std::string rollout;
  RolloutState state = RolloutState::running;
  std::string
      waiting_for;  // one sentence: what it waits for, or why it stopped; empty when it is at work or ended well
  std::vector<VersionChoice> versions;
  std::uint32_t priority = 0;
  bool shadow = false;
  std::uint64_t started_s = 0, ended_s = 0;  // 0: not yet
  std::uint64_t previous_kept_until_s = 0;   // what its devices ran before it; 0: its rule does not say, or not yet
  std::string started_by;
  // Devices that another rollout has taken since stay in these counts, and count once more should they come back.
  std::uint32_t targets = 0;  // devices that match now
  std::uint32_t reached = 0;  // devices that were ever assigned it: the blast radius
  std::uint32_t done = 0, failed = 0, rolled_back = 0, unreachable = 0, reverted = 0;
  std::uint32_t unacknowledged = 0;   // failures and failed verdicts that nobody has accepted
  std::uint32_t held_by_other = 0;    // in an open wave, and another rollout has them or is to have them
  std::uint32_t holding = 0;          // wait for an operator before the swap or the commit
  std::uint32_t retrying = 0;         // wait for the time to try again
  std::uint32_t rehearsing = 0;       // go back for the rehearsal, or wait for their turn in it
  std::uint32_t awaiting_window = 0;  // are kept from an assignment by nothing but their maintenance window
  std::uint32_t wave = 0;             // index of the open wave
  std::vector<WaveStatus> waves;
  std::vector<FailedDevice> failures;  // newest first, at most 20
  // By guardrail in the rule's order, then segments: failed ones first, then by name; at most segments_shown_max each.
  std::vector<GuardrailStatus> guardrails;
  std::vector<GroupStop> stops;            // by group
  std::uint32_t stopped = 0;               // targets that get nothing for them, or went back
  std::vector<CancelledDevice> cancelled;  // newest first, at most cancelled_shown_max
  std::uint32_t cancelled_count = 0;       // of all
};

inline constexpr std::size_t segments_shown_max = 20;
inline constexpr std::size_t cancelled_shown_max = 20;

// One device as `device show` prints it.
struct DeviceStanding {
  std::string rollout;
  Standing standing;
  std::uint32_t wave;
};
// An operator's own release for a plane of it, and what its newest report says of that.
enum class OverrideState : std::uint8_t { pending, active, failed };
[[nodiscard]] std::string_view name_of(OverrideState state);
struct DeviceOverride {
  Plane plane = Plane::model;
  std::string release, who, why;
  std::uint64_t since_s = 0;
  OverrideState state = OverrideState::pending;
};
struct DeviceStatus {
  std::string device;
  bool connected = false;
  bool reported = false;  // false: connected, but never sent a state report
  std::uint64_t last_seen_s = 0;
  DeviceFacts facts;
  DeviceState state = DeviceState::healthy;
  std::array<Sha256, plane_count> active{};
  std::uint64_t assigned_epoch = 0, attempt_epoch = 0;
  AttemptState attempt = AttemptState::idle;
  std::string attempt_error, attempt_detail;
  bool attempt_waits = false;  // for what its release asks of the device, of which attempt_detail speaks
  std::vector<DeviceStanding> rollouts;
  std::vector<DeviceOverride> overrides;  // by plane
};

// One rollout's word on one device: why it has, or has not, what the rollout would give it.
struct DeviceReason {
  std::string rollout;
  Standing standing = Standing::waiting;
  bool member = false;  // it is a target, or was assigned; else `standing` means nothing
  std::string text;
};

}  // namespace muster::rules
