#include "rules/engine/judge.h"

namespace muster::rules {

namespace {

bool ended_badly(const Device& device) {
  return device.attempt == AttemptState::rolled_back || device.attempt == AttemptState::failed;
}

// True when every plane that the rollout governs runs what is `wanted` there.
bool runs_own_planes(const Rollout& rollout, const Device& device, const PerPlane<Handle>& wanted) {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (rollout.governs(plane) && device.active[plane] != wanted[plane]) return false;
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
  if (device.attempt == AttemptState::committed && runs_own_planes(*member.rollout, device, device.assigned))
    return {Finding::reverted, false, {}, {}};
  if (!ended_badly(device) || device.attempt_epoch != member.epoch) return {};
  auto judgement = failure(device, fleet, "revert_failed",
                           "the attempt to go back ended as " + std::string(name_of(device.attempt)));
  if (member.withdrawn) judgement.finding = Finding::not_reverted;
  judgement.rolled_back = judgement.rolled_back && member.withdrawn;  // in a rehearsal: to the new version
  return judgement;
}

}  // namespace

Judgement judge(const Member& member, const Device& device, const Fleet& fleet) {
  if (!member.reached) return {};
  if (member.withdrawn || member.rehearsal == Rehearsal::back) return judge_way_back(member, device, fleet);
  if (member.rehearsed_back()) return {};
  const bool about_it = device.attempt_epoch >= member.epoch && device.attempt_epoch <= device.assigned_epoch;
  const bool newest = device.assigned_epoch == member.epoch;
  // Not what it is assigned: a release that failed there is taken out of that while it waits to try again.
  const bool own_planes = runs_own_planes(*member.rollout, device, member.rollout->target);
  const bool was_done = member.standing == Standing::done || member.awaits_rehearsal();

  if (about_it && ended_badly(device) && (device.attempt_epoch == member.epoch || !own_planes)) {
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
  return {};
}

}  // namespace muster::rules
