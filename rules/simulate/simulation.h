// A rule tried out in simulated time: the rollout engine itself, with a described fleet and described faults around it
// in place of a broker and devices. Pure: the same input and seed give the same run, byte for byte. Any thread; each
// run has its own engine.
//
// The rule's own seed picks the cohorts, among the fleet's device ids: the same rule picks the same ones on a broker
// whose devices have these ids. The seed of a run makes the world: who is hit by a fault, links, readings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/rule.h"
#include "rules/engine/rule_lines.h"
#include "rules/engine/status.h"
#include "rules/simulate/fault.h"
#include "rules/simulate/fleet.h"
#include "rules/simulate/fleet_ids.h"

namespace muster::rules {

inline constexpr std::uint64_t simulated_s_max = 366ull * 86'400;
// When a simulated rollout starts, in Unix seconds: a Friday at 08:00 UTC, which tells when maintenance windows open.
inline constexpr std::uint64_t simulated_start_s = 1'800'000'000;

struct Simulation {
  Rule rule;
  RuleLines lines;
  DescribedFleet fleet;
  std::vector<Fault> faults;  // at most faults_max, of releases of the rule
  std::optional<std::uint64_t> approve_after_s =
      600;                              // an approval comes so long after the last vote, or the asking; none: never
  std::uint64_t until_s = 30 * 86'400;  // since the start; at most simulated_s_max
};

// A decision of the engine, in the words of its audit record.
struct TimelineEntry {
  std::uint64_t at_s = 0;  // since the start, as all times of a run
  std::string what;        // a word of audit_words.h
  std::string subject;     // the rollout, a device or a scope
  std::string text;
  std::uint32_t times = 1;  // more: so many like it, of which this is the last; the others between are left out
  friend bool operator==(const TimelineEntry&, const TimelineEntry&) = default;
};

struct WaveRunResult {
  std::optional<std::uint64_t> opened_s, done_s;
  std::uint32_t devices = 0;               // that were assigned when it was the open one
  std::vector<std::uint32_t> by_label;     // the same by RunResult::labels
  std::vector<std::string> first_devices;  // as the engine took them, at most first_devices_max
  friend bool operator==(const WaveRunResult&, const WaveRunResult&) = default;
};
inline constexpr std::size_t first_devices_max = 10;

// Of the targets that say the same of themselves.
struct LabelResult {
  std::string label;
  std::uint32_t targets = 0;
  std::uint32_t ran = 0;     // the release was active on them at some time; or ran in the shadow, where the rule is one
  std::uint32_t harmed = 0;  // of those, hit by a fault; one in the shadow shows, and harms nobody
  std::uint32_t runs = 0;    // it is active at the end
  friend bool operator==(const LabelResult&, const LabelResult&) = default;
};

struct RunResult {
  std::uint64_t seed = 0;
  std::string refused;  // why the engine did not take the rule; then nothing else is set
  enum class End : std::uint8_t {
    over,          // completed or aborted, and all that was to come of it has come
    stands_still,  // nothing more will happen by itself
    out_of_time,   // until_s has passed
  };
  End end = End::over;
  std::uint64_t end_s = 0;
  RolloutStatus status;                     // at the end
  std::optional<std::uint64_t> stopped_s;   // the first halt, rollback or frozen segment
  std::string stopped_by;                   // the word of its audit entry
  std::optional<std::uint64_t> finished_s;  // completed, or aborted
  std::uint32_t ran = 0, harmed = 0;        // sums over `labels`
  std::vector<LabelResult> labels;          // in the order of the groups
  std::vector<WaveRunResult> waves;         // as many as the rule has
  std::vector<TimelineEntry> timeline;
};

// What keeps this from being simulated, in a sentence: no targets, a fault on a metric that no device has. Empty when
// nothing does. REQUIRES: `ids` is of the simulation's fleet.
[[nodiscard]] std::string fault_of(const Simulation& simulation, const FleetIds& ids);
// What will make its result worth less: guardrails that judge what the fleet does not measure.
[[nodiscard]] std::vector<std::string> warnings_of(const Simulation& simulation);

// REQUIRES: fault_of is empty.
[[nodiscard]] RunResult run_simulation(const Simulation& simulation, const FleetIds& ids, std::uint64_t seed);

// When each wave can open at the earliest, since the start: every device on line, nothing fails, each approval comes
// after its time and each guardrail has its votes when the last device of a wave has been observed.
[[nodiscard]] std::vector<std::uint64_t> earliest_openings(const Simulation& simulation);

}  // namespace muster::rules
