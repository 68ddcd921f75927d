// Which rollout may have a device; assigning, and taking back.
//
// A plane of a device belongs to the rollout that assigned it last, its holder. While the holder is active nobody else
// may have the plane, except an active one of higher priority; once it has ended, a newer rollout may, and an active
// one also when the holder was aborted or no longer matches the device. One that takes its devices back lets each go
// when that is over for it.
#include <algorithm>
#include <cassert>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

namespace {

// A device names the epoch of its attempt. What it says is taken into account, so that a broker whose records were lost
// still gives epochs that the device accepts.
std::uint64_t next_epoch(const Device& device) {
  const auto said = device.attempt_epoch <= believable_epoch_max ? device.attempt_epoch : 0;
  return std::max(device.assigned_epoch, said) + 1;
}

}  // namespace

// The rollout's planes backwards, the others where they were: what goes first on the way in goes last on the way out.
// The plane that the rule wants back first comes before all.
Sequence Core::reversed(const Rollout& rollout) {
  std::array<std::size_t, plane_count> planes{};
  for (std::size_t i = 0; i < plane_count; ++i) planes[i] = plane_at(rollout.sequence, i);
  std::size_t low = 0;
  std::size_t high = plane_count - 1;
  while (low < high) {
    if (!rollout.governs(planes[low])) {
      ++low;
    } else if (!rollout.governs(planes[high])) {
      --high;
    } else {
      std::swap(planes[low++], planes[high--]);
    }
  }
  if (const auto first = rollout.rule.rollback_first)
    std::stable_partition(planes.begin(), planes.end(),
                          [&](std::size_t plane) { return plane == static_cast<std::size_t>(*first); });
  return static_cast<Sequence>(planes[0] | (planes[1] << 2) | (planes[2] << 4));
}

// What an aborted rollout of higher priority took while this one was at work comes back to it, also when it has
// completed without.
bool Core::is_given_back(const Rollout& rollout, const Rollout* holder, DeviceIndex index) const {
  if (holder == nullptr || holder->rule.priority <= rollout.rule.priority) return false;
  const bool over = holder->state == RolloutState::aborted ||
                    (holder->state == RolloutState::reverting && has_let_go(*holder, index));
  return over && holder->started_s <= rollout.ended_s && members_.find(index, rollout) != 0;
}

Core::Claim Core::claim_on_plane(const Rollout& rollout, DeviceIndex index, std::uint32_t number) const {
  const bool newer = rollout.number > number;
  const Rollout* holder = by_number(number);  // null: forgotten, which only ended ones are
  const bool let_go = holder != nullptr && has_let_go(*holder, index);
  if (holder != nullptr && holder->serving() && outranks(rollout, *holder)) return Claim::free;
  if (holder != nullptr && holder->active() && !let_go) return newer || rollout.active() ? Claim::held : Claim::lost;
  if (rollout.rule.shadow && rollout.active()) return Claim::free;  // it takes nothing that somebody may keep
  if (newer) {
    // What one of higher priority brought stays, also when it ends while this one is at work.
    const bool outlived = holder != nullptr && holder->state == RolloutState::completed && !let_go &&
                          holder->rule.priority > rollout.rule.priority && holder->ended_s > rollout.started_s;
    return !outlived ? Claim::free : rollout.active() ? Claim::held : Claim::lost;
  }
  if (!rollout.active()) return is_given_back(rollout, holder, index) ? Claim::free : Claim::lost;
  if (holder == nullptr || let_go || holder->state == RolloutState::aborted) return Claim::free;
  const auto member = members_.find(index, *holder);
  return member != 0 && !members_[member].target ? Claim::free : Claim::held;
}

Core::Claim Core::claim_on(const Rollout& rollout, DeviceIndex index) const {
  Claim claim = Claim::free;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto number = fleet_[index].holder[plane];
    if (!rollout.governs(plane) || number == 0 || number == rollout.number) continue;
    claim = std::max(claim, claim_on_plane(rollout, index, number));
  }
  return claim;
}

