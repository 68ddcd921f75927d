// What devices say, and what time does to them (deadlines.cpp says when).
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

namespace {

// From its way back on, what a device fails at is the rehearsal, until it is done.
Judgement in_rehearsal(const Member& member, const Judgement& said) {
  const bool back = member.rehearsal == Rehearsal::back;
  if (member.gone() || member.standing == Standing::done || (!back && member.rehearsal != Rehearsal::forth))
    return said;
  Judgement judgement = said;
  judgement.error = rehearsal_failed;
  judgement.detail = std::string(back ? "on its way back: " : "on its second way forward: ") + said.error +
                     (said.detail.empty() ? "" : ": " + said.detail);
  return judgement;
}

// It runs something else: for rollouts that have not assigned it anything it is no measure of what the fleet does by
// itself.
void leave_controls(Members& members, const Device& device) {
  for (auto each = device.first_member; each != 0; each = members[each].next_of_device) {
    const Member& member = members[each];
    if (!member.reached && member.watch != 0) member.rollout->guards.leave_control(member.watch);
  }
}

}  // namespace

void Core::on(const DeviceReport& report) {
  const auto index = fleet_.find_or_add(report.device);
  const bool was_idle =
      fleet_[index].first_member != 0 && orders_.idles(report.device, fleet_.facts(index)).has_value();
  const auto change = fleet_.absorb(index, report, turn_.now_s);
  if (change.stale) {
    ++stale_reports_;
    return;
  }
  if (change.durable) mark_persist(index);
  if (change.facts) change_site(index);
  turn_.device_clock_s = report.reported_s;
  learn_directive_epoch(report);
  if (change.versions) leave_controls(members_, fleet_[index]);
  judge_all(index);
  settle_and_offer_freed();
  if (!change.facts && !(change.versions && versions_matter())) return;
  // Only now, when each rollout knows what became of it there: new facts may hand it to another one.
  reconsider(index);
  judge_all(index);
  settle_and_offer_freed();
  for (auto member = fleet_[index].first_member; member != 0; member = members_[member].next_of_device) {
    if (members_[member].awaits_rehearsal()) go_on_rehearsing(member);
    if (was_idle) no_longer_idle(member);       // it may have left a group whose orders kept it from working
    arm(member);                                // or be in one now
    members_.touch(*members_[member].rollout);  // which its sentence may have named
  }
}

void Core::judge_all(DeviceIndex index) {
  for (auto member = fleet_[index].first_member; member != 0; member = members_[member].next_of_device) {
    apply(member, judge(members_[member], fleet_[index], fleet_), fleet_.id(index));
    note_shadowing(member);
    note_conditions(member);
    members_.follow(member);
  }
}

// A device accepts only what is newer than the newest it has seen. When it has seen more than these records know of,
// they were lost or are an old copy: epochs go on above it, or its next safe-mode order would be refused as a replay.
void Core::learn_directive_epoch(const DeviceReport& report) {
  if (report.directive_epoch <= directive_epoch_ || report.directive_epoch > believable_epoch_max) return;
  turn_.note("device " + report.device + " has accepted directive epoch " + std::to_string(report.directive_epoch) +
             ", and the newest in these records is " + std::to_string(directive_epoch_) +
             ": they were lost or are an old copy. Later orders are numbered above it; orders given since must be "
             "given again");
  directive_epoch_ = report.directive_epoch;
  turn_.engine = true;
}

void Core::on(const DeviceSeen& seen) {
  const auto index = fleet_.find_or_add(seen.device);
  Device& device = fleet_[index];
  device.last_seen_s = turn_.now_s;
  if (device.connected) return;
  const auto lost_s = std::max(device.link_since_s, started_s_);
  device.connected = true;
  device.link_since_s = turn_.now_s;
  for (auto member = device.first_member; member != 0; member = members_[member].next_of_device) {
    leave_out_absence(member, lost_s);
    if (members_[member].standing == Standing::unreachable) {
      members_.change(member, [&](Member& m) { m.standing = m.reached ? in_work(member) : Standing::waiting; });
    }
    arm(member);
  }
  go_on_in_window(index);
}

void Core::on(const DeviceLost& lost) {
  const auto index = fleet_.find(lost.device);
  if (index == 0 || !fleet_[index].connected) return;
  Device& device = fleet_[index];
  if (!device.reported) {  // a client that never was a device of ours leaves nothing behind
    fleet_.remove(index);
    return;
  }
  device.connected = false;
  device.link_since_s = device.last_seen_s = turn_.now_s;
  for (auto member = device.first_member; member != 0; member = members_[member].next_of_device) arm(member);
}

