// A rule file, validated: what the engine works with. Plain data; made by rules/config, owned by the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/guardrail.h"
#include "rules/engine/retry.h"
#include "rules/engine/window.h"
#include "schemas/bytes.h"

namespace muster::rules {

// The same numbers as wire::Plane; rules/ does not include the generated schemas.
enum class Plane : std::uint8_t { firmware = 0, model = 1, config = 2 };
inline constexpr std::size_t plane_count = 3;
[[nodiscard]] std::string_view name_of(Plane plane);
[[nodiscard]] std::optional<Plane> plane_from(std::string_view name);

enum class Gate : std::uint8_t { automatic, manual };

// The same numbers as wire::Hold: where each device of a wave waits until an operator lets it go on.
enum class HoldPoint : std::uint8_t { none, before_swap, before_commit };
[[nodiscard]] std::string_view name_of(HoldPoint hold);

inline constexpr std::uint32_t approvers_max = 5;
inline constexpr std::uint32_t priority_max = 100;
inline constexpr std::uint32_t wave_devices_max = 1'000'000;  // that a wave of a number of devices may name

struct Wave {
  std::string name;
  std::uint32_t percent = 0;    // cumulative share of the targets, 1–100; 0 when it is a number of devices or a ring
  std::uint32_t devices = 0;    // cumulative number of targets instead, 1–wave_devices_max; before all percentages
  std::string ring_text;        // a named ring instead of both: the devices for which this condition is true
  Bytes ring;                   // its bytecode
  Gate gate = Gate::automatic;  // what it takes to leave this wave
  std::uint32_t approvers = 1;  // how many operators have to approve a manual gate, 1–approvers_max
  std::uint64_t soak_s = 0;     // how long each device of the wave watches itself before it commits
  HoldPoint hold = HoldPoint::none;
  // Each of its devices takes the versions, goes back to what it ran and takes them again before it is done. The first
  // wave only.
  bool rehearse = false;

  [[nodiscard]] bool is_ring() const { return percent == 0 && devices == 0; }
  // Whether its automatic gate asks for verdicts. A few devices that rehearse never give one; what they measure counts
  // with that of the next wave, whose gate asks.
  [[nodiscard]] bool is_judged() const { return !rehearse || devices == 0; }
  bool operator==(const Wave&) const = default;
};

struct VersionChoice {
  Plane plane = Plane::model;
  std::string name;
  std::string version;

  bool operator==(const VersionChoice&) const = default;
};

enum class AbortDefault : std::uint8_t { keep, revert };

// How fast the devices of open waves are assigned; 0: no limit.
struct Pace {
  // Assignments in any 60 s, those that take a device back included, and evenly: a sixtieth of it, rounded up, in a
  // second. Nobody waits for a turn to go back.
  std::uint32_t per_minute = 0;
  std::uint32_t per_site = 0;  // devices of one site at work at once; one that has failed or is unreachable is not
  std::uint32_t at_once = 0;   // devices at work at once, likewise
  std::uint32_t jitter_s = 0;  // each waits for a share of this, by chance from seed and id, after its wave opened

  [[nodiscard]] bool any() const { return per_minute != 0 || per_site != 0 || at_once != 0 || jitter_s != 0; }
  bool operator==(const Pace&) const = default;
};

struct Rule {
  std::string rollout;  // its name, an id
  std::uint64_t seed = 0;
  std::uint32_t priority = 0;  // 0–priority_max; of two active rollouts on a plane the higher one has the device
  std::string targets_text;    // as written, for people
  Bytes targets;               // bytecode
  std::vector<VersionChoice> versions;  // in activation order; 1–3, one a plane
  bool shadow = false;                  // they run beside the active ones for each wave's soak; nothing is switched
  std::vector<Wave> waves;              // 1–waves_max; the percentages strictly grow
  // All waves are held when so many devices have failed that no operator has acknowledged; 0: this limit is not set.
  // With all three at 0 the first failure halts.
  std::uint32_t halt_failed_devices = 1;
  std::uint32_t halt_failed_ppm = 0;       // of the devices that were assigned so far
  std::uint32_t halt_failed_in_a_row = 0;  // one after the other, in the order in which outcomes come
  Pace pace;
  Retry retry;
  // Devices are assigned only in one of these, by their own time; none: at any time. At most windows_max.
  std::vector<Window> windows;
  std::int32_t utc_offset_min = 0;             // of devices that do not say theirs
  std::uint64_t unreachable_after_s = 60;      // a lost device stops counting against its wave after this
  std::uint64_t attempt_timeout_s = 3600;      // connected for so long without an end of its attempt, one has failed
  AbortDefault on_abort = AbortDefault::keep;  // what `abort` does when it is not told
  std::vector<Guardrail> guardrails;           // at most guardrails_max
  // How long devices are measured before the first wave opens, when a guardrail compares with before.
  std::uint64_t baseline_window_s = 3600;
  // After it has completed, what its devices ran before stays for so long, for a way back; 0: until it is retired.
  std::uint64_t keep_previous_for_s = 0;
  std::optional<Plane> rollback_first;  // goes back before the others; none: in the reverse of the way in

  bool operator==(const Rule&) const = default;
};

}  // namespace muster::rules
