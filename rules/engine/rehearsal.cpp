// The rehearsal of the way back: each device of a first wave with `rehearse` takes the versions, goes back to what it
// ran, and takes them again. Only then is it done, so that gates, guardrails and later waves need not know of it.
//
//   assigned ── done ──▶ due_back ── its turn ──▶ back ── went back ──▶ forth ── its turn ──▶ assigned ── done ──▶ done
//
// Each step is an assignment like any other: pace, windows and pauses keep from it, and nothing but the end of what is
// under way follows while the rollout is paused or halted. Once the wave has passed no device of it is sent back any
// more; one that is on its way then (it was unreachable, or its failure was acknowledged) still goes forward again.
#include <cassert>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

// REQUIRES: it is done, but for that.
bool Core::has_to_go_back(const Member& member) const {
  const Rollout& rollout = *member.rollout;
  return rollout.rule.waves[member.wave].rehearse && rollout.waves[member.wave].state == WaveState::open &&
         member.rehearsal != Rehearsal::forth;
}

// It waits for its turn to take the next step; what it failed at before it has now shown after all.
void Core::await_rehearsal(MemberIndex index, Rehearsal stage, const std::string& why_recovered) {
  const bool had_failed = members_[index].failed;
  members_[index].rollout->retries.forget(index);
  await_no_window(index);
  members_.change(index, [&](Member& m) {
    m.standing = Standing::rehearsing;
    m.rehearsal = stage;
    m.failed = m.acknowledged = m.rolled_back = false;
  });
  mark_persist(members_[index].device);
  offer_to_others(members_[index].device);
  if (had_failed) forget_failure(index, why_recovered);
}

// A device that is done the first time. One that could not go back is asked again with each of its reports, until an
// operator has accepted that.
void Core::rehearse_back(MemberIndex index) {
  const Member& member = members_[index];
  if (member.awaits_rehearsal()) return;
  const bool could_not = member.standing == Standing::failed && member.rehearsal == Rehearsal::due_back;
  if (could_not && (member.acknowledged || !fault_of_rehearsal(member).empty())) return;
  await_rehearsal(index, Rehearsal::due_back, "it runs the assigned versions after all");
  (void)go_on_rehearsing(index);
}

// A device that has gone back, whether it was waited for or not.
void Core::rehearse_forth(MemberIndex index) {
  await_rehearsal(index, Rehearsal::forth, "it runs its earlier versions after all");
  if (!members_[index].target) {
    turn_.freed.push_back(members_[index].device);  // where it is looked at whether it leaves
    return;
  }
  (void)go_on_rehearsing(index);
}

// Why it may not go back; empty when it may.
std::string Core::fault_of_rehearsal(const Member& member) const {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!member.rollout->governs(plane)) continue;
    if (auto fault = fault_of_return(member, plane); !fault.empty())
      return "plane " + std::string(name_of(static_cast<Plane>(plane))) + " cannot go back: " + fault;
  }
  return {};
}

// The order that keeps a device from its next assignment. Who goes back is kept by a pause alone: a freeze of what it
// would go back to is a fault of the rehearsal, one of what it goes back from is none.
std::optional<Hold> Core::hold_of(const Member& member) const {
  const bool back = member.awaits_rehearsal() && member.rehearsal == Rehearsal::due_back;
  const std::vector<Sha256> none;
  return orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), back ? none : member.rollout->manifests,
                      false);
}

