// A release that an operator gives to one plane of one device, and takes back: while it stands, no rollout has that
// plane of the device. One that had it leaves what it did in its counts, as when a newer rollout takes the device.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "schemas/limits.h"

namespace muster::rules {

// The first override that keeps a device from these releases' planes; an empty sentence: none does.
std::string Core::overridden(const std::vector<KnownRelease>& releases, DeviceIndex index) const {
  if (overrides_.none()) return {};
  for (const auto& release : releases) {
    const auto plane = static_cast<std::size_t>(release.plane);
    if (const auto* override = overrides_.find(fleet_.id(index), plane); override != nullptr)
      return describe_override(plane, *override);
  }
  return {};
}

// A device that changes what it runs, or failed to, is not given something else beside it: a rollout would take its end
// for that of its own attempt, and the next assignment would bring what failed once more.
std::string Core::fault_of_members(DeviceIndex index, std::size_t overridden_plane) const {
  const Device& device = fleet_[index];
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    const Rollout& rollout = *member.rollout;
    const auto is = "it is " + std::string(name_of(member.standing)) + " in rollout " + rollout.name();
    if (in_flight(member) && rollout.serving())
      return is + ", which is " + std::string(name_of(rollout.state)) + "; wait for its end, or take it out with " +
             "'rollout cancel'";
    if (in_flight(member)) {
      return is + "; wait until it has gone back" +
             (rollout.state == RolloutState::reverting ? ", or take it out with 'rollout cancel'" : "");
    }
    if (!rollout.serving() || member.gone() || !member.reached || rollout.rule.shadow) continue;
    for (std::size_t plane = 0; plane < plane_count; ++plane) {
      const bool other = rollout.governs(plane) && plane != overridden_plane;
      if (other && device.assigned[plane] != device.active[plane])
        return is + " and does not run what that gives plane " + std::string(name_of(static_cast<Plane>(plane))) +
               "; take it out with 'rollout cancel'";
    }
  }
  return {};
}

std::string Core::fault_of_override(DeviceIndex index, const KnownRelease& release) const {
  const auto plane = static_cast<std::size_t>(release.plane);
  const auto name = describe(release);
  const auto* known = overrides_.find(fleet_.id(index), plane);
  if (known != nullptr && known->manifest == release.manifest && fleet_[index].active[plane] != 0 &&
      fleet_.digest(fleet_[index].active[plane]) == release.manifest)
    return describe_override(plane, *known) + ", and the device runs it";
  if (const auto hold = orders_.hold(fleet_.id(index), fleet_.facts(index), {release.manifest}, false); hold) {
    const bool freeze = hold->order->order.kind == OrderKind::freeze;
    return (freeze ? "release " + name + " is frozen" : std::string("updates are paused")) + " in " +
           std::string(hold->scope) + " by " + hold->order->order.by + "; " +
           (freeze ? "thaw it first" : "resume there first");
  }
  if (release.reach == Reach::development) return "release " + name + " is in development; no device may run it yet";
  if (const auto floor = fleet_[index].floor[plane]; release.security_version < floor) {
    return "release " + name + " has security version " + std::to_string(release.security_version) +
           ", under the device's floor of " + std::to_string(floor) + "; it would refuse it";
  }
  if (const auto misfit = unfit({release}, contrary_to({release}), index);
      misfit.misfit != Misfit::none && misfit.misfit != Misfit::overridden)
    return "it cannot run " + name + ": " + misfit.why;
  return fault_of_members(index, plane);
}

// Rollouts that have the plane let the device go: what they did with it stays in their counts.
void Core::leave_for_override(DeviceIndex index, std::size_t plane) {
  auto each = fleet_[index].first_member;
  while (each != 0) {
    const auto next = members_[each].next_of_device;
    if (members_[each].rollout->governs(plane) && members_[each].reached) {
      members_.change(each, [](Member& m) { m.target = false; });
      members_.depart(each);
    }
    each = next;
  }
}

