#include "rules/engine/rollout.h"

#include <algorithm>

#include "rules/engine/percent.h"
#include "schemas/limits.h"

#include <xxhash.h>

namespace muster::rules {

void Tally::add(const Member& member, std::uint32_t step) {
  standing[static_cast<std::size_t>(member.standing)] += step;
  if (member.target) targets += step;
  if (member.reached) reached += step;
  const bool accepted = member.failed && member.acknowledged && member.standing == Standing::failed;
  const bool silent = member.standing == Standing::unreachable || member.standing == Standing::held_by_other;
  const bool out = member.standing == Standing::cancelled;
  const bool aside = (member.stopped || member.cancelled) && !member.frozen && !out;
  if (member.frozen && !accepted && !silent && !out) frozen += step;
  if (member.frozen && member.target) frozen_targets += step;
  if (member.unmet && member.standing == Standing::assigned) unmet += step;
  if (aside && !accepted && !silent) stopped += step;
  if (aside && member.target) stopped_targets += step;
  if ((aside || (member.frozen && !out)) && silent) silent_aside += step;
  if (member.standing == Standing::failed && !member.frozen && !aside && !accepted) tolerated += step;
  if (!member.failed) return;
  failed += step;
  if (member.rolled_back) rolled_back += step;
  if (!member.acknowledged) unacknowledged += step;
  if (member.acknowledged && member.standing == Standing::failed) acknowledged_standing += step;
}

void Tally::add(const Tally& other) {
  for (std::size_t i = 0; i < standing.size(); ++i) standing[i] += other.standing[i];
  targets += other.targets;
  reached += other.reached;
  failed += other.failed;
  unacknowledged += other.unacknowledged;
  acknowledged_standing += other.acknowledged_standing;
  rolled_back += other.rolled_back;
  frozen += other.frozen;
  frozen_targets += other.frozen_targets;
  unmet += other.unmet;
  stopped += other.stopped;
  stopped_targets += other.stopped_targets;
  silent_aside += other.silent_aside;
  tolerated += other.tolerated;
}

void Tally::accept_failures_of(const Tally& some) {
  unacknowledged -= some.unacknowledged;
  tolerated -= some.tolerated;
  acknowledged_standing += some.tolerated;
}

std::uint32_t Tally::devices() const {
  std::uint32_t sum = 0;
  for (const auto count : standing) sum += count;
  return sum - of(Standing::cancelled);
}

bool Rollout::shares_plane_with(const Rollout& other) const {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (governs(plane) && other.governs(plane)) return true;
  }
  return false;
}

Tally Rollout::total() const {
  Tally sum;
  for (const auto& tally : tallies) sum.add(tally);
  return sum;
}

std::uint32_t Rollout::unassigned_in_waves() const {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < waves.size(); ++i) {
    count += tallies[i].of(Standing::waiting) + tallies[i].of(Standing::held_by_other);
    if (!rule.windows.empty()) count += tallies[i].of(Standing::unreachable);
  }
  return count;
}

bool Rollout::active() const {
  switch (state) {
    case RolloutState::running:
    case RolloutState::awaiting_approval:
    case RolloutState::paused:
    case RolloutState::halted:
    case RolloutState::reverting:
      return true;
    case RolloutState::completed:
    case RolloutState::aborted:
      return false;
  }
  return false;
}

bool Rollout::assigning() const {
  return state == RolloutState::running || state == RolloutState::awaiting_approval || state == RolloutState::completed;
}

std::uint64_t Rollout::previous_kept_until_s() const {
  const bool keeps = state == RolloutState::completed && rule.keep_previous_for_s != 0;
  return keeps ? ended_s + rule.keep_previous_for_s : 0;
}

std::uint64_t bucket_of(std::uint64_t seed, std::string_view device) {
  return XXH3_64bits_withSeed(device.data(), device.size(), seed);
}

