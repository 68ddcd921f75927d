// How long an attempt may take, how long a device may be away, and what follows when that is over.
//
// The time of an attempt is the time in which its device is connected, whatever number of connections that is: one that
// was off has had no chance, and one whose link drops every few minutes has had it all the same. A link that drops for
// a moment stops no clock, so that a client that connects, crashes and connects again runs out of its time too.
#include <algorithm>

#include "rules/engine/core.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t blink_s_max = 60;
// Who was away when its time ended may say what came of its attempt first; it is asked for with each connection, and
// comes a moment after it.
constexpr std::uint64_t word_within_s = 30;

// Durations come from rule files; one that would overflow means "never".
std::uint64_t plus(std::uint64_t time_s, std::uint64_t duration_s) {
  return duration_s > UINT64_MAX - time_s ? UINT64_MAX : time_s + duration_s;
}

// How short an absence has to be to count as connected.
std::uint64_t blink_s(const Rule& rule) {
  return std::min(rule.unreachable_after_s, blink_s_max);
}

}  // namespace

std::uint64_t Core::away_s(const Member& member) const {
  return plus(std::max(fleet_[member.device].link_since_s, started_s_), member.rollout->rule.unreachable_after_s);
}

// It has been away for so long that nobody waits for it.
bool Core::is_missed(const Member& member) const {
  return !fleet_[member.device].connected && turn_.now_s >= away_s(member);
}

Standing Core::in_work(MemberIndex index) const {
  const Member& member = members_[index];
  if (is_missed(member)) return Standing::unreachable;
  if (member.withdrawn) return Standing::reverting;
  if (member.rehearsal == Rehearsal::back) return Standing::rehearsing;
  if (member.rollout->retries.waits(index)) return Standing::retrying;
  return is_holding(member, fleet_[member.device]) ? Standing::holding : Standing::assigned;
}

// From when the time of its attempt counts. After a restart it does from there: before it nothing is known of links.
std::uint64_t Core::counts_from_s(MemberIndex index) const {
  const Member& member = members_[index];
  return std::max({member.assigned_s, started_s_, member.rollout->clocks.since_s(index)});
}

// It is back. What it was away is none of the time that its attempt may take, unless that was a moment.
void Core::leave_out_absence(MemberIndex index, std::uint64_t lost_s) {
  const Member& member = members_[index];
  if (!in_flight(member) || turn_.now_s - lost_s < blink_s(member.rollout->rule)) return;
  const auto since_s = counts_from_s(index);
  member.rollout->clocks.set(index, since_s + turn_.now_s - std::max(since_s, lost_s));
}

// An order kept it from working, and perhaps does no more: it has its time for the attempt again.
void Core::no_longer_idle(MemberIndex index) {
  const Member& member = members_[index];
  if (!in_flight(member) || orders_.idles(fleet_.id(member.device), fleet_.facts(member.device))) return;
  member.rollout->clocks.set(index, turn_.now_s);
  arm(index);
}

std::uint64_t Core::deadline_of(MemberIndex index) const {
  const Member& member = members_[index];
  if (const auto since_s = silent_since_s(member); since_s != 0) {
    const auto silent_s = member.rollout->guards.silence_due_s(member.watch);
    return silent_s == 0 ? 0 : plus(since_s, silent_s);
  }
  const Device& device = fleet_[member.device];
  if (member.standing == Standing::retrying) {
    const auto due_s = retry_due_s(index);
    if (device.connected) return due_s;
    return due_s == 0 ? away_s(member) : std::min(due_s, away_s(member));
  }
  // An operator may take as long as it takes.
  if (member.standing == Standing::holding) return device.connected ? 0 : away_s(member);
  if (member.unmet && member.standing == Standing::assigned) return device.connected ? 0 : away_s(member);
  // Of those that wait to be assigned, who is away in its window could hold up its wave without end.
  const bool in_its_place = !member.reached && member.standing == Standing::waiting && member.window_zone != 0;
  if (in_its_place) return device.connected ? 0 : away_s(member);
  if (!member.at_work() && member.standing != Standing::reverting) return 0;
  const bool idle = orders_.idles(fleet_.id(member.device), fleet_.facts(member.device)).has_value();
  if (idle) return device.connected ? 0 : away_s(member);
  const Rule& rule = member.rollout->rule;
  const bool back = member.withdrawn || member.rehearsal == Rehearsal::back;
  const auto soak_s = back || member.wave == no_wave ? 0 : rule.waves[member.wave].soak_s;
  const auto ends_s = plus(plus(counts_from_s(index), soak_s), rule.attempt_timeout_s);
  const auto last_s = plus(ends_s, word_within_s);
  if (device.connected) return std::clamp(plus(device.link_since_s, word_within_s), ends_s, last_s);
  const auto counted_until_s = plus(std::max(device.link_since_s, started_s_), blink_s(rule));
  return last_s < counted_until_s ? std::min(last_s, away_s(member)) : away_s(member);
}

void Core::arm(MemberIndex index) {
  const Member& member = members_[index];
  const auto deadline_s = deadline_of(index);
  if (deadline_s == 0 || (member.timer_s != 0 && member.timer_s <= deadline_s)) return;
  members_.set_timer(index, deadline_s);
  timers_.add(deadline_s, index);
}

void Core::expire(MemberIndex index) {
  const Member& member = members_[index];
  const auto deadline_s = deadline_of(index);
  if (deadline_s == 0) return;
  if (deadline_s > turn_.now_s) {
    arm(index);
    return;
  }
  if (silent_since_s(member) != 0) return expire_silence(index);
  const Device& device = fleet_[member.device];
  if (is_missed(member)) {
    members_.change(index, [](Member& m) { m.standing = Standing::unreachable; });
    arm(index);
    return;
  }
  Judgement judgement;
  judgement.finding = member.withdrawn ? Finding::not_reverted : Finding::failed;
  judgement.error = "attempt_timeout";
  const bool about_it = device.attempt_epoch >= member.epoch;
  judgement.detail = "no end of its attempt " + std::to_string(turn_.now_s - member.assigned_s) +
                     " s after the assignment" + member.rollout->lines.cite(Clause::attempt_timeout) + "; ";
  judgement.detail +=
      about_it ? "it last said " + std::string(name_of(device.attempt)) : std::string("it did not begin");
  judgement.detail += ", state " + std::string(name_of(device.state));
  apply(index, std::move(judgement), "muster");
}

}  // namespace muster::rules
