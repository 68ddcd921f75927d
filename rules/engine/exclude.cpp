// Whom operators take out of a rollout and let in again: the devices of a group, and single ones.
//
// A device under a stop that has nothing of the rollout is set aside: it stays a target, gets nothing and is waited for
// by no wave. One that has something keeps it, and its attempt and votes count as before; with revert it goes back
// first and is set aside then. Whether a device is under a stop follows from its facts, so one that changes groups is
// stopped or let go on by its next report. One in a rehearsal goes back first and is set aside then. A cancelled device
// is no target any more. What it did stays in the counts, as with one that a newer rollout takes: votes and failures
// are evidence that no operator may take away.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "rules/engine/facts.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

std::string fault_of_group(const std::string& group) {
  if (GroupRef ref; group.size() <= limits::topic_len_max && parse_group_ref(group, ref)) return {};
  std::string known;
  for (const auto name : group_attributes) known.append(known.empty() ? "" : ", ").append(name);
  return "\"" + group.substr(0, limits::id_len_max) + "\" is no group; write ATTRIBUTE=VALUE with one of " + known;
}

std::string goes_back_text(std::size_t count) {
  return count_text(count, "device") + (count == 1 ? " goes" : " go") + " back to " + (count == 1 ? "its" : "their") +
         " earlier versions";
}

}  // namespace

bool Core::is_stopped(const Rollout& rollout, DeviceIndex index) const {
  return rollout.exclusions.stop_of(fleet_.facts(index)) != nullptr;
}

// The rollout that an operator speaks of, when it still gives devices something; else the answer says what is wrong.
Rollout* Core::find_serving(const std::string& name, Answer& answer) const {
  auto* rollout = find_rollout(name);
  answer.subject = name.substr(0, limits::id_len_max);
  if (rollout == nullptr) {
    answer.message = unknown_rollout(name);
  } else if (!rollout->serving()) {
    answer.message = "rollout " + rollout->name() + " is " + std::string(name_of(rollout->state)) +
                     " and assigns nothing to any device";
  } else {
    return rollout;
  }
  return nullptr;
}

// Whether it is under a stop has changed, or may have. One that has been assigned is stopped by command alone: what it
// has is not taken from it because it moved into a group. One that waits to try again has nothing any more.
void Core::review_stop(MemberIndex index) {
  const Member& member = members_[index];
  if (member.cancelled) return;
  const bool stop = is_stopped(*member.rollout, member.device);
  if (stop && member.standing == Standing::retrying && !member.target) return give_up(index);
  if (stop && (member.standing == Standing::retrying || member.rehearsed_back())) {
    begin_anew(index);
    offer_to_others(member.device);
  }
  const bool kept = stop && member.reached;
  if (stop == member.stopped || kept) return;
  if (!stop && member.withdrawn && !member.target) return;  // begins anew when it is a target again
  if (!stop && member.withdrawn && member.target && !member.frozen) {
    begin_anew(index);
    return;
  }
  members_.change(index, [&](Member& m) { m.stopped = stop; });
  if (member.wave != no_wave) mark_persist(member.device);
}

// As if it had not been assigned yet, in its place: the next try_assign may give it the versions again. What it did
// stays in the counts of verdicts and failures, and what it measured before is what it is compared with again. One that
// has not gone back yet still has that way before it, so what it ran before the rollout is not forgotten.
void Core::begin_anew(MemberIndex index) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const bool is_back =
      member.standing == Standing::reverted || member.standing == Standing::retrying || member.rehearsed_back();
  for (std::size_t plane = 0; is_back && plane < plane_count; ++plane) members_.set_prior(index, plane, 0);
  rollout.guards.begin_anew(member.watch, member.reached, member.gone());
  rollout.retries.forget(index);
  await_no_window(index);
  members_.set_paced(index, false);
  const bool frozen = rollout.guards.frozen(fleet_.facts(member.device));
  members_.change(index, [&](Member& m) {
    m.standing = Standing::waiting;
    m.frozen = frozen;
    m.reached = m.withdrawn = m.stopped = m.cancelled = false;
    m.rehearsal = Rehearsal::none;
  });
  rollout.persist = true;
  mark_persist(member.device);
}