// Takes the next step, unless something stands in the way; then it is looked at again when that ends. True when it was
// given an assignment.
bool Core::go_on_rehearsing(MemberIndex index, bool its_turn) {
  const Member& member = members_[index];
  Rollout& rollout = *member.rollout;
  if (!member.awaits_rehearsal() || !rollout.assigning()) return false;
  assert(!member.gone() && !member.frozen);
  const bool back = member.rehearsal == Rehearsal::due_back;
  if (back) {
    if (auto fault = fault_of_rehearsal(member); !fault.empty()) {
      await_no_window(index);
      fail(index, {Finding::failed, false, std::string(rehearsal_failed), std::move(fault)}, "muster");
      return false;
    }
  } else if (!member.target) {
    return false;  // it leaves before this step has ended
  } else if (rollout.guards.frozen(fleet_.facts(member.device))) {
    begin_anew(index);  // it has moved into a segment that gets nothing, and has nothing
    offer_to_others(member.device);
    return false;
  } else if (is_stopped(rollout, member.device)) {
    review_stop(index);
    return false;
  }
  if (hold_of(member) || outranked_by(rollout, member.device) != nullptr) {
    await_no_window(index);
    members_.touch(rollout);
    return false;
  }
  if (!may_go(index, its_turn)) {
    members_.touch(rollout);
    return false;
  }
  members_.set_paced(index, false);
  Device& device = fleet_[member.device];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (!rollout.governs(plane)) continue;
    fleet_.set_digest(device.assigned[plane], back ? member.prior[plane] : rollout.target[plane]);
  }
  members_.change(index, [&](Member& m) {
    if (back) {
      m.rehearsal = Rehearsal::back;
    } else {
      m.standing = Standing::assigned;  // by which is asked what its wave holds
    }
  });
  if (back) leave_out_what_holds(member.device, rollout);
  issue(member.device, index, back ? reversed(rollout) : rollout.sequence,
        back ? 0 : rollout.rule.waves[member.wave].soak_s);
  turn_.audit("muster", back ? audit::device_rehearsing_back : audit::device_rehearsing_forth, fleet_.id(member.device),
              "rollout " + rollout.name() + ": it has " +
                  (back ? "taken the versions, and goes back to what it ran before"
                        : "gone back to what it ran before, and takes the versions again") +
                  " (epoch " + std::to_string(member.epoch) + rollout.lines.cite_within(Clause::wave, member.wave) +
                  ")");
  return true;
}

// Those that wait to go back and may not any more (their earlier release was frozen) fail before anybody is assigned in
// the same step: what has failed halts first. True when the rollout is about to halt.
bool Core::fail_who_cannot_go_back(Rollout& rollout) {
  if (!rollout.assigning() || rollout.total().of(Standing::rehearsing) == 0) return false;
  const auto faulty = members_.sorted(rollout, [&](const Member& member) {
    return member.awaits_rehearsal() && member.rehearsal == Rehearsal::due_back && !fault_of_rehearsal(member).empty();
  });
  for (const auto member : faulty) (void)go_on_rehearsing(member);
  return !faulty.empty() && halt_limits_reached(rollout).any();
}

// What kept them from their next step may have gone.
void Core::resume_rehearsals(Rollout& rollout) {
  if (rollout.total().of(Standing::rehearsing) == 0) return;
  for (const auto member : members_.sorted(rollout, [](const Member& m) { return m.awaits_rehearsal(); }))
    (void)go_on_rehearsing(member);
}

// It has gone back and is no target any more: it leaves the waves' counts, and is free for others.
void Core::leave_rehearsal(MemberIndex index) {
  const Rollout& rollout = *members_[index].rollout;
  Device& device = fleet_[members_[index].device];
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (rollout.governs(plane) && device.holder[plane] == rollout.number) device.holder[plane] = 0;
  }
  begin_anew(index);
  members_.remove(index);
}

// A look at all members, but only while some rehearse.
std::uint32_t Core::count_going_back(const Rollout& rollout) const {
  if (rollout.total().of(Standing::rehearsing) == 0) return 0;
  std::uint32_t count = 0;
  members_.for_each(rollout, [&](MemberIndex index) {
    if (members_[index].standing == Standing::rehearsing && members_[index].at_work()) ++count;
  });
  return count;
}