Core::Answer Core::run(const Command& command, const OverrideDevice& body) {
  Answer answer;
  const auto id = body.device.substr(0, limits::id_len_max);
  answer.subject = id;
  const auto index = fleet_.find(body.device);
  if (index == 0 || !fleet_[index].reported) {
    answer.message = unknown_device(id);
    return answer;
  }
  const auto& release = body.release;
  const auto plane = static_cast<std::size_t>(release.plane);
  const auto what = "plane " + std::string(name_of(release.plane)) + " of device " + id;
  answer.message = release.manifest.is_zero()
                       ? "release " + describe(release) + " is not published here; publish it first"
                       : fault_of_override(index, release);
  if (answer.message.empty()) {
    answer.message =
        overrides_.set(id, plane,
                       {describe(release), release.manifest, release.security_version, next_epoch_of(index),
                        command.who, command.why, turn_.now_s, release.needs.version_min});
  }
  if (!answer.message.empty()) {
    answer.message = what + ": " + answer.message;
    return answer;
  }
  Device& device = fleet_[index];
  known_[release.manifest] = known_of(release);
  leave_for_override(index, plane);
  // What an ended rollout could not bring is not brought along.
  for (std::size_t other = 0; other < plane_count; ++other) {
    const bool ended = other != plane && device.assigned[other] != 0 &&
                       device.assigned[other] != device.active[other] && overrides_.find(id, other) == nullptr;
    if (ended) fleet_.set_digest(device.assigned[other], device.active[other]);
  }
  const auto digest = fleet_.intern(release.manifest);
  fleet_.set_digest(device.assigned[plane], digest);
  fleet_.drop(digest);
  device.holder[plane] = 0;
  give(index, 0, device.sequence, 0);
  reconsider(index);
  turn_.overrides.insert(id);
  learn_releases();
  const auto text = describe(release) + " (epoch " + std::to_string(device.assigned_epoch) +
                    "); no rollout has the plane until it is cleared";
  turn_.audit(command.who, audit::device_overridden, id, with_reason(what + ": " + text, command.why));
  settle_all();
  return {true, what + " is overridden: " + text, id};
}

Core::Answer Core::run(const Command& command, const ClearOverride& body) {
  Answer answer;
  const auto id = body.device.substr(0, limits::id_len_max);
  answer.subject = id;
  const auto plane = static_cast<std::size_t>(body.plane);
  const auto what = "plane " + std::string(name_of(body.plane)) + " of device " + id;
  const auto* known = overrides_.find(id, plane);
  if (known == nullptr) {
    answer.message = what + " has no override";
    return answer;
  }
  const auto was = known->release;
  overrides_.clear(id, plane);
  turn_.overrides.insert(id);
  learn_releases();
  const auto index = fleet_.find(id);
  auto now = std::string("no rollout gives it anything else");
  if (index != 0) {
    reconsider(index);
    judge_all(index);
    offer_freed();
    if (const auto* holder = by_number(fleet_[index].holder[plane]); holder != nullptr)
      now = "rollout " + holder->name() + " has it now";
  }
  turn_.audit(command.who, audit::override_cleared, id,
              with_reason(what + ": it was " + was + "; " + now, command.why));
  settle_all();
  return {true, "the override of " + what + " (" + was + ") is cleared; " + now, id};
}

// What became of it, as the device's newest report says.
std::vector<DeviceOverride> Core::overrides_of(DeviceIndex index) const {
  std::vector<DeviceOverride> found;
  const Device& device = fleet_[index];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto* override = overrides_.find(fleet_.id(index), plane);
    if (override == nullptr) continue;
    const bool runs = fleet_.digest(device.active[plane]) == override->manifest;
    const bool ended = device.attempt == AttemptState::rolled_back || device.attempt == AttemptState::failed;
    const bool failed = !runs && ended && device.attempt_epoch >= override->epoch;
    found.push_back({static_cast<Plane>(plane), override->release, override->who, override->why, override->since_s,
                     runs     ? OverrideState::active
                     : failed ? OverrideState::failed
                              : OverrideState::pending});
  }
  return found;
}

void Core::flush_overrides(std::vector<Effect>& effects) const {
  for (const auto& id : turn_.overrides) {
    const auto key = "override/" + id;
    const bool stands = overrides_.devices().find(id) != overrides_.devices().end();
    ByteWriter body;
    if (stands) overrides_.encode(id, body);
    effects.emplace_back(Persist{key, stands ? std::optional(seal_record(key, body.bytes())) : std::nullopt});
  }
}

}  // namespace muster::rules