Core::Answer Core::run(const Command& command, const StopGroup& body) {
  Answer answer;
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  answer.message = fault_of_group(body.group);
  if (answer.message.empty()) {
    auto fault = rollout->exclusions.stop({body.group, body.revert, command.who, command.why, turn_.now_s});
    if (!fault.empty()) answer.message = "rollout " + rollout->name() + ": " + fault;
  }
  if (!answer.message.empty()) return answer;

  GroupRef group;
  (void)parse_group_ref(body.group, group);
  const auto members = members_.sorted(*rollout, [&](const Member& member) {
    FactsView facts;
    return !member.cancelled && view_facts(fleet_.facts(member.device), facts) &&
           facts.in_group(group.attribute, group.value);
  });
  std::size_t back = 0;
  std::size_t kept = 0;
  for (const auto index : members) {
    const Member& member = members_[index];
    review_stop(index);
    if (member.reached && !member.withdrawn && body.revert) {
      members_.change(index, [](Member& m) { m.stopped = true; });
      withdraw(index);
      ++back;
    } else if (member.reached) {
      if (member.withdrawn) continue;
      ++kept;
    } else if (member.wave != no_wave) {
      (void)try_assign(index);  // it waits for nothing else any more
    }
  }
  line_up_again(*rollout);
  rollout->persist_rule = true;
  members_.touch(*rollout);
  auto text = count_text(members.size(), "device") + (members.size() == 1 ? " is" : " are") +
              " in it now, and who has no assignment gets none";
  if (body.revert) text += "; " + goes_back_text(back);
  if (!body.revert && kept != 0)
    text += "; " + std::to_string(kept) + (kept == 1 ? " keeps" : " keep") + " what " +
            (kept == 1 ? "it has" : "they have");
  turn_.audit(command.who, audit::group_stopped, rollout->name(),
              with_reason(body.group + (body.revert ? ", with revert: " : ": ") + text, command.why));
  settle_all();
  return {true, "stopped rollout " + rollout->name() + " for " + body.group + ": " + text, rollout->name()};
}

Core::Answer Core::run(const Command& command, const ContinueGroup& body) {
  Answer answer;
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  answer.message = fault_of_group(body.group);
  if (answer.message.empty()) {
    auto fault = rollout->exclusions.go_on(body.group);
    if (!fault.empty()) answer.message = "rollout " + rollout->name() + ": " + fault;
  }
  if (!answer.message.empty()) return answer;

  const auto stopped = members_.sorted(*rollout, [](const Member& member) { return member.stopped; });
  std::size_t freed = 0;
  for (const auto index : stopped) {
    review_stop(index);
    if (!members_[index].stopped) ++freed;
  }
  retry_unassigned(*rollout);
  rollout->persist_rule = true;
  members_.touch(*rollout);
  std::string text = count_text(freed, "device") + (freed == 1 ? " goes on" : " go on");
  if (freed < stopped.size())
    text +=
        "; " + std::to_string(stopped.size() - freed) + " more stay stopped: " + rollout->exclusions.stops_sentence();
  turn_.audit(command.who, audit::group_continued, rollout->name(), with_reason(body.group + ": " + text, command.why));
  settle_all();
  return {true, "rollout " + rollout->name() + " goes on for " + body.group + ": " + text, rollout->name()};
}