void Core::on(const Tick&) {
  std::vector<MemberIndex> due;
  std::uint64_t deadline_s = 0;
  MemberIndex member = 0;
  while (timers_.take_due(turn_.now_s, deadline_s, member)) {
    if (!members_.live(member) || members_[member].timer_s != deadline_s) continue;
    members_.set_timer(member, 0);
    due.push_back(member);
  }
  members_.sort_by_id(due);
  std::stable_sort(due.begin(), due.end(), [this](MemberIndex a, MemberIndex b) {
    return members_[a].rollout->number < members_[b].rollout->number;
  });
  const auto again = std::stable_partition(due.begin(), due.end(), [this](MemberIndex index) {
    return members_[index].standing != Standing::retrying || retry_due_s(index) != turn_.now_s;
  });
  for (auto each = due.begin(); each != again; ++each) expire(*each);
  settle_and_offer_freed();
  for (const auto& [number, rollout] : rollouts_) {
    const bool in_time = rollout->guards_due_s != 0 && turn_.now_s >= rollout->guards_due_s;
    if (in_time) rollout->guards_due_s = 0;
    // Before a device is reached nothing is compared with the drift.
    const bool drifted = rollout->guards.any() && rollout->total().reached != 0 && rollout->guards.take_drift();
    if (drifted) rollout->persist = true;
    rollout->offer_due = rollout->pace.waiting() != 0 && rollout->assigning();
    if (rollout->sentence_due || in_time || drifted || rollout->offer_due) members_.touch(*rollout);
  }
  for (const auto& [number, rollout] : rollouts_) (void)fail_who_cannot_go_back(*rollout);
  settle_all();  // what has failed halts before anybody is assigned
  for (auto each = again; each != due.end(); ++each) {
    if (members_.live(*each) && !try_again(*each)) arm(*each);
  }
  for (const auto& [number, rollout] : rollouts_) {
    const bool lined_up = open_windows(*rollout) || again != due.end();
    if (!lined_up || rollout->pace.waiting() == 0 || !rollout->assigning()) continue;
    rollout->offer_due = true;
    members_.touch(*rollout);
  }
}

void Core::apply(MemberIndex index, Judgement judgement, std::string_view who) {
  const Member& member = members_[index];
  if (member.standing == Standing::cancelled) return;
  if (!member.rollout->serving() && !member.withdrawn) return;  // an aborted rollout no longer minds what was kept
  if (judgement.finding == Finding::nothing && member.standing == Standing::holding) {  // it goes there again, or on
    members_.change(index, [&](Member& m) {
      m.standing = in_work(index);
      m.assigned_s = turn_.now_s;  // what it held is none of the time that an attempt may take
    });
    mark_persist(member.device);
    arm(index);
  }
  switch (judgement.finding) {
    case Finding::nothing:
      return;
    case Finding::done:
      if (member.standing == Standing::done || is_yet_to_hold(member)) return;
      if (has_to_go_back(member)) return rehearse_back(index);
      recover(index);
      return;
    case Finding::failed:
      fail(index, judgement, who);
      return;
    case Finding::reverted:
      if (member.rehearsal == Rehearsal::back) return rehearse_forth(index);
      if (member.standing == Standing::reverted) return;
      members_.change(index, [](Member& m) { m.standing = m.cancelled ? Standing::cancelled : Standing::reverted; });
      if (member.cancelled || member.rollout->state == RolloutState::reverting) turn_.freed.push_back(member.device);
      offer_to_others(member.device);
      mark_persist(member.device);
      return;
    case Finding::holding:
      // It had failed when its wave was let go, and was told nothing; now it does the same once more, for its repair.
      if (member.standing == Standing::failed && member.rollout->assigning() && !is_held_back(member))
        (void)tell_hold(index);
      if (member.standing != Standing::assigned) return;
      members_.change(index, [](Member& m) { m.standing = Standing::holding; });
      mark_persist(member.device);
      note_holding(index);
      return;
    case Finding::not_reverted:
      if (member.standing != Standing::reverting && member.standing != Standing::unreachable) return;
      fail(index, judgement, who);
      return;
  }
}

