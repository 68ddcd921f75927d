// One rollout at work and one device's place in it. Plain data; Members (counts) and the engine's core change it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/attempt_clocks.h"
#include "rules/engine/device.h"
#include "rules/engine/exclusions.h"
#include "rules/engine/guards.h"
#include "rules/engine/pace.h"
#include "rules/engine/retry_run.h"
#include "rules/engine/rule.h"
#include "rules/engine/status.h"
#include "rules/engine/window_run.h"

namespace muster::rules {

struct Rollout;

inline constexpr std::uint8_t no_wave = 0xff;
inline constexpr std::uint32_t not_yet_measured = UINT32_MAX;

// How far a device is in a rehearsal (rehearsal.cpp).
enum class Rehearsal : std::uint8_t {
  none,      // on its first way forward, or in no rehearsal
  due_back,  // was done the first time, and waits for its turn to go back
  back,      // was told to go back
  forth,     // has gone back: waits for its turn to go forward again, does, or has
};

// One device that matches a rollout's targets or was assigned it. Counted fields are changed through Members::change
// only.
struct Member {
  DeviceIndex device = 0;
  MemberIndex next_of_device = 0;      // a device's members are listed by rollout number
  MemberIndex next = 0, previous = 0;  // in its rollout
  Rollout* rollout = nullptr;          // null: this place is free
  PerPlane<Handle> prior{};            // what ran on the rollout's planes when it was first assigned; set once reached
  std::uint8_t wave = no_wave;         // no_wave: its wave has not opened
  Standing standing : 4 = Standing::waiting;
  bool stopped : 1 = false;       // it is under a stop of its group and has nothing, or was told to go back for it
  bool cancelled : 1 = false;     // an operator took it out after it had been assigned
  bool target : 1 = false;        // matches the targets now
  bool reached : 1 = false;       // was assigned
  bool failed : 1 = false;        // failed and did not recover
  bool acknowledged : 1 = false;  // … and an operator accepted that
  bool rolled_back : 1 = false;   // … by putting itself back
  bool withdrawn : 1 = false;     // was told to go back to `prior`
  bool frozen : 1 = false;        // its segment is frozen: it gets nothing more
  bool paced : 1 = false;         // it waits for its turn at the rollout's pace; not recorded
  Rehearsal rehearsal : 2 = Rehearsal::none;
  Zone window_zone : 7 = 0;  // it waits for its maintenance window in this time zone; 0: it does not
  bool unmet : 1 = false;    // at work, and waits for what its release asks of the device
  WatchIndex watch = 0;      // what is known of its readings; 0: nothing
  // Since when it is done, or its shadow runs (not_yet_measured: it does not), by its own clock, or ours when it has
  // none: what was measured later counts.
  std::uint32_t measured_from_s = 0;
  std::uint64_t epoch = 0;       // of the assignment (or withdrawal) that this rollout caused last
  std::uint64_t assigned_s = 0;  // when
  std::uint64_t timer_s = 0;     // its entry in the timers; 0: none

  // It was told to go back, or taken out: it gives no more votes.
  [[nodiscard]] bool gone() const { return withdrawn || cancelled; }
  // Its next step in a rehearsal is to be taken when nothing stands in the way. Never one that is unreachable: who
  // waits is not missed.
  [[nodiscard]] bool awaits_rehearsal() const {
    return standing == Standing::rehearsing && rehearsal != Rehearsal::back;
  }
  // It has gone back in a rehearsal and has nothing of the rollout now.
  [[nodiscard]] bool rehearsed_back() const { return awaits_rehearsal() && rehearsal == Rehearsal::forth; }
  // It changes what it runs for the rollout's sake, does not wait for its own conditions, and is connected or not
  // missed yet. A way back that is none of a rehearsal does not count: nobody waits for a turn for that.
  [[nodiscard]] bool at_work() const {
    return (standing == Standing::assigned && !unmet) ||
           (standing == Standing::rehearsing && rehearsal == Rehearsal::back);
  }
};
static_assert(standing_count <= 16, "a standing has four bits");
static_assert(zones_end <= 128, "a zone has seven");
static_assert(sizeof(Member) <= 72, "a million devices are kept in memory");

// Integer counts over members; sums of several are sums of their fields.
struct Tally {
  std::array<std::uint32_t, standing_count> standing{};
  std::uint32_t targets = 0, reached = 0;
  std::uint32_t failed = 0, unacknowledged = 0,
                acknowledged_standing = 0;  // the last: standing failed and acknowledged
  std::uint32_t rolled_back = 0;
  std::uint32_t frozen = 0;  // … and neither unreachable, held by another rollout nor an acknowledged failure
  std::uint32_t frozen_targets = 0;
  std::uint32_t stopped = 0;  // not frozen, set aside by operators, with the same exceptions
  std::uint32_t stopped_targets = 0;
  std::uint32_t silent_aside = 0;  // frozen or set aside, and unreachable or held by another rollout
  std::uint32_t unmet = 0;         // assigned, and waiting for what their release asks of them
  std::uint32_t tolerated = 0;  // standing failed, not acknowledged, in no frozen segment: fewer than the rule halts at

