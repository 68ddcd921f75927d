// Attempts that failed and are tried again: who waits for that, and what ends the waiting.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

// True when a failed attempt is no failure yet, because the rule has the device try again. Of the end of one attempt,
// however often it is reported, only the first report counts.
bool Core::wait_to_retry(MemberIndex index, const Judgement& judgement, std::string_view who) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  if (rollout.retries.waits(index)) return true;
  const bool at_work = member.standing == Standing::assigned || member.standing == Standing::holding ||
                       member.standing == Standing::unreachable;
  const Retry& retry = rollout.rule.retry;
  const auto tries = rollout.retries.of(index).failed + 1;
  const bool wanted = member.target && !member.withdrawn && member.rehearsal != Rehearsal::back;
  if (!wanted || !at_work || !tries_again(retry, judgement.error, tries)) return false;
  const Retry& by_error = *retry_after(retry, judgement.error);
  const auto id = fleet_.id(member.device);
  const auto wait_s = retry_wait_s(by_error, rollout.rule.seed, id, tries);
  rollout.retries.wait(index, {tries, by_error.attempts, turn_.now_s + wait_s});
  members_.change(index, [&](Member& m) { m.standing = in_work(index); });
  arm(index);
  mark_persist(member.device);
  troubles_.count(judgement.error);
  auto why = "rollout " + rollout.name() + ": " + judgement.error;
  if (!judgement.detail.empty()) why += ": " + judgement.detail;
  turn_.audit(who, audit::device_retrying, id,
              why + "; " + attempt_text(retry, judgement.error, tries) + ", the next one in " + std::to_string(wait_s) +
                  " s" + rollout.lines.cite(Clause::retry));
  return true;
}

// Whether a device whose time to try again has come may do so. While an order or its window forbids it, it goes on
// waiting, and is looked at again when that ends; at a pace it waits for its turn.
bool Core::may_try_again(MemberIndex index, bool its_turn) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  const auto again_s = rollout.retries.of(index).again_s;
  if (again_s == 0 || again_s > turn_.now_s || !rollout.assigning()) return false;
  if (orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), rollout.manifests, false)) {
    await_no_window(index);
    return false;
  }
  return may_go(index, its_turn);
}

// Gives it the same versions anew. One that the rollout does not want any more has failed instead, and one whose group
// is stopped is set aside.
bool Core::try_again(MemberIndex index, bool its_turn) {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const auto again_s = rollout.retries.of(index).again_s;
  if (again_s == 0 || again_s > turn_.now_s || !rollout.assigning()) return false;
  if (!member.target) {
    give_up(index);
    return false;
  }
  if (is_stopped(rollout, member.device)) {
    review_stop(index);
    return false;
  }
  if (outranked_by(rollout, member.device) != nullptr || at_work_beside(rollout, member.device) != nullptr) {
    begin_anew(index);
    return try_assign(index);  // it waits for the other's end now
  }
  if (!may_try_again(index, its_turn)) return false;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (rollout.governs(plane) && !rollout.rule.shadow)
      fleet_.set_digest(fleet_[member.device].assigned[plane], rollout.target[plane]);
  }
  issue(member.device, index, rollout.sequence, rollout.rule.waves[member.wave].soak_s);
  return true;
}

void Core::give_up(MemberIndex index) {
  const Member& member = members_[index];
  auto& retries = member.rollout->retries;
  await_no_window(index);
  // The attempt that it waits after is its last.
  const auto tries = retries.of(index);
  retries.wait(index, {tries.failed - 1, tries.of, 0});
  const Device& device = fleet_[member.device];
  Judgement judgement;
  judgement.finding = Finding::failed;
  judgement.rolled_back = device.attempt == AttemptState::rolled_back && device.attempt_epoch == member.epoch;
  judgement.error = "not_tried_again";
  judgement.detail = "it is no target any more";
  if (device.attempt_epoch == member.epoch && device.error != 0) {  // else it speaks of another rollout's attempt
    judgement.error = fleet_.text(device.error);
    judgement.detail = std::string(fleet_.text(device.detail)) + (device.detail == 0 ? "" : "; ") +
                       "not tried again, because it is no target any more";
  }
  fail(index, judgement, "muster");
}

// When a device that waits to try again is to be looked at; 0 while it is something else that it waits for.
std::uint64_t Core::retry_due_s(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const auto again_s = rollout.retries.of(index).again_s;
  if (again_s > turn_.now_s) return again_s;
  if (member.paced || !rollout.assigning()) return 0;
  if (member.window_zone != 0 && member.window_zone == zone_of_device(member)) return 0;
  if (orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), rollout.manifests, false)) return 0;
  return turn_.now_s;
}

// What kept them from trying again may have gone: the rollout assigns again, or an order was taken back.
void Core::resume_retries(Rollout& rollout) {
  if (rollout.total().of(Standing::retrying) == 0) return;
  const auto waiting =
      members_.sorted(rollout, [](const Member& member) { return member.standing == Standing::retrying; });
  for (const auto member : waiting) {
    if (!try_again(member)) arm(member);
  }
}

// After a restart: those whose time has come stand in line again. Nobody is assigned before the next tick.
void Core::line_up_retries(Rollout& rollout) {
  members_.for_each(rollout, [this](MemberIndex index) {
    if (members_[index].standing == Standing::retrying) (void)may_try_again(index, false);
  });
}

std::string Core::retrying_sentence(const Rollout& rollout) const {
  const auto count = rollout.tallies[rollout.wave].of(Standing::retrying);
  if (count == 0) return {};
  const auto text = count_text(count, "device") + " of " + describe_wave(rollout.rule.waves[rollout.wave]) +
                    (count == 1 ? " waits" : " wait") + " to try again (" +
                    name_some(rollout, rollout.wave, Standing::retrying) + rollout.lines.cite_within(Clause::retry) +
                    ")";
  const auto next_s = rollout.retries.next_s(turn_.now_s);
  if (next_s == 0) return text + ", and its time has come: 'rollout why' says what else it waits for";
  return text + (count == 1 ? ", at " : ", the next at ") + utc_text(next_s);
}

std::string Core::why_retrying(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const auto tries = rollout.retries.of(index);
  auto text =
      "; attempt " + std::to_string(tries.failed) + " of " + std::to_string(tries.of) + " failed" + why_failed(member);
  if (tries.again_s > turn_.now_s) {
    return text + "; it tries again in " + std::to_string(tries.again_s - turn_.now_s) + " s, at " +
           utc_text(tries.again_s);
  }
  text += "; its time to try again has come, and ";
  if (!rollout.assigning()) return text + "the rollout is " + std::string(name_of(rollout.state));
  const auto hold = orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), rollout.manifests, false);
  if (hold) return text + describe_hold(*hold);
  if (member.window_zone != 0) return text + why_window(member);
  if (member.paced) return text + "its turn comes at the rule's pace: " + describe_pace(rollout);
  return text + "it does with the rollout's next step";
}

}  // namespace muster::rules
