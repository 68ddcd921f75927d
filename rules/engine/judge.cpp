#include "rules/engine/judge.h"

namespace muster::rules {

namespace {

// True when the rollout's planes are the same in both.
bool same_on_own_planes(const Rollout& rollout, const PerPlane<Handle>& a, const PerPlane<Handle>& b) {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (rollout.governs(plane) && a[plane] != b[plane]) return false;
  }
  return true;
}

bool runs_all_planes(const Device& device) {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (device.assigned[plane] != 0 && device.active[plane] != device.assigned[plane]) return false;
  }
  return true;
}

Judgement failure(const Device& device, const Fleet& fleet, std::string_view error, std::string_view detail) {
  Judgement judgement{Finding::failed, device.attempt == AttemptState::rolled_back, std::string(error),
                      std::string(detail)};
  if (device.error != 0) {
    judgement.error = fleet.text(device.error);
    judgement.detail = fleet.text(device.detail);
  }
  return judgement;
}

// Of a device that was told to go back, for good or in a rehearsal: health is not asked for, only that it runs its
// earlier versions.
Judgement judge_way_back(const Member& member, const Device& device, const Fleet& fleet) {
  const bool about_it = device.attempt_epoch >= member.epoch && device.attempt_epoch <= device.assigned_epoch;
  if (!about_it) return {};
  const bool is_back =
      member.rollout->rule.shadow || same_on_own_planes(*member.rollout, device.active, device.assigned);
  if (device.attempt == AttemptState::committed && is_back) return {Finding::reverted, false, {}, {}};
  if (!has_ended_badly(device) || device.attempt_epoch != member.epoch) return {};
  auto judgement = failure(device, fleet, "revert_failed",
                           "the attempt to go back ended as " + std::string(name_of(device.attempt)));
  if (member.withdrawn) judgement.finding = Finding::not_reverted;
  judgement.rolled_back = judgement.rolled_back && member.withdrawn;  // in a rehearsal: to the new version
  return judgement;
}

// Nothing is switched, so it is about the attempt alone, and what comes after its end says nothing about it.
Judgement judge_shadow(const Member& member, const Device& device, const Fleet& fleet) {
  if (device.attempt_epoch != member.epoch || member.standing == Standing::done) return {};
  if (has_ended_badly(device))
    return failure(device, fleet, "shadow_failed", "its attempt ended as " + std::string(name_of(device.attempt)));
  const bool over = device.attempt == AttemptState::committed && device.state == DeviceState::healthy;
  return over ? Judgement{Finding::done, false, {}, {}} : Judgement{};
}

}  // namespace

bool brings_its_releases(const Rollout& rollout, const Device& device) {
  return same_on_own_planes(rollout, device.assigned, rollout.target);
}

bool is_holding(const Member& member, const Device& device) {
  return member.reached && !member.gone() && device.attempt_epoch >= member.epoch && waits_in_hold(device) &&
         brings_its_releases(*member.rollout, device);
}

bool is_in_between(const Member& member, const Device& device) {
  const bool changes = device.attempt >= AttemptState::verifying && device.attempt <= AttemptState::soaking;
  return device.attempt_epoch == member.epoch &&
         (changes || device.attempt == AttemptState::held || device.attempt == AttemptState::shadowing);
}

Nearness nearness_of(const Member& member, const Device& device) {
  if (!member.reached || member.gone() || member.frozen) return Nearness::out;
  switch (member.standing) {
    case Standing::done:  // in the shadow its time is over
      return member.rollout->rule.shadow ? Nearness::out : Nearness::observed;
    case Standing::assigned:
    case Standing::holding:
    case Standing::retrying:
      return is_in_between(member, device) ? Nearness::observed : Nearness::at_work;
    case Standing::rehearsing:
      return Nearness::at_work;
    case Standing::unreachable:
      return member.rehearsal != Rehearsal::back && is_in_between(member, device) ? Nearness::observed : Nearness::out;
    default:
      return Nearness::out;
  }
}

Judgement judge(const Member& member, const Device& device, const Fleet& fleet) {
  if (!member.reached) return {};
  if (member.withdrawn || member.rehearsal == Rehearsal::back) return judge_way_back(member, device, fleet);
  if (member.rehearsed_back()) return {};
  if (member.rollout->rule.shadow) return judge_shadow(member, device, fleet);
  const bool about_it = device.attempt_epoch >= member.epoch && device.attempt_epoch <= device.assigned_epoch;
  const bool newest = device.assigned_epoch == member.epoch;
  // Not what it is assigned: a release that failed there is taken out of that while it waits to try again.
  const bool own_planes = same_on_own_planes(*member.rollout, device.active, member.rollout->target);
  // A later attempt, for another rollout's planes, says something about this one when it was to bring its releases too.
  const bool brought = brings_its_releases(*member.rollout, device);
  const bool was_done = member.standing == Standing::done || member.awaits_rehearsal();

  if (about_it && has_ended_badly(device) && (device.attempt_epoch == member.epoch || (!own_planes && brought))) {
    return failure(device, fleet, name_of(device.attempt),
                   "its attempt ended as " + std::string(name_of(device.attempt)));
  }
  if (was_done && !own_planes) {
    return failure(device, fleet, "regressed", "it was done and now runs other versions than the assigned ones");
  }
  if (was_done && newest && device.state == DeviceState::rolled_back) {
    auto judgement = failure(device, fleet, "regressed", "it was done and now says that it rolled back");
    judgement.rolled_back = true;
    return judgement;
  }
  const bool whole = device.attempt_epoch != device.assigned_epoch || runs_all_planes(device);
  if (about_it && device.attempt == AttemptState::committed && own_planes && whole &&
      device.state == DeviceState::healthy) {
    return {Finding::done, false, {}, {}};
  }
  if (is_holding(member, device)) return {Finding::holding, false, {}, {}};
  return {};
}

}  // namespace muster::rules
