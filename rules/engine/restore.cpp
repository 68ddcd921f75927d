// Records in: the state of an engine from what persist.cpp wrote, in any order. Damage is found, never guessed around.
#include <algorithm>

#include "rules/engine/core.h"
#include "rules/engine/facts.h"
#include "rules/engine/guardrail_record.h"
#include "rules/engine/times_record.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::string_view device_prefix = "device/";
constexpr std::string_view rule_prefix = "rollout_rule/";
constexpr std::string_view rollout_prefix = "rollout/";
constexpr std::string_view scope_prefix = "scope/";
constexpr std::string_view override_prefix = "override/";
constexpr std::uint64_t digests_max = 3 * plane_count + plane_count * limits::rollouts_max;

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool is_sequence(std::uint64_t value) {
  unsigned seen = 0;
  for (std::size_t place = 0; place < plane_count; ++place) seen |= 1u << plane_at(static_cast<Sequence>(value), place);
  return value < 64 && seen == 7;
}

Handle read_handle(ByteReader& in, const std::vector<Handle>& digests) {
  const auto number = in.number_max(digests.size());
  return number == 0 ? 0 : digests[static_cast<std::size_t>(number - 1)];
}

void read_tally(ByteReader& in, Tally& tally) {
  for (auto& count : tally.standing) count = in.number32();
  for (auto* count : {&tally.targets, &tally.reached, &tally.failed, &tally.unacknowledged,
                      &tally.acknowledged_standing, &tally.rolled_back, &tally.frozen, &tally.frozen_targets,
                      &tally.tolerated, &tally.stopped, &tally.stopped_targets, &tally.silent_aside, &tally.unmet}) {
    *count = in.number32();
  }
}

Tries read_tries(ByteReader& in) {
  Tries tries;
  tries.failed = static_cast<std::uint32_t>(in.number_max(attempts_max));
  tries.of = static_cast<std::uint32_t>(in.number_max(attempts_max));
  tries.again_s = in.number();
  return tries;
}

void read_flags(std::uint64_t flags, Member& member) {
  member.target = (flags & 1) != 0;
  member.reached = (flags & 2) != 0;
  member.failed = (flags & 4) != 0;
  member.acknowledged = (flags & 8) != 0;
  member.rolled_back = (flags & 16) != 0;
  member.withdrawn = (flags & 32) != 0;
  member.frozen = (flags & 64) != 0;
  member.stopped = (flags & 128) != 0;
  member.cancelled = (flags & 256) != 0;
  member.unmet = (flags & 512) != 0;
}

bool read_rule(ByteReader& in, Rollout& rollout) {
  Rule& rule = rollout.rule;
  rollout.rule_text = in.text(limits::rule_text_len_max);
  if (!rollout.lines.decode(in)) return false;
  rule.seed = in.number();
  rule.priority = static_cast<std::uint32_t>(in.number_max(priority_max));
  rule.shadow = in.flag();
  rule.targets_text = in.text(record_text_len_max);
  rule.targets = read_bytes(in, limits::program_len_max);
  const auto releases = in.number_max(plane_count);
  for (std::uint64_t i = 0; i < releases && in.ok(); ++i) {
    KnownRelease release;
    release.plane = read_enum(in, Plane::config);
    release.name = in.text(record_text_len_max);
    release.version = in.text(record_text_len_max);
    release.manifest = in.digest();
    release.security_version = in.number32();
    release.delegate = in.text(record_text_len_max);
    rule.versions.push_back({release.plane, release.name, release.version});
    rollout.releases.push_back(std::move(release));
  }
  const auto waves = in.number_max(limits::waves_max);
  for (std::uint64_t i = 0; i < waves && in.ok(); ++i) {
    Wave wave;
    wave.name = in.text(record_text_len_max);
    wave.percent = static_cast<std::uint32_t>(in.number_max(100));
    wave.devices = static_cast<std::uint32_t>(in.number_max(wave_devices_max));
    wave.rehearse = in.flag();
    wave.ring_text = in.text(record_text_len_max);
    wave.ring = read_bytes(in, limits::program_len_max);
    wave.gate = read_enum(in, Gate::manual);
    wave.approvers = static_cast<std::uint32_t>(in.number_max(approvers_max));
    wave.soak_s = in.number();
    wave.hold = read_enum(in, HoldPoint::before_commit);
    if (wave.approvers == 0 || (wave.percent != 0 && wave.devices != 0)) return false;
    if (wave.is_ring() && check_program(ByteView(wave.ring)) != ProgramFault::none) return false;
    rule.waves.push_back(std::move(wave));
  }
  rule.halt_failed_devices = in.number32();
  rule.halt_failed_ppm = in.number32();
  rule.halt_failed_in_a_row = in.number32();
  rule.pace.per_minute = in.number32();
  rule.pace.per_site = in.number32();
  rule.pace.at_once = in.number32();
  rule.pace.jitter_s = in.number32();
  rule.unreachable_after_s = in.number();
  rule.attempt_timeout_s = in.number();
  rule.on_abort = read_enum(in, AbortDefault::revert);
  rule.keep_previous_for_s = in.number();
  rule.baseline_window_s = in.number();
  if (const auto first = in.number_max(plane_count); first != 0) rule.rollback_first = static_cast<Plane>(first - 1);
  const auto guardrails = in.number_max(limits::guardrails_max);
  for (std::uint64_t i = 0; i < guardrails && in.ok(); ++i) {
    rule.guardrails.emplace_back();
    if (!decode_guardrail(in, rule.guardrails.back())) return false;
  }
  if (!decode_times(in, rule)) return false;
  for (auto& release : rollout.releases) {
    release.reach = read_enum(in, Reach::promoted);
    if (!decode(in, release.needs)) return false;
  }
  if (!rollout.exclusions.decode(in)) return false;
  return in.at_end() && !rule.waves.empty() && !rollout.releases.empty() &&
         check_program(ByteView(rule.targets)) == ProgramFault::none;
}