// Done, perhaps after a failure: a device that runs the versions after all is no longer counted as failed.
void Core::recover(MemberIndex index) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const bool rehearsed = member.rehearsal == Rehearsal::forth && member.standing != Standing::failed;
  const bool had_failed = member.failed;
  rollout.retries.forget(index);
  rollout.clocks.forget(index);
  await_no_window(index);
  if (rollout.failed_in_a_row != 0) rollout.persist = true;
  rollout.failed_in_a_row = 0;
  members_.change(index, [](Member& m) {
    m.standing = Standing::done;
    m.failed = m.acknowledged = m.rolled_back = false;
  });
  if (!rollout.rule.shadow)
    members_.set_measured_from(index, turn_.device_clock_s != 0 ? turn_.device_clock_s : turn_.now_s);
  // It has just spoken: its silence counts from here, however long the update took.
  if (auto& guards = rollout.guards; member.watch != 0)
    guards.watches[member.watch].heard_s = static_cast<std::uint32_t>(turn_.now_s);
  arm(index);
  offer_to_others(member.device);
  mark_persist(member.device);
  if (had_failed) forget_failure(index, "it runs the assigned versions after all");
  if (!rehearsed) return;
  const auto& tally = rollout.tally_of(member.wave);
  turn_.audit("muster", audit::device_rehearsed, fleet_.id(member.device),
              "rollout " + rollout.name() + ": it has taken the versions, gone back and taken them again; so have " +
                  std::to_string(tally.of(Standing::done)) + " of " + count_text(tally.devices(), "device") + " of " +
                  describe_wave(rollout.rule.waves[member.wave]) + rollout.lines.cite(Clause::wave, member.wave));
}

// It has shown what it failed to show before. REQUIRES: it is not counted as failed any more.
void Core::forget_failure(MemberIndex index, const std::string& why) {
  Rollout& rollout = *members_[index].rollout;
  const auto id = fleet_.id(members_[index].device);
  std::erase_if(rollout.failures, [&](const FailedDevice& failure) { return failure.device == id; });
  rollout.persist = true;
  turn_.audit(id, audit::device_recovered, id,
              "rollout " + rollout.name() + ": " + why + "; " + count_text(rollout.total().failed, "device") +
                  " of the rollout still failed");
}

void Core::fail(MemberIndex index, const Judgement& said, std::string_view who) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const Judgement judgement = in_rehearsal(member, said);
  const bool known = member.standing == Standing::failed;
  if (known && (!judgement.rolled_back || member.rolled_back || member.withdrawn)) return;
  if (wait_to_retry(index, said, who)) return;
  const auto tries = rollout.retries.of(index).failed;
  rollout.retries.forget(index);
  rollout.clocks.forget(index);
  members_.change(index, [&](Member& m) {
    m.standing = m.cancelled ? Standing::cancelled : Standing::failed;
    if (m.withdrawn) return;  // that it could not go back is not the new version's failure
    if (!known) m.acknowledged = false;
    m.failed = true;
    m.rolled_back = judgement.rolled_back;
  });
  if (!known && !member.withdrawn) {
    ++rollout.failed_in_a_row;
    rollout.waves[rollout.wave].approved_by.clear();  // they approved what it was
  }
  mark_persist(member.device);
  if (member.cancelled || rollout.state == RolloutState::reverting) turn_.freed.push_back(member.device);
  offer_to_others(member.device);
  const std::string id(fleet_.id(member.device));
  const bool acknowledged = member.acknowledged;
  std::erase_if(rollout.failures, [&](const FailedDevice& failure) { return failure.device == id; });
  rollout.failures.insert(rollout.failures.begin(), {id, judgement.error, judgement.detail, acknowledged});
  if (rollout.failures.size() > failures_shown_max) rollout.failures.pop_back();
  rollout.persist = true;
  if (known) return;

  std::string why = "rollout " + rollout.name() + ": " + judgement.error;
  if (!judgement.detail.empty()) why += ": " + judgement.detail;
  if (tries != 0)
    why += "; " + attempt_text(rollout.rule.retry, judgement.error, tries + 1) + rollout.lines.cite(Clause::retry);
  troubles_.count(said.error);  // of a rehearsal too: what it failed by
  if (member.withdrawn) {
    turn_.audit(who, audit::device_not_reverted, id, why + "; it keeps what it runs");
    return;
  }
  const auto& tally = rollout.tally_of(member.wave);
  why += "; " + describe_wave(rollout.rule.waves[member.wave]) + ": " + std::to_string(tally.of(Standing::done)) +
         " done, " + std::to_string(tally.failed) + " failed of " + std::to_string(tally.devices()) + "; " +
         count_text(rollout.total().unacknowledged, "unacknowledged failure") + ", the rule halts at " +
         describe_halt(rollout, halt_limits_of(rollout.rule));
  turn_.audit(who, audit::device_failed, id, std::move(why));
}

}  // namespace muster::rules