// Assigns the rollout's versions to a device of an open wave, unless another rollout holds it, an order forbids it or
// the rollout does not assign now; then it stays unassigned and is tried again when that ends.
// With windows and a pace, what stands in no other's way waits for its time.
bool Core::try_assign(MemberIndex index, bool its_turn) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const auto device_index = member.device;
  assert(member.wave != no_wave && !member.reached);
  if (!rollout.assigning()) return false;

  Standing blocked = Standing::assigned;
  if (member.frozen) {
    blocked = Standing::waiting;
    mark_persist(device_index);
  } else if (member.stopped) {
    blocked = Standing::waiting;
  } else if (claim_on(rollout, device_index) != Claim::free || outranked_by(rollout, device_index) != nullptr ||
             at_work_beside(rollout, device_index) != nullptr) {
    blocked = Standing::held_by_other;
  } else if (orders_.hold(fleet_.id(device_index), fleet_.facts(device_index), rollout.manifests, false)) {
    blocked = Standing::waiting;
  }
  if (blocked != Standing::assigned) {
    await_no_window(index);
  } else if (!may_go(index, its_turn)) {
    blocked = member.window_zone != 0 && is_missed(member) ? Standing::unreachable : Standing::waiting;
  }
  if (member.frozen || blocked != Standing::assigned) {
    members_.touch(rollout);  // what stands in the way may be another thing than before
    if (member.standing != blocked) {
      members_.change(index, [&](Member& m) { m.standing = blocked; });
      mark_persist(device_index);
    }
    arm(index);
    return false;
  }

  members_.set_paced(index, false);  // a pace that was lifted may have left it in the queue
  const bool switches = !rollout.rule.shadow;
  if (switches) take_from_others(rollout, device_index);
  Device& device = fleet_[device_index];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!rollout.governs(plane) || !switches) continue;
    // One that begins anew before it has gone back goes back to what it ran at first.
    if (member.prior[plane] == 0) members_.set_prior(index, plane, device.active[plane]);
    fleet_.set_digest(device.assigned[plane], rollout.target[plane]);
    device.holder[plane] = rollout.number;
  }
  leave_behind_what_failed(rollout, device_index);
  if (rollout.guards.any() && rollout.guards.reach(watch_of(index), fleet_.facts(device_index))) rollout.persist = true;
  // What stood in its way does so no more: what its wave holds is asked by its standing.
  members_.change(index, [](Member& m) {
    m.reached = true;
    m.standing = Standing::assigned;
  });
  issue(device_index, index, rollout.sequence, rollout.rule.waves[member.wave].soak_s);
  return true;
}

// What a device failed at is not brought along by the next assignment of another plane: it would fail that rollout's
// attempt as well. Who has the plane gives it anew when it tries again. What a device could not go back to it may try
// once more.
void Core::leave_behind_what_failed(const Rollout& rollout, DeviceIndex index) {
  Device& device = fleet_[index];
  if (!has_ended_badly(device) || device.attempt_epoch != device.assigned_epoch) return;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const bool was_assigned = device.assigned[plane] != 0;
    const bool brought_anew = rollout.governs(plane) && !rollout.rule.shadow;
    if (brought_anew || !was_assigned || device.assigned[plane] == device.active[plane]) continue;
    const auto* holder = by_number(device.holder[plane]);
    const auto member = holder == nullptr ? 0 : members_.find(index, *holder);
    const bool goes_back = member != 0 && members_[member].reached && members_[member].withdrawn;
    if (!goes_back) fleet_.set_digest(device.assigned[plane], device.active[plane]);
  }
}

// The device leaves rollouts that share a plane and have ended, or ended for it, or have a lower priority; what they
// did with it stays in their counts. One that shadows has taken nothing from which it could be taken: its assignment
// ends with this one, and what it has found out stands.
void Core::take_from_others(const Rollout& rollout, DeviceIndex index) {
  auto member = fleet_[index].first_member;
  while (member != 0) {
    const auto next = members_[member].next_of_device;
    const Rollout& other = *members_[member].rollout;
    const bool shares = &other != &rollout && other.shares_plane_with(rollout);
    const bool ended = !other.active() || members_[member].standing == Standing::cancelled || has_let_go(other, index);
    if (shares && members_[member].reached) {
      assert(ended || outranks(rollout, other) || other.rule.shadow);
      const bool over = other.rule.shadow && !in_flight(members_[member]);  // has nothing that could be taken
      if (!over) inherit_prior(member, rollout);
      if (ended) {
        depart(member);
      } else if (outranks(rollout, other) && !over) {
        supersede(member, rollout);
      }
    } else if (shares) {
      inherit_prior(member, rollout);  // taken by a third one before
    }
    member = next;
  }
}

// A device that the rollout's waves would not have again (it was in a ring and is not any more) is one of those outside
// them now: what restore_controls finds out from facts and rules has to hold here too.
void Core::depart(MemberIndex index) {
  Rollout& rollout = *members_[index].rollout;
  const auto device = members_[index].device;
  const bool outside = members_[index].target && rollout.serving() && wave_of(rollout, device) == no_wave;
  if (outside) members_.change(index, [](Member& m) { m.target = false; });
  members_.depart(index);
  if (!outside) return;
  Member fields;
  fields.target = true;
  fields.stopped = is_stopped(rollout, device);
  fields.frozen = rollout.guards.frozen(fleet_.facts(device));
  note_outside_ring(rollout, members_.add(rollout, device, fields));
}

std::uint64_t Core::next_epoch_of(DeviceIndex index) const {
  return next_epoch(fleet_[index]);
}