std::string unreadable(const std::string& key, std::string_view value) {
  const auto format = format_of(key, value);
  if (format == 0 || format == record_format)
    return "record \"" + key + "\" is damaged; restore the database from a backup";
  return "record \"" + key + "\" was written by another version of Muster (its records have format " +
         std::to_string(format) + ", this one reads " + std::to_string(record_format) +
         "); nothing was changed: start that version again, or begin anew with an empty data_dir";
}

}  // namespace

std::string Core::restore(const std::vector<std::pair<std::string, std::string>>& records) {
  auto fault = restore_all(records);
  if (!fault.empty()) return fault;
  restore_controls();
  for (const auto& [number, rollout] : rollouts_) {
    resume_windows(*rollout);
    resume_waiting(*rollout);
    look_outside_ring(*rollout);
    members_.for_each(*rollout, [this](MemberIndex member) { members_.follow(member); });
  }
  (void)members_.take_touched();
  for (auto& [number, rollout] : rollouts_) {
    rollout->changed = rollout->unsettled = rollout->persist = rollout->persist_rule = false;
    (void)refresh_status(*rollout);
  }
  return {};
}

std::string Core::restore_all(const std::vector<std::pair<std::string, std::string>>& records) {
  const auto each = [&](std::string_view prefix, auto read) -> std::string {
    for (const auto& [key, value] : records) {
      if (starts_with(key, prefix) && !read(key, value)) return unreadable(key, value);
    }
    return {};
  };
  std::uint64_t expected = 0;
  std::vector<std::string> seen;
  auto fault = each(
      "engine", [&](const auto& key, const auto& value) { return key == "engine" && restore_engine(value, expected); });
  if (!fault.empty()) return fault;
  fault = each(rule_prefix, [&](const auto& key, const auto& value) { return restore_rule(key, value); });
  if (!fault.empty()) return fault;
  fault = each(rollout_prefix, [&](const auto& key, const auto& value) { return restore_rollout(key, value, seen); });
  if (!fault.empty()) return fault;
  if (seen.size() != rollouts_.size() || rollouts_.size() != expected) {
    return "record \"engine\" speaks of " + std::to_string(expected) + " rollouts, but there are records of " +
           std::to_string(seen.size()) + " and rules of " + std::to_string(rollouts_.size()) +
           "; restore the database from a backup";
  }
  fault = each(scope_prefix, [&](const auto& key, const auto& value) {
    ByteReader in;
    return open_record(key, value, in) && orders_.decode(key.substr(scope_prefix.size()), in);
  });
  if (!fault.empty()) return fault;
  fault = each(override_prefix, [&](const auto& key, const auto& value) {
    ByteReader in;
    return open_record(key, value, in) && overrides_.decode(key.substr(override_prefix.size()), in);
  });
  if (!fault.empty()) return fault;
  know_releases();
  fault = each(device_prefix, [&](const auto& key, const auto& value) { return restore_device(key, value); });
  if (!fault.empty()) return fault;
  for (const auto& [key, value] : records) {
    const bool known = key == "engine" || starts_with(key, rule_prefix) || starts_with(key, rollout_prefix) ||
                       starts_with(key, scope_prefix) || starts_with(key, override_prefix) ||
                       starts_with(key, device_prefix);
    if (!known) return "record \"" + key + "\" is none of the engine's; restore the database from a backup";
  }
  return {};
}

