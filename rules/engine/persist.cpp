// Records out. Each format is read back in restore.cpp, field by field in the same order.
#include <algorithm>

#include "rules/engine/core.h"
#include "rules/engine/guardrail_record.h"
#include "rules/engine/times_record.h"

namespace muster::rules {

namespace {

// The digests of one device record, each written once; fields refer to them by number, 0 being none.
class DigestTable {
 public:
  std::uint64_t number_of(Handle handle) {
    if (handle == 0) return 0;
    const auto found = std::find(handles_.begin(), handles_.end(), handle);
    if (found != handles_.end()) return static_cast<std::uint64_t>(found - handles_.begin()) + 1;
    handles_.push_back(handle);
    return handles_.size();
  }
  void write(const Fleet& fleet, ByteWriter& out) const {
    out.number(handles_.size());
    for (const auto handle : handles_) out.digest(fleet.digest(handle));
  }

 private:
  std::vector<Handle> handles_;
};

// What of a member's standing survives a restart: that a device is unreachable has to show anew.
Standing durable_standing(const Member& member, const Tries& tries) {
  if (member.standing != Standing::unreachable) return member.standing;
  if (!member.reached) return Standing::waiting;
  if (member.withdrawn) return Standing::reverting;
  if (member.rehearsal == Rehearsal::back) return Standing::rehearsing;
  return tries.again_s != 0 ? Standing::retrying : Standing::assigned;
}

std::uint64_t flags_of(const Member& member) {
  std::uint64_t flags = 0;
  const bool bits[] = {member.target,    member.reached, member.failed,  member.acknowledged, member.rolled_back,
                       member.withdrawn, member.frozen,  member.stopped, member.cancelled,    member.unmet};
  for (std::size_t i = 0; i < std::size(bits); ++i) flags |= static_cast<std::uint64_t>(bits[i]) << i;
  return flags;
}

void write_member(const Member& member, const Tries& tries, DigestTable& digests, ByteWriter& out) {
  out.number(member.rollout->number);
  out.number(member.wave);
  out.number(static_cast<std::uint64_t>(durable_standing(member, tries)));
  out.number(flags_of(member));
  out.number(static_cast<std::uint64_t>(member.rehearsal));
  for (const auto handle : member.prior) out.number(digests.number_of(handle));
  out.number(member.epoch);
  out.number(member.assigned_s);
  out.number(member.measured_from_s);
  member.rollout->guards.encode_watch(member.watch, out);
  out.number(tries.failed);
  out.number(tries.of);
  out.number(tries.again_s);
  out.number(member.window_zone);
}

void write_tally(const Tally& tally, ByteWriter& out) {
  for (const auto count : tally.standing) out.number(count);
  for (const auto count : {tally.targets, tally.reached, tally.failed, tally.unacknowledged,
                           tally.acknowledged_standing, tally.rolled_back, tally.frozen, tally.frozen_targets,
                           tally.tolerated, tally.stopped, tally.stopped_targets, tally.silent_aside, tally.unmet}) {
    out.number(count);
  }
}

void write_bytes(const Bytes& bytes, ByteWriter& out) {
  out.text(ByteView(bytes).text());
}

}  // namespace

std::string Core::device_record(DeviceIndex index) const {
  const Device& device = fleet_[index];
  DigestTable digests;
  ByteWriter fields;
  fields.number(device.boot_id);
  fields.number(device.seq);
  fields.number(device.last_seen_s);
  fields.number(static_cast<std::uint64_t>(device.state));
  fields.number(static_cast<std::uint64_t>(device.attempt));
  fields.number(device.attempt_epoch);
  fields.flag(device.waits);
  fields.text(fleet_.text(device.error));
  fields.text(fleet_.text(device.detail));
  fields.text(fleet_.facts(index));
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    fields.number(digests.number_of(device.active[plane]));
    fields.number(device.floor[plane]);
    fields.number(digests.number_of(device.assigned[plane]));
    fields.number(device.holder[plane]);
  }
  fields.number(device.assigned_epoch);
  fields.number(device.cause);
  fields.number(device.soak_s);
  fields.number(device.sequence);
  fields.number(static_cast<std::uint64_t>(device.hold));
  fields.flag(device.shadow);