// A member that was not assigned is forgotten; one that was stays, so that what it ran before is known when it is let
// in again.
void Core::take_out(MemberIndex index, bool revert) {
  const Member& member = members_[index];
  mark_persist(member.device);
  if (revert && has_remains(member)) take_up_remains(index);
  if (!member.reached) {
    leave_unreached(index);
    return;
  }
  const bool was_withdrawn = member.withdrawn;
  const bool held_back = is_held_back(member);
  members_.change(index, [](Member& m) {
    m.cancelled = true;
    m.target = m.stopped = false;
  });
  member.rollout->retries.forget(index);
  await_no_window(index);
  members_.set_paced(index, false);
  // What was held back was not let go: it does not become the device's own because it is taken out.
  if (!was_withdrawn && (revert || held_back)) {
    withdraw(index);
    return;
  }
  if (!was_withdrawn) member.rollout->guards.excuse(member.watch);
  const bool on_its_way =
      member.withdrawn && (member.standing == Standing::reverting || member.standing == Standing::unreachable);
  if (!on_its_way) members_.change(index, [](Member& m) { m.standing = Standing::cancelled; });
}

// A wave whose devices are all set aside says nothing about the release, and the next one is larger. It takes the next
// devices in the order of the cohort, up to its share of those that are left; those on the way that are set aside too
// get their place with it, since a boundary has no holes.
void Core::fill_in_for_stopped(Rollout& rollout) {
  const auto wave = static_cast<std::uint8_t>(rollout.wave);
  const Wave& rule = rollout.rule.waves[wave];
  const auto& tally = rollout.tallies[wave];
  const auto aside = [](const Tally& of) { return of.stopped + of.frozen + of.silent_aside; };
  if (tally.stopped == 0 || rule.is_ring() || rule.percent == 100 || tally.devices() != aside(tally)) return;
  const auto total = rollout.total();
  const std::uint64_t left = total.targets - total.stopped_targets - total.frozen_targets;
  std::uint64_t in = 0;
  for (std::size_t each = 0; each <= wave; ++each) in += rollout.tallies[each].devices() - aside(rollout.tallies[each]);
  const auto wanted = share_of(rule, left);
  if (wanted <= in) return;

  std::vector<std::pair<CohortKey, MemberIndex>> candidates;
  members_.for_each(rollout, [&](MemberIndex index) {
    const Member& member = members_[index];
    if (member.target && member.wave == no_wave) candidates.emplace_back(key_of(rollout, member.device), index);
  });
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint64_t more = 0;
  for (const auto& [key, index] : candidates) {
    if (in + more == wanted) break;
    const bool counts = !members_[index].stopped && !members_[index].frozen;
    members_.change(index, [&](Member& m) { m.wave = wave; });
    mark_persist(members_[index].device);
    try_assign(index);
    if (counts) ++more;
    rollout.waves[wave].boundary = {Boundary::Kind::key, key.bucket, std::string(key.id)};
  }
  rollout.persist = true;
  turn_.audit("muster", audit::wave_refilled, rollout.name(),
              "rollout " + rollout.name() + ": all devices of " + describe_wave(rollout.rule.waves[wave]) +
                  " are stopped; it takes the next " + std::to_string(more) + " in their place" +
                  rollout.lines.cite(Clause::wave, wave));
}

// Cancelled there, and not on its way back: its planes are free for other rollouts.
bool Core::is_out_of(const Rollout& rollout, DeviceIndex index) const {
  if (rollout.exclusions.cancelled(fleet_.id(index)) == nullptr) return false;
  const auto member = members_.find(index, rollout);
  return member == 0 || members_[member].standing == Standing::cancelled;
}

// Devices that a rollout has let go in this step: others may have them.
void Core::offer_freed() {
  while (!turn_.freed.empty()) {
    const auto index = turn_.freed.back();
    turn_.freed.pop_back();
    reconsider(index);
    judge_all(index);
    for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
      if (members_[each].awaits_rehearsal()) go_on_rehearsing(each);
    }
  }
}

// The same after something has happened to devices: what has failed halts before anybody is assigned.
void Core::settle_and_offer_freed() {
  if (turn_.freed.empty()) return;
  settle_all();
  offer_freed();
}