bool Core::restore_engine(std::string_view value, std::uint64_t& rollouts) {
  ByteReader in;
  if (!open_record("engine", value, in)) return false;
  last_number_ = in.number32();
  directive_epoch_ = in.number();
  rollouts = in.number_max(limits::rollouts_max);
  return in.at_end();
}

bool Core::restore_rule(std::string_view key, std::string_view value) {
  ByteReader in;
  if (!open_record(key, value, in)) return false;
  auto rollout = std::make_unique<Rollout>();
  rollout->number = in.number32();
  rollout->rule.rollout = key.substr(rule_prefix.size());
  const bool fresh = rollout->number != 0 && rollout->number <= last_number_ && by_number(rollout->number) == nullptr;
  if (!fresh || !is_id(rollout->rule.rollout) || !read_rule(in, *rollout)) return false;
  adopt(std::move(rollout));
  return true;
}

bool Core::restore_rollout(std::string_view key, std::string_view value, std::vector<std::string>& seen) {
  ByteReader in;
  if (!open_record(key, value, in)) return false;
  auto* rollout = by_number(in.number32());
  const std::string name(key.substr(rollout_prefix.size()));
  if (rollout == nullptr || rollout->name() != name) return false;
  rollout->state = read_enum(in, RolloutState::aborted);
  rollout->started_s = in.number();
  rollout->ended_s = in.number();
  rollout->started_by = in.text(record_text_len_max);
  rollout->stop_who = in.text(record_text_len_max);
  rollout->stop_why = in.text(record_text_len_max);
  rollout->abort_mode = read_enum(in, AbortMode::revert);
  rollout->wave = static_cast<std::uint32_t>(in.number_max(rollout->waves.size() - 1));
  if (in.number() != rollout->waves.size()) return false;
  for (auto& wave : rollout->waves) {
    wave.state = read_enum(in, WaveState::done);
    wave.opened_s = in.number();
    wave.released = in.flag();
    wave.hold_reached = in.flag();
    wave.hold_set_by = in.text(record_text_len_max);
    wave.covered = in.flag();
    wave.boundary.kind = read_enum(in, Boundary::Kind::all);
    wave.boundary.bucket = in.number();
    wave.boundary.id = in.text(limits::id_len_max);
    const auto approvals = in.number_max(approvers_max);
    for (std::uint64_t i = 0; i < approvals && in.ok(); ++i)
      wave.approved_by.emplace_back(in.text(record_text_len_max));
  }
  for (std::size_t i = 0; i < rollout->departed.size(); ++i) {
    read_tally(in, rollout->departed[i]);
    rollout->tallies[i].add(rollout->departed[i]);
  }
  const auto failures = in.number_max(failures_shown_max);
  for (std::uint64_t i = 0; i < failures && in.ok(); ++i) {
    FailedDevice failure;
    failure.device = in.text(limits::id_len_max);
    failure.error = in.text(record_text_len_max);
    failure.detail = in.text(record_text_len_max);
    failure.acknowledged = in.flag();
    rollout->failures.push_back(std::move(failure));
  }
  rollout->failed_in_a_row = in.number32();
  if (!rollout->guards.decode(in)) return false;
  rollout->windows.set_next(in.number());
  seen.push_back(name);
  return in.at_end();
}

bool Core::restore_device(std::string_view key, std::string_view value) {
  const auto id = key.substr(device_prefix.size());
  ByteReader body;
  if (!open_record(key, value, body) || !is_id(id) || fleet_.find(id) != 0) return false;
  std::vector<Handle> digests;
  const auto count = body.number_max(digests_max);
  for (std::uint64_t i = 0; i < count && body.ok(); ++i) digests.push_back(fleet_.intern(body.digest()));
  ByteReader in(body.text(value.size()));
  bool whole = body.at_end();
  if (whole) {
    const auto index = fleet_.find_or_add(id);
    whole = restore_device_fields(fleet_[index], in, digests) && restore_members(index, in, digests);
    if (whole) fleet_.set_versions(fleet_[index], in.text(record_text_len_max));
    whole = whole && in.at_end();
  }
  for (const auto handle : digests) fleet_.drop(handle);
  return whole;
}