  void add(const Member& member, std::uint32_t step);  // step 1, or UINT32_MAX for -1
  void add(const Tally& other);
  // Those of `some`, which are among these.
  void accept_failures_of(const Tally& some);
  [[nodiscard]] std::uint32_t of(Standing which) const { return standing[static_cast<std::size_t>(which)]; }
  [[nodiscard]] std::uint32_t devices() const;  // without those that were cancelled
  friend bool operator==(const Tally&, const Tally&) = default;
};

// Where a device stands in a rollout's order: by bucket, and by id where buckets are equal.
struct CohortKey {
  std::uint64_t bucket = 0;
  std::string_view id;
  friend bool operator<(const CohortKey& a, const CohortKey& b) {
    return a.bucket != b.bucket ? a.bucket < b.bucket : a.id < b.id;
  }
};

// How far a wave of a percentage or a number of devices reaches: up to and including one device's key.
struct Boundary {
  enum class Kind : std::uint8_t { none, key, all };
  Kind kind = Kind::none;
  std::uint64_t bucket = 0;
  std::string id;

  [[nodiscard]] bool includes(const CohortKey& key) const {
    return kind == Kind::all || (kind == Kind::key && !(CohortKey{bucket, id} < key));
  }
};

struct WaveRun {
  WaveState state = WaveState::pending;
  std::uint64_t opened_s = 0;
  Boundary boundary;
  bool released = false;      // an operator has let go on who holds in it
  bool hold_reached = false;  // … and somebody had come to that hold
  std::string hold_set_by;    // the operator who set it; empty: the rule
  bool covered = false;       // adds no device because earlier waves have them all: healthy without one
  // Of a ring that is to open next, when the state of a release asks: it has all targets that earlier waves left, or
  // this one is not among them. Both follow from the rest.
  bool takes_rest = false;
  MemberIndex outsider = 0;
  std::vector<std::string> approved_by;  // while its gate waits for more; what changes the wave takes them back
};

struct Rollout {
  Rule rule;
  std::string rule_text;
  RuleLines lines;
  std::vector<KnownRelease> releases;    // one a version choice, in activation order
  std::vector<Sha256> manifests;         // of `releases`
  std::uint32_t number = 0;              // by start; larger is newer
  std::vector<Sha256> contrary;          // releases of other planes that need later ones of its planes than it brings
  PerPlane<Handle> target{};             // digests; 0: not governed
  Sequence sequence = default_sequence;  // activation order: its own planes where the rule says, the others around them

  RolloutState state = RolloutState::running;
  std::uint64_t started_s = 0, ended_s = 0;
  std::string started_by;
  std::string stop_who, stop_why;             // who paused or aborted it, and why
  AbortMode abort_mode = AbortMode::by_rule;  // keep or revert once aborted
  std::uint32_t wave = 0;
  std::vector<WaveRun> waves;
  std::vector<FailedDevice> failures;  // newest first, at most failures_shown_max
  std::uint32_t failed_in_a_row = 0;   // since a device was done, or an operator acknowledged

  Guards guards;
  std::uint64_t guards_due_s = 0;  // when time alone may open the wave or end the measuring before it; 0: never

  PaceRun pace;
  RetryRun retries;
  AttemptClocks clocks;
  WindowRun windows;
  bool offer_due = false;  // devices that wait for their turn are to be looked at

  Exclusions exclusions;

  MemberIndex first_member = 0;
  std::vector<Tally> tallies;   // by wave; the last one is of members in no wave yet
  std::vector<Tally> departed;  // the part of `tallies` whose devices a newer rollout has taken since

  RolloutStatus status;       // what people see, kept up to date at the end of each step
  bool unsettled = false;     // waves and state are to be looked at
  bool changed = false;       // status is to be looked at
  bool sentence_due = false;  // … and its sentence by the next tick
  bool persist = false, persist_rule = false;