Core::Answer Core::run(const Command& command, const CancelDevice& body) {
  Answer answer;
  if (auto* reverting = find_rollout(body.rollout); reverting != nullptr && reverting->state == RolloutState::reverting)
    return end_way_back(command, body, *reverting);
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  const auto index = fleet_.find(body.device);
  const auto id = body.device.substr(0, limits::id_len_max);
  if (index == 0 || !fleet_[index].reported) {
    answer.message = unknown_device(id);
    return answer;
  }
  const auto member = members_.find(index, *rollout);
  const bool known = rollout->exclusions.cancelled(id) != nullptr;
  if (member == 0 && !known && !is_target(*rollout, index)) {
    answer.message = "device " + id + " is none of rollout " + rollout->name() + ": " + why_outside(*rollout, index);
    return answer;
  }
  if (auto fault = rollout->exclusions.cancel({id, body.revert, command.who, command.why, turn_.now_s});
      !fault.empty()) {
    answer.message = "rollout " + rollout->name() + ": " + fault;
    return answer;
  }
  const auto stood = member == 0 ? std::string("another rollout had it") : standing_text(member);
  const bool reached = member != 0 && members_[member].reached;
  if (member != 0) take_out(member, body.revert);
  const bool back = !is_out_of(*rollout, index);
  if (!back) turn_.freed.push_back(index);
  offer_freed();
  rollout->persist_rule = true;
  members_.touch(*rollout);
  const auto what = back      ? "it goes back to its earlier versions"
                    : reached ? "it keeps what it has"
                              : "it gets nothing of it";
  auto text = stood + "; " + what + ", and comes back in only when it is readmitted";
  turn_.audit(command.who, audit::device_cancelled, id,
              with_reason("rollout " + rollout->name() + ": " + text, command.why));
  settle_all();
  return {true, "cancelled device " + id + " in rollout " + rollout->name() + ": " + text, id};
}

Core::Answer Core::run(const Command& command, const ReadmitDevice& body) {
  Answer answer;
  auto* rollout = find_serving(body.rollout, answer);
  if (rollout == nullptr) return answer;
  const auto id = body.device.substr(0, limits::id_len_max);
  if (auto fault = rollout->exclusions.readmit(body.device); !fault.empty()) {
    answer.message = "rollout " + rollout->name() + ": " + fault;
    return answer;
  }
  rollout->persist_rule = true;
  members_.touch(*rollout);
  // A device that was forgotten meanwhile is a target again when it comes back.
  const auto index = fleet_.find(body.device);
  auto member = index == 0 ? 0 : members_.find(index, *rollout);
  if (member != 0) {
    if (is_target(*rollout, index)) {
      begin_anew(member);
      members_.change(member, [](Member& m) { m.target = true; });
      review_stop(member);
    } else {
      members_.depart(member);  // what it did stays in the counts
      mark_persist(index);
    }
  }
  if (index != 0 && fleet_[index].reported) join(*rollout, index);
  member = index == 0 ? 0 : members_.find(index, *rollout);
  const auto now = member != 0  ? standing_text(member)
                   : index != 0 ? why_outside(*rollout, index)
                                : std::string("the device is not known here any more");
  turn_.audit(command.who, audit::device_readmitted, id,
              with_reason("rollout " + rollout->name() + ": " + now, command.why));
  settle_all();
  return {true, "readmitted device " + id + " to rollout " + rollout->name() + ": " + now, id};
}

// "assigned in wave canary (10 %)", "waiting for a wave"
std::string Core::standing_text(MemberIndex index) const {
  const Member& member = members_[index];
  if (member.wave == no_wave) return "waiting for a wave";
  return std::string(name_of(member.standing)) + " in " + describe_wave(member.rollout->rule.waves[member.wave]);
}

}  // namespace muster::rules