  // Only those in a wave: who is a mere target follows from facts and rules.
  std::vector<MemberIndex> members;
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    if (members_[each].wave != no_wave) members.push_back(each);
  }
  fields.number(members.size());
  for (const auto each : members)
    write_member(members_[each], members_[each].rollout->retries.of(each), digests, fields);
  fields.text(fleet_.text(device.versions));

  ByteWriter body;
  digests.write(fleet_, body);
  body.text(fields.bytes());
  return seal_record(std::string("device/").append(fleet_.id(index)), body.bytes());
}

std::string Core::rollout_record(const Rollout& rollout) {
  ByteWriter out;
  out.number(rollout.number);
  out.number(static_cast<std::uint64_t>(rollout.state));
  out.number(rollout.started_s);
  out.number(rollout.ended_s);
  out.text(rollout.started_by);
  out.text(rollout.stop_who);
  out.text(rollout.stop_why);
  out.number(static_cast<std::uint64_t>(rollout.abort_mode));
  out.number(rollout.wave);
  out.number(rollout.waves.size());
  for (const auto& wave : rollout.waves) {
    out.number(static_cast<std::uint64_t>(wave.state));
    out.number(wave.opened_s);
    out.flag(wave.released);
    out.flag(wave.hold_reached);
    out.text(wave.hold_set_by);
    out.flag(wave.covered);
    out.number(static_cast<std::uint64_t>(wave.boundary.kind));
    out.number(wave.boundary.bucket);
    out.text(wave.boundary.id);
    out.number(wave.approved_by.size());
    for (const auto& name : wave.approved_by) out.text(name);
  }
  for (const auto& tally : rollout.departed) write_tally(tally, out);
  out.number(rollout.failures.size());
  for (const auto& failure : rollout.failures) {
    out.text(failure.device);
    out.text(failure.error);
    out.text(failure.detail);
    out.flag(failure.acknowledged);
  }
  out.number(rollout.failed_in_a_row);
  rollout.guards.encode(out);
  out.number(rollout.windows.next_s());
  return seal_record("rollout/" + rollout.name(), out.bytes());
}

std::string Core::rule_record(const Rollout& rollout) {
  const Rule& rule = rollout.rule;
  ByteWriter out;
  out.number(rollout.number);
  out.text(rollout.rule_text);
  rollout.lines.encode(out);
  out.number(rule.seed);
  out.number(rule.priority);
  out.flag(rule.shadow);
  out.text(rule.targets_text);
  write_bytes(rule.targets, out);
  out.number(rollout.releases.size());
  for (const auto& release : rollout.releases) {
    out.number(static_cast<std::uint64_t>(release.plane));
    out.text(release.name);
    out.text(release.version);
    out.digest(release.manifest);
    out.number(release.security_version);
    out.text(release.delegate);
  }
  out.number(rule.waves.size());
  for (const auto& wave : rule.waves) {
    out.text(wave.name);
    out.number(wave.percent);
    out.number(wave.devices);
    out.flag(wave.rehearse);
    out.text(wave.ring_text);
    write_bytes(wave.ring, out);
    out.number(static_cast<std::uint64_t>(wave.gate));
    out.number(wave.approvers);
    out.number(wave.soak_s);
    out.number(static_cast<std::uint64_t>(wave.hold));
  }
  out.number(rule.halt_failed_devices);
  out.number(rule.halt_failed_ppm);
  out.number(rule.halt_failed_in_a_row);
  out.number(rule.pace.per_minute);
  out.number(rule.pace.per_site);
  out.number(rule.pace.at_once);
  out.number(rule.pace.jitter_s);
  out.number(rule.unreachable_after_s);
  out.number(rule.attempt_timeout_s);
  out.number(static_cast<std::uint64_t>(rule.on_abort));
  out.number(rule.keep_previous_for_s);
  out.number(rule.baseline_window_s);
  out.number(rule.rollback_first ? static_cast<std::uint64_t>(*rule.rollback_first) + 1 : 0);
  out.number(rule.guardrails.size());
  for (const auto& guardrail : rule.guardrails) encode_guardrail(guardrail, out);
  encode_times(rule, out);
  for (const auto& release : rollout.releases) {
    out.number(static_cast<std::uint64_t>(release.reach));
    encode(release.needs, out);
  }
  rollout.exclusions.encode(out);
  return seal_record("rollout_rule/" + rollout.name(), out.bytes());
}

std::string Core::engine_record() const {
  ByteWriter out;
  out.number(last_number_);
  out.number(directive_epoch_);
  out.number(rollouts_.size());
  return seal_record("engine", out.bytes());
}

}  // namespace muster::rules
