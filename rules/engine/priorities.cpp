// Rollouts that meet on a plane of a device, one with a higher priority: it may start over the other's devices, takes
// each when it assigns it, and until it has ended the other gives nothing to any device that it is to have.
#include <cassert>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

namespace {

std::string with_priority(const Rollout& rollout) {
  return "rollout " + rollout.name() + " (priority " + std::to_string(rollout.rule.priority) +
         rollout.lines.cite_within(Clause::priority) + ")";
}

}  // namespace

// Of two active ones. One that has ended has no precedence any more: then the newer one counts, as ever.
bool Core::outranks(const Rollout& rollout, const Rollout& other) {
  return rollout.active() && rollout.serving() && rollout.rule.priority > other.rule.priority &&
         rollout.shares_plane_with(other);
}

// The rollout of higher priority that is to have the device, or has it; null: none.
const Rollout* Core::outranked_by(const Rollout& rollout, DeviceIndex index) const {
  for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    if (member.rollout != &rollout && member.target && outranks(*member.rollout, rollout)) return member.rollout;
  }
  return nullptr;
}

// Another rollout takes a device from this member's: it is back in its place as if it had not been assigned, and waits
// for nothing that it could be waited for. What it did stays in the counts.
void Core::supersede(MemberIndex index, const Rollout& by) {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  assert(member.reached && outranks(by, rollout));
  ++turn_.superseded[{rollout.number, by.number}];
  // Its version set comes whole or not at all: what it has not made its own does not come along with the other's.
  if (member.standing != Standing::done && member.standing != Standing::cancelled) leave_out(index);
  if (member.cancelled || !member.target) {
    rules_out(index);
    return;
  }
  members_.count_once_more(index);
  begin_anew(index);
  const bool stopped = is_stopped(rollout, member.device);
  members_.change(index, [&](Member& m) {
    m.stopped = stopped;
    m.standing = stopped || m.frozen ? Standing::waiting : Standing::held_by_other;
  });
}

// What a device runs and has not been done with (it is on probation, or holds) is not what it may go back to: that is
// what ran before. Nor is what it was told to leave when another rollout took it, and runs still.
void Core::inherit_prior(MemberIndex index, const Rollout& by) {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const Device& device = fleet_[member.device];
  const auto heir = members_.find(member.device, by);
  if (rollout.rule.shadow) return;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto prior = member.prior[plane];
    const bool shared = rollout.governs(plane) && by.governs(plane);
    const bool leaves =
        !member.reached && device.active[plane] == rollout.target[plane] && device.assigned[plane] == prior;
    if (shared && prior != 0 && (in_flight(member) || leaves) && members_[heir].prior[plane] == 0)
      members_.set_prior(heir, plane, prior);
  }
}

// A device that was done with several planes, of which a rollout of higher priority has taken some: the others are
// still this one's, and go back with it.
bool Core::has_remains(const Member& member) const {
  const Rollout& rollout = *member.rollout;
  const Device& device = fleet_[member.device];
  if (member.reached || rollout.rule.shadow) return false;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const bool own = rollout.governs(plane) && device.holder[plane] == rollout.number;
    if (own && member.prior[plane] != 0 && device.assigned[plane] == rollout.target[plane]) return true;
  }
  return false;
}

// REQUIRES: has_remains, and that they are taken back now.
void Core::take_up_remains(MemberIndex index) {
  assert(has_remains(members_[index]));
  Rollout& rollout = *members_[index].rollout;
  if (rollout.guards.any() && rollout.guards.reach(watch_of(index), fleet_.facts(members_[index].device)))
    rollout.persist = true;
  members_.change(index, [](Member& m) {
    m.reached = true;
    m.standing = Standing::done;
  });
}

// REQUIRES: its rollout is aborted with revert. What another one has taken it from would come back with the abort of
// that one: that goes back to what ran before both.
void Core::redirect_ways_back(MemberIndex index) {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  for (auto each = fleet_[member.device].first_member; each != 0; each = members_[each].next_of_device) {
    for (std::size_t plane = 0; plane < plane_count; ++plane) {
      const bool same = each != index && rollout.governs(plane) && members_[each].prior[plane] == rollout.target[plane];
      if (!same || member.prior[plane] == 0) continue;
      members_.set_prior(each, plane, member.prior[plane]);
      mark_persist(member.device);
    }
  }
}

// A member without an assignment leaves as if it had never been in, but not a failure that it had before another
// rollout took it.
void Core::leave_unreached(MemberIndex index) {
  if (members_[index].wave != no_wave) mark_persist(members_[index].device);
  if (!members_[index].failed) {
    members_.remove(index);
    return;
  }
  members_.change(index, [](Member& m) { m.target = m.stopped = false; });
  rules_out(index);
}

// One that is in the rollout only because of what was done to it leaves, without anything that it could be waited for.
void Core::rules_out(MemberIndex index) {
  const auto standing = members_[index].standing;
  const bool at_work = standing != Standing::done && standing != Standing::failed && standing != Standing::reverted;
  if (at_work) members_.change(index, [](Member& m) { m.standing = Standing::cancelled; });
  members_.depart(index);
}

// A new rollout takes precedence: who waits in an open wave of another one for what this one is to have waits for its
// end now. Says so, in the order of start.
std::string Core::take_precedence(const Rollout& rollout) {
  std::string text;
  for (const auto& each : rollouts_) {
    Rollout* other = each.second.get();  // clang 14 lets no lambda capture a structured binding
    if (!other->active() || !outranks(rollout, *other)) continue;
    std::size_t shared = 0;
    members_.for_each(*other, [&](MemberIndex index) {
      const auto member = members_.find(members_[index].device, rollout);
      if (member != 0 && members_[member].target && !is_out_of(*other, members_[index].device)) ++shared;
    });
    if (shared == 0) continue;
    retry_unassigned(*other);
    members_.touch(*other);
    text += "; it takes precedence over " + with_priority(*other) + " for " + count_text(shared, "device");
  }
  return text;
}

void Core::note_superseded() {
  for (const auto& [pair, count] : turn_.superseded) {
    const auto* from = by_number(pair.first);
    const auto* by = by_number(pair.second);
    if (from == nullptr || by == nullptr) continue;
    turn_.audit("muster", audit::rollout_superseded, from->name(),
                with_priority(*by) + " has taken " + count_text(count, "device") + " from it (priority " +
                    std::to_string(from->rule.priority) + ")");
  }
}

}  // namespace muster::rules