bool Core::restore_device_fields(Device& device, ByteReader& in, const std::vector<Handle>& digests) {
  device.reported = true;
  device.boot_id = in.number();
  device.seq = in.number();
  device.last_seen_s = in.number();
  device.state = read_enum(in, DeviceState::rolled_back);
  device.attempt = read_enum(in, AttemptState::shadowing);
  device.attempt_epoch = in.number();
  device.waits = in.flag();
  const auto error = in.text(record_text_len_max);
  const auto detail = in.text(record_text_len_max);
  fleet_.set_error(device, error, detail);
  const auto packed = in.text(record_text_len_max);
  FactsView facts;
  if (!in.ok() || !view_facts(packed, facts)) return false;
  fleet_.set_facts(device, packed);
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto active = read_handle(in, digests);
    if (active == 0) return false;
    fleet_.set_digest(device.active[plane], active);
    device.floor[plane] = in.number32();
    fleet_.set_digest(device.assigned[plane], read_handle(in, digests));
    device.holder[plane] = static_cast<std::uint32_t>(in.number_max(last_number_));
  }
  device.assigned_epoch = in.number();
  device.cause = static_cast<std::uint32_t>(in.number_max(last_number_));
  device.soak_s = in.number32();
  const auto sequence = in.number_max(63);
  device.sequence = static_cast<Sequence>(sequence);
  device.hold = read_enum(in, HoldPoint::before_commit);
  device.shadow = in.flag();
  return in.ok() && is_sequence(sequence);
}

bool Core::restore_members(DeviceIndex index, ByteReader& in, const std::vector<Handle>& digests) {
  const auto count = in.number_max(limits::rollouts_max);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint32_t>(in.number_max(last_number_));
    Member fields;
    fields.wave = static_cast<std::uint8_t>(in.number_max(limits::waves_max - 1));
    fields.standing = read_enum(in, Standing::rehearsing);
    read_flags(in.number_max(1023), fields);
    fields.rehearsal = read_enum(in, Rehearsal::forth);
    for (auto& handle : fields.prior) handle = read_handle(in, digests);
    fields.epoch = in.number();
    fields.assigned_s = in.number();
    fields.measured_from_s = in.number32();
    if (!in.ok()) return false;
    auto* rollout = by_number(number);
    if (rollout == nullptr) {  // forgotten: its devices' records are not written again for that
      Guards::skip_watch(in);
      (void)read_tries(in);
      (void)in.number_max(zones_end - 1);
      continue;
    }
    if (!rollout->guards.decode_watch(fields.watch, fields.reached, fields.gone(), in)) return false;
    const auto tries = read_tries(in);
    fields.window_zone = in.number_max(zones_end - 1) & 0x7F;
    // A device waits to try again when its time for that is known, and for a window of a rule that has some.
    const bool waits = fields.standing == Standing::retrying;
    if (waits != (tries.again_s != 0) || (fields.window_zone != 0 && rollout->rule.windows.empty())) return false;
    if (fields.standing == Standing::rehearsing && fields.rehearsal == Rehearsal::none) return false;
    if (fields.wave >= rollout->waves.size() || members_.find(index, *rollout) != 0) return false;
    for (const auto handle : fields.prior) fleet_.keep(handle);
    const auto member = members_.add(*rollout, index, fields);
    if (tries.failed != 0) rollout->retries.wait(member, tries);
  }
  return in.ok();
}

// The targets that are in no wave yet are not recorded: they follow from facts and rules. A device that an open wave
// has a place for and that is not recorded there has been taken by a newer rollout.
void Core::restore_controls() {
  for (auto& [number, rollout] : rollouts_) {
    const bool all_in = std::any_of(rollout->waves.begin(), rollout->waves.end(),
                                    [](const WaveRun& wave) { return wave.boundary.kind == Boundary::Kind::all; });
    if (!rollout->serving() || all_in) continue;
    fleet_.for_each([&, target = rollout.get()](DeviceIndex index) {
      if (members_.find(index, *target) != 0 || !is_target(*target, index) || wave_of(*target, index) != no_wave)
        return;
      Member fields;
      fields.target = true;
      fields.frozen = target->guards.frozen(fleet_.facts(index));
      fields.stopped = is_stopped(*target, index);
      members_.add(*target, index, fields);
    });
  }
}

}  // namespace muster::rules