// "wave rehearsal: 1 of 2 devices has gone back and forward again; dev-1 goes back"; empty when nobody of the open wave
// is at it.
std::string Core::rehearsal_sentence(const Rollout& rollout) const {
  const Wave& rule = rollout.rule.waves[rollout.wave];
  const auto& tally = rollout.tallies[rollout.wave];
  if (!rule.rehearse || tally.of(Standing::assigned) + tally.of(Standing::rehearsing) == 0) return {};
  if (auto idle = idle_sentence(rollout); !idle.empty()) return idle;
  const auto done = tally.of(Standing::done);
  auto text = "wave " + rule.name + ": " + std::to_string(done) + " of " + count_text(tally.devices(), "device") +
              (done == 1 ? " has" : " have") + " gone back and forward again" +
              rollout.lines.cite(Clause::wave, rollout.wave);
  const auto add = [&](Standing standing, Rehearsal stage, std::string_view one, std::string_view more) {
    const auto named = members_.named(rollout, Members::names_shown_max, [&](const Member& member) {
      return member.wave == rollout.wave && member.standing == standing && member.rehearsal == stage;
    });
    if (named.count != 0) text += "; " + join_names(named) + " " + std::string(named.count == 1 ? one : more);
  };
  add(Standing::assigned, Rehearsal::none, "goes forward the first time", "go forward the first time");
  add(Standing::rehearsing, Rehearsal::due_back, "waits to go back", "wait to go back");
  add(Standing::rehearsing, Rehearsal::back, "goes back", "go back");
  add(Standing::rehearsing, Rehearsal::forth, "has gone back and waits to go forward again",
      "have gone back and wait to go forward again");
  add(Standing::assigned, Rehearsal::forth, "goes forward again", "go forward again");
  const auto held = members_.first(
      rollout, [&](const Member& member) { return member.wave == rollout.wave && member.awaits_rehearsal(); },
      [&](const Member& member) { return outranked_by(rollout, member.device) != nullptr; });
  if (held != 0) {
    const auto device = members_[held].device;
    text += "; waiting for rollout " + outranked_by(rollout, device)->name() + " to end, which is to have " +
            std::string(fleet_.id(device));
  }
  if (auto waiting = window_sentence(rollout); !waiting.empty()) text += "; " + waiting;
  // Not whether the pace has somebody in its line: after a restart it has those too that wait for something else.
  const bool paced = rollout.rule.pace.any() && members_.any(rollout, [&](const Member& member) {
    const bool placed = member.standing == Standing::waiting && !member.reached && !member.frozen && !member.stopped;
    return member.wave == rollout.wave && member.window_zone == 0 && (placed || member.awaits_rehearsal()) &&
           !hold_of(member);
  });
  if (paced) text += "; at the rule's pace: " + describe_pace(rollout);
  return text;
}

// ", to go back for the rehearsal", after what it was assigned; empty in no rehearsal.
std::string Core::rehearsal_of(const Member& member) {
  if (member.gone() || member.rehearsal == Rehearsal::none) return {};
  if (member.rehearsal == Rehearsal::due_back) return ", the first time in its rehearsal";
  const bool back = member.rehearsal == Rehearsal::back || member.awaits_rehearsal();
  return back ? ", to go back to what it ran before, as its rehearsal asks" : ", the second time in its rehearsal";
}

// REQUIRES: it waits for its next step.
std::string Core::why_rehearsing(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  std::string text = member.rehearsal == Rehearsal::due_back ? "; it was done and is to go back, and "
                                                             : "; it has gone back and is to go forward again, and ";
  if (!rollout.assigning()) return text + "the rollout is " + std::string(name_of(rollout.state));
  if (const auto hold = hold_of(member)) return text + describe_hold(*hold);
  if (const auto* stronger = outranked_by(rollout, member.device); stronger != nullptr)
    return text + "rollout " + stronger->name() + ", which has a higher priority, is to have it";
  if (member.window_zone != 0) return text + why_window(member);
  if (member.paced) return text + "its turn comes at the rule's pace: " + describe_pace(rollout);
  return text + "it does with the rollout's next step";
}

}  // namespace muster::rules
