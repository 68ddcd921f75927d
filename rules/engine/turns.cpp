// Whose turn it is at a rollout's pace: the devices of open waves that nothing else stands in the way of.
#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "rules/engine/facts.h"

namespace muster::rules {

void Core::wait_for_turn(MemberIndex index) {
  const Member& member = members_[index];
  if (member.paced) return;
  members_.set_paced(index, true);
  Rollout& rollout = *member.rollout;
  FactsView facts;
  if (!view_facts(fleet_.facts(member.device), facts)) facts = FactsView();
  rollout.pace.wait(index, fleet_.id(member.device), facts.site, rollout.waves[member.wave].opened_s);
}

// Its next assignment, whichever that is; true when it was given.
bool Core::take_turn(MemberIndex index, bool its_turn) {
  const Member& member = members_[index];
  if (member.awaits_rehearsal()) return go_on_rehearsing(index, its_turn);
  return member.reached ? try_again(index, its_turn) : try_assign(index, its_turn);
}

// A device's facts have changed, and its site perhaps with them.
void Core::change_site(DeviceIndex index) {
  FactsView facts;
  if (!view_facts(fleet_.facts(index), facts)) facts = FactsView();
  for (auto member = fleet_[index].first_member; member != 0; member = members_[member].next_of_device)
    members_[member].rollout->pace.moved(member, index, fleet_.id(index), facts.site);
}

// Assigns those whose turn it is. Who meets something else in its way waits for that instead.
void Core::offer_turns(Rollout& rollout) {
  if (!rollout.assigning() || rollout.pace.waiting() == 0 || fail_who_cannot_go_back(rollout)) return;
  const auto total = rollout.total();
  rollout.pace.offer(turn_.now_s, total.of(Standing::assigned) - total.unmet + count_going_back(rollout),
                     [&](MemberIndex index, std::uint64_t bucket) {
                       if (!members_.live(index) || members_[index].rollout != &rollout || !members_[index].paced)
                         return false;
                       if (bucket_of(rollout.rule.seed, fleet_.id(members_[index].device)) != bucket) return false;
                       members_.set_paced(index, false);
                       return take_turn(index, true);
                     });
}

// Who waits for a turn at the rollout's pace follows from the members.
void Core::resume_waiting(Rollout& rollout) {
  if (!rollout.pace.any()) return;
  members_.for_each(rollout, [&](MemberIndex index) {
    const Member& member = members_[index];
    const bool placed = member.wave != no_wave && !member.reached && !member.frozen && member.window_zone == 0;
    const bool rehearses = member.awaits_rehearsal() && member.window_zone == 0;
    if (rehearses || (placed && !member.stopped && member.standing == Standing::waiting)) wait_for_turn(index);
  });
}

// What the pace allows now follows from what was assigned.
void Core::count_last_minute(Rollout& rollout) {
  if (rollout.rule.pace.per_minute == 0) return;
  members_.for_each(rollout, [&](MemberIndex index) {
    if (members_[index].reached) rollout.pace.assigned(members_[index].assigned_s, turn_.now_s);
  });
}

// Finds out again who waits, who is at work where and what was assigned of late. Who is stopped waits for no turn.
void Core::line_up_again(Rollout& rollout) {
  std::vector<MemberIndex> waiting;
  members_.for_each(rollout, [&](MemberIndex index) {
    if (members_[index].paced) waiting.push_back(index);
  });
  rollout.pace = PaceRun();
  rollout.pace.adopt(rollout.rule.pace, rollout.rule.seed);
  members_.recount_work(rollout);
  count_last_minute(rollout);
  for (const auto index : waiting) {
    members_.set_paced(index, false);
    if (!members_[index].stopped) wait_for_turn(index);
  }
  rollout.offer_due = rollout.pace.waiting() != 0;
}

Core::Answer Core::run(const Command& command, const ChangePace& body) {
  auto* rollout = find_rollout(body.rollout);
  if (rollout == nullptr) return {false, unknown_rollout(body.rollout), body.rollout};
  const auto& name = rollout->name();
  if (!rollout->serving())
    return {false, "rollout " + name + " is " + std::string(name_of(rollout->state)) + " and assigns nothing", name};
  const auto words = [](const Pace& pace) { return pace.any() ? describe_pace(pace) : std::string("no limit"); };
  const auto before = words(rollout->rule.pace);
  rollout->rule.pace = body.pace;
  rollout->lines.put(Clause::pace, 0);
  line_up_again(*rollout);
  rollout->persist_rule = true;
  members_.touch(*rollout);
  auto text = words(body.pace) + "; it was " + before;
  turn_.audit(command.who, audit::pace_changed, name, with_reason(text, command.why));
  settle_all();
  return {true, "the pace of rollout " + name + " is now " + text, name};
}

}  // namespace muster::rules