  [[nodiscard]] const std::string& name() const { return rule.rollout; }
  [[nodiscard]] bool governs(std::size_t plane) const { return target[plane] != 0; }
  [[nodiscard]] bool shares_plane_with(const Rollout& other) const;
  [[nodiscard]] Tally total() const;
  // Devices that have a place in an opened wave and no assignment: held by another rollout, or kept back. With windows
  // at most so many: who is unreachable may have been assigned before.
  [[nodiscard]] std::uint32_t unassigned_in_waves() const;
  [[nodiscard]] Tally& tally_of(std::uint8_t wave_index) { return tallies[tally_index(wave_index)]; }
  [[nodiscard]] std::size_t tally_index(std::uint8_t wave_index) const {
    return wave_index == no_wave ? waves.size() : wave_index;
  }

  // Holds its devices: no other rollout may take a plane of them.
  [[nodiscard]] bool active() const;
  // Takes new devices as members.
  [[nodiscard]] bool serving() const { return state != RolloutState::reverting && state != RolloutState::aborted; }
  // Gives new assignments.
  [[nodiscard]] bool assigning() const;
  // Until when its rule keeps what its devices ran before it, now that it has completed; 0: it does not.
  [[nodiscard]] std::uint64_t previous_kept_until_s() const;
};

inline constexpr std::size_t failures_shown_max = 20;

// It was assigned, and what came of that is not known yet: it is at work, holds, or waits for its next attempt.
[[nodiscard]] bool in_flight(const Member& member);
// The error of a device that could not do what its rehearsal asks; the reason is the detail.
inline constexpr std::string_view rehearsal_failed = "rehearsal_failed";

[[nodiscard]] std::uint64_t bucket_of(std::uint64_t seed, std::string_view device);

// "1 wave", "2 waves"
[[nodiscard]] std::string count_text(std::size_t count, std::string_view noun);
// "a, b, c"
template <typename Name>
[[nodiscard]] std::string join_names(const std::vector<Name>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) text.append(i == 0 ? "" : ", ").append(names[i]);
  return text;
}
// "3 of 9 targets reached", also when some of the reached ones are no targets any more.
[[nodiscard]] std::string reached_text(const Tally& total);
// Devices of a wave that wait for nothing but their turn at the rule's pace.
[[nodiscard]] std::uint32_t paced_in(const Rollout& rollout, std::size_t wave);
// "1 of 2 approvals: alice"; empty while there is none.
[[nodiscard]] std::string describe_approvals(const Rollout& rollout);
// The limits of failures that halt a rollout.
struct HaltLimits {
  bool devices = false, share = false, in_a_row = false;
  [[nodiscard]] bool any() const { return devices || share || in_a_row; }
};
[[nodiscard]] HaltLimits halt_limits_of(const Rule& rule);  // one device, when the rule states none
[[nodiscard]] HaltLimits halt_limits_reached(const Rollout& rollout);
// "1 (rule line 9)", "5 % of the assigned devices or 3 in a row (rule lines 9, 10)"
[[nodiscard]] std::string describe_halt(const Rollout& rollout, HaltLimits limits);
// Of a halted one: the limits that it has reached, or all when it is under them again.
[[nodiscard]] std::string describe_reached(const Rollout& rollout);
// Its pace now: "at most 10 a minute (rule line 12)".
[[nodiscard]] std::string describe_pace(const Rollout& rollout);
// "wave canary (10 %)", "wave rehearsal (2 devices)", "wave lab (ring)"
[[nodiscard]] std::string describe_wave(const Wave& wave);
[[nodiscard]] std::optional<std::size_t> find_wave(const Rule& rule, std::string_view name);
// Why the state of this release of the rollout keeps its next wave from opening, and what to do about it.
[[nodiscard]] std::string describe_state_hold(const Rollout& rollout, const KnownRelease& held);
// How many of so many targets are in when this wave, which is no ring, has opened: those of earlier waves included.
[[nodiscard]] std::uint64_t share_of(const Wave& wave, std::uint64_t targets);
// What is wrong with the releases of one rollout together; empty when nothing is.
[[nodiscard]] std::string fault_of_needs(const std::vector<KnownRelease>& releases);
// What a command is told about a rollout that is not known.
[[nodiscard]] std::string unknown_rollout(std::string_view name);
// … and about a device that has never reported.
[[nodiscard]] std::string unknown_device(std::string_view id);
// `text`, and the reason that an operator gave for it, when there is one.
[[nodiscard]] std::string with_reason(std::string text, std::string_view why);
// "reader@2"
[[nodiscard]] std::string describe(const KnownRelease& release);

}  // namespace muster::rules