std::string count_text(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string reached_text(const Tally& total) {
  if (total.reached <= total.targets)
    return std::to_string(total.reached) + " of " + count_text(total.targets, "target") + " reached";
  return std::to_string(total.reached) + " reached, of which not all are among the " +
         count_text(total.targets, "target") + " now";
}

bool in_flight(const Member& member) {
  switch (member.standing) {
    case Standing::assigned:
    case Standing::holding:
    case Standing::retrying:
    case Standing::reverting:
    case Standing::rehearsing:
    case Standing::unreachable:
      return member.reached;
    default:
      return false;
  }
}

std::uint32_t paced_in(const Rollout& rollout, std::size_t wave) {
  const auto& tally = rollout.tallies[wave];
  const auto waiting =
      tally.of(Standing::waiting) - std::min(tally.frozen + tally.stopped, tally.of(Standing::waiting));
  const auto placed = waiting - std::min(waiting, rollout.windows.waiting());
  return static_cast<std::uint32_t>(std::min<std::size_t>(placed, rollout.pace.waiting()));
}

std::string describe_approvals(const Rollout& rollout) {
  const auto& names = rollout.waves[rollout.wave].approved_by;
  if (names.empty()) return {};
  return std::to_string(names.size()) + " of " + std::to_string(rollout.rule.waves[rollout.wave].approvers) +
         " approvals: " + join_names(names);
}

HaltLimits halt_limits_of(const Rule& rule) {
  const HaltLimits limits{rule.halt_failed_devices != 0, rule.halt_failed_ppm != 0, rule.halt_failed_in_a_row != 0};
  return limits.any() ? limits : HaltLimits{true, false, false};
}

HaltLimits halt_limits_reached(const Rollout& rollout) {
  const Rule& rule = rollout.rule;
  const auto total = rollout.total();
  const std::uint64_t failed = total.unacknowledged;
  if (failed == 0) return {};
  auto limits = halt_limits_of(rule);
  limits.devices = limits.devices && failed >= rule.halt_failed_devices;
  limits.share = limits.share && failed * 1'000'000 >= std::uint64_t{rule.halt_failed_ppm} * total.reached;
  limits.in_a_row = limits.in_a_row && rollout.failed_in_a_row >= rule.halt_failed_in_a_row;
  return limits;
}

std::string describe_halt(const Rollout& rollout, HaltLimits limits) {
  const Rule& rule = rollout.rule;
  std::string text;
  std::vector<RuleLines::Part> clauses;
  const auto add = [&](Clause clause, const std::string& words) {
    text += (text.empty() ? "" : " or ") + words;
    clauses.push_back({clause, 0});
  };
  if (limits.devices) add(Clause::failed_devices, std::to_string(std::max(1u, rule.halt_failed_devices)));
  if (limits.share) add(Clause::failed_percent, percent_text(rule.halt_failed_ppm) + " % of the assigned devices");
  if (limits.in_a_row) add(Clause::failed_in_a_row, std::to_string(rule.halt_failed_in_a_row) + " in a row");
  return text + rollout.lines.cite(clauses);
}

std::string describe_pace(const Rollout& rollout) {
  return describe_pace(rollout.rule.pace) + rollout.lines.cite(Clause::pace);
}

std::string describe_reached(const Rollout& rollout) {
  const auto reached = halt_limits_reached(rollout);
  return describe_halt(rollout, reached.any() ? reached : halt_limits_of(rollout.rule));
}

std::string describe_wave(const Wave& wave) {
  if (wave.is_ring()) return "wave " + wave.name + " (ring)";
  const auto share = wave.devices != 0 ? count_text(wave.devices, "device") : std::to_string(wave.percent) + " %";
  return "wave " + wave.name + " (" + share + ")";
}

std::optional<std::size_t> find_wave(const Rule& rule, std::string_view name) {
  const auto found =
      std::find_if(rule.waves.begin(), rule.waves.end(), [&](const Wave& each) { return each.name == name; });
  if (found == rule.waves.end()) return std::nullopt;
  return static_cast<std::size_t>(found - rule.waves.begin());
}

std::uint64_t share_of(const Wave& wave, std::uint64_t targets) {
  if (wave.devices != 0) return std::min<std::uint64_t>(wave.devices, targets);
  return (std::uint64_t{wave.percent} * targets + 99) / 100;
}

std::string unknown_rollout(std::string_view name) {
  return "no rollout is called \"" + std::string(name.substr(0, limits::id_len_max)) +
         "\"; list the rollouts to see their names";
}

std::string unknown_device(std::string_view id) {
  return "no device called \"" + std::string(id.substr(0, limits::id_len_max)) +
         "\" has ever reported; list the devices to see their names";
}

std::string with_reason(std::string text, std::string_view why) {
  if (!why.empty()) text.append("; reason given: ").append(why);
  return text;
}

std::string describe(const KnownRelease& release) {
  return release.name + "@" + release.version;
}

}  // namespace muster::rules