// A new assignment from what `device.assigned` now says. `cause`: the rollout's number; 0: an operator's override.
void Core::give(DeviceIndex index, std::uint32_t cause, Sequence sequence, std::uint64_t soak_s) {
  Device& device = fleet_[index];
  device.assigned_epoch = next_epoch(device);
  device.cause = cause;
  device.sequence = sequence;
  device.soak_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(soak_s, UINT32_MAX));
  device.hold = hold_for(index);
  const auto* rollout = by_number(cause);
  const auto member = rollout != nullptr && rollout->rule.shadow ? members_.find(index, *rollout) : 0;
  device.shadow = member != 0 && !members_[member].withdrawn;
  end_shadows(index, cause);
  mark_persist(index);
  mark_assign(index);
  if (device.hold != HoldPoint::none) return;
  // Who held with it for another rollout's sake is at work again, with its own time for that.
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    if (members_[each].standing != Standing::holding) continue;
    members_[each].rollout->clocks.set(each, turn_.now_s);
    members_.change(each, [&](Member& m) { m.standing = in_work(each); });
    arm(each);
  }
}

void Core::issue(DeviceIndex index, MemberIndex member, Sequence sequence, std::uint64_t soak_s) {
  give(index, members_[member].rollout->number, sequence, soak_s);
  const Device& device = fleet_[index];
  members_[member].rollout->retries.begin(member);
  members_[member].rollout->clocks.forget(member);
  members_.change(member, [&](Member& m) {
    m.epoch = device.assigned_epoch;
    m.assigned_s = turn_.now_s;
    m.standing = in_work(member);
    m.unmet = false;
  });
  if (members_[member].rollout->rule.shadow) members_.set_measured_from(member, not_yet_measured);
  members_[member].rollout->pace.assigned(turn_.now_s, turn_.now_s);
  arm(member);
}

void Core::retry_unassigned(Rollout& rollout) {
  // One that is about to halt assigns nobody first, when another one ends in the same moment.
  if (!rollout.assigning() || halt_limits_reached(rollout).any() || fail_who_cannot_go_back(rollout)) return;
  resume_retries(rollout);
  resume_rehearsals(rollout);
  if (rollout.total().of(Standing::failed) != 0) {  // they may hold although their wave was let go
    const auto let_go = members_.sorted(rollout, [this](const Member& m) {
      return m.standing == Standing::failed && is_holding(m, fleet_[m.device]) && !is_held_back(m);
    });
    for (const auto each : let_go) (void)tell_hold(each);
  }
  if (rollout.unassigned_in_waves() == 0) return;
  const auto unassigned =
      members_.sorted(rollout, [](const Member& member) { return member.wave != no_wave && !member.reached; });
  for (const auto member : unassigned) try_assign(member);
  rollout.offer_due = rollout.pace.waiting() != 0;
  if (rollout.offer_due) members_.touch(rollout);
}

// `ended` no longer holds its devices: whoever waits for one may have it.
void Core::offer_devices_of(const Rollout& ended) {
  for (auto* rollout : claims()) {
    if (rollout == &ended || !rollout->shares_plane_with(ended)) continue;
    retry_unassigned(*rollout);
  }
}

// Why a plane may not go back to what it ran before; empty when it may.
std::string Core::fault_of_return(const Member& member, std::size_t plane) const {
  auto fault = fault_of_prior(member, plane);
  return fault.empty() ? fault_of_requirements(member, plane) : fault;
}

std::string Core::fault_of_prior(const Member& member, std::size_t plane) const {
  const auto prior = member.prior[plane];
  if (prior == fleet_.empty_plane()) return {};
  const auto digest = fleet_.digest(prior);
  const auto floor = fleet_[member.device].floor[plane];
  const auto known = known_.find(digest);
  if (known != known_.end() && known->second.security_version < floor) {
    return "its earlier release has security version " + std::to_string(known->second.security_version) +
           ", under the device's floor of " + std::to_string(floor);
  }
  const auto hold = orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), {digest}, true);
  if (hold) return "its earlier release " + hold->order->release_name + " is frozen in " + std::string(hold->scope);
  return {};
}

// Tells a reached device to go back to what it ran before the rollout, so that one that was off does not install an
// aborted release on its return. A plane that may not go back stays as it runs now, and so does one that another
// rollout has taken.
void Core::withdraw(MemberIndex index) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  Device& device = fleet_[member.device];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!rollout.governs(plane) || rollout.rule.shadow || device.holder[plane] != rollout.number) continue;
    const auto fault = fault_of_return(member, plane);
    fleet_.set_digest(device.assigned[plane], fault.empty() ? member.prior[plane] : device.active[plane]);
    if (fault.empty()) continue;
    const auto name = std::string(name_of(static_cast<Plane>(plane)));
    turn_.audit("muster", audit::device_not_revertible, fleet_.id(member.device),
                "rollout " + rollout.name() + ": plane " + name + " stays as it is: " + fault);
  }
  members_.change(index, [](Member& m) {
    m.withdrawn = true;
    m.rehearsal = Rehearsal::none;
  });
  leave_out_what_holds(member.device, rollout);
  rollout.retries.forget(index);
  await_no_window(index);
  rollout.guards.excuse(member.watch);
  issue(member.device, index, reversed(rollout), 0);
}

}  // namespace muster::rules
