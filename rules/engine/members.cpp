#include "rules/engine/members.h"

#include <algorithm>
#include <cassert>

#include "rules/engine/facts.h"
#include "rules/engine/judge.h"

namespace muster::rules {

MemberIndex Members::add(Rollout& rollout, DeviceIndex device, const Member& fields) {
  assert(find(device, rollout) == 0);
  const MemberIndex index = slab_.allocate();
  Member& member = slab_[index];
  member = fields;
  member.device = device;
  member.rollout = &rollout;
  member.previous = 0;
  member.next = rollout.first_member;
  if (member.next != 0) slab_[member.next].previous = index;
  rollout.first_member = index;
  // By rollout, so that what a report does to several rollouts comes in the same order after a restart.
  MemberIndex* link = &fleet_[device].first_member;
  while (*link != 0 && slab_[*link].rollout->number < rollout.number) link = &slab_[*link].next_of_device;
  member.next_of_device = *link;
  *link = index;
  count(member, 1);
  touch(rollout);
  return index;
}

void Members::follow(MemberIndex index) {
  const Member& member = slab_[index];
  if (member.watch == 0) return;
  if (member.rollout->guards.follow(member.watch, nearness_of(member, fleet_[member.device]))) touch(*member.rollout);
}

// `step` is 1, or UINT32_MAX for -1.
void Members::count(const Member& member, std::uint32_t step) {
  member.rollout->tally_of(member.wave).add(member, step);
  count_work(member, step);
}

void Members::count_work(const Member& member, std::uint32_t step) {
  Rollout& rollout = *member.rollout;
  if (rollout.rule.pace.per_site == 0 || !member.at_work()) return;
  FactsView facts;
  if (step != 1) {
    rollout.pace.at_rest(member.device);
  } else if (view_facts(fleet_.facts(member.device), facts)) {
    rollout.pace.at_work(member.device, facts.site);
  }
}

void Members::recount_work(Rollout& rollout) {
  for_each(rollout, [&](MemberIndex index) { count_work(slab_[index], 1); });
}

void Members::remove(MemberIndex index) {
  const Member& member = slab_[index];
  count(member, UINT32_MAX);
  touch(*member.rollout);
  member.rollout->guards.leave(member.watch, member.reached, member.gone(), false);
  unlink(index);
}

void Members::depart(MemberIndex index) {
  const Member& member = slab_[index];
  Rollout& rollout = *member.rollout;
  rollout.departed[rollout.tally_index(member.wave)].add(member, 1);
  rollout.guards.leave(member.watch, member.reached, member.gone(), true);
  rollout.persist = true;
  touch(rollout);
  unlink(index);
}

void Members::count_once_more(MemberIndex index) {
  const Member& member = slab_[index];
  Rollout& rollout = *member.rollout;
  ++rollout.departed[rollout.tally_index(member.wave)].reached;
  ++rollout.tallies[rollout.tally_index(member.wave)].reached;
  rollout.persist = true;
  touch(rollout);
}

void Members::unlink(MemberIndex index) {
  Member& member = slab_[index];
  member.rollout->pace.at_rest(member.device);
  member.rollout->retries.forget(index);
  member.rollout->clocks.forget(index);
  if (member.window_zone != 0) member.rollout->windows.end(member.window_zone);
  for (const auto handle : member.prior) fleet_.drop(handle);
  if (member.previous != 0) {
    slab_[member.previous].next = member.next;
  } else {
    member.rollout->first_member = member.next;
  }
  if (member.next != 0) slab_[member.next].previous = member.previous;
  MemberIndex* link = &fleet_[member.device].first_member;
  while (*link != index) link = &slab_[*link].next_of_device;
  *link = member.next_of_device;
  slab_.release(index);
}

MemberIndex Members::find(DeviceIndex device, const Rollout& rollout) const {
  auto index = fleet_[device].first_member;
  while (index != 0 && slab_[index].rollout != &rollout) index = slab_[index].next_of_device;
  return index;
}

void Members::sort_by_id(std::vector<MemberIndex>& found) const {
  std::sort(found.begin(), found.end(),
            [this](MemberIndex a, MemberIndex b) { return fleet_.id(slab_[a].device) < fleet_.id(slab_[b].device); });
}

bool Members::before(MemberIndex a, MemberIndex b) const {
  return fleet_.id(slab_[a].device) < fleet_.id(slab_[b].device);
}

std::string Members::recount(const Rollout& rollout) const {
  std::vector<Tally> found = rollout.departed;
  std::uint32_t windowed = 0;
  auto votes = rollout.guards.recount_begin();
  for_each(rollout, [&](MemberIndex index) {
    const Member& member = slab_[index];
    found[rollout.tally_index(member.wave)].add(member, 1);
    windowed += member.window_zone != 0 ? 1 : 0;
    if (member.watch != 0 && member.reached)
      rollout.guards.recount_add(votes, member.watch, member.gone(), nearness_of(member, fleet_[member.device]));
  });
  if (auto difference = rollout.guards.recount_end(votes); !difference.empty())
    return "rollout " + rollout.name() + ", " + difference;
  if (windowed != rollout.windows.waiting()) {
    return "rollout " + rollout.name() + ": the counts say that " + std::to_string(rollout.windows.waiting()) +
           " devices wait for a window; a scan finds " + std::to_string(windowed);
  }
  for (std::size_t wave = 0; wave < found.size(); ++wave) {
    if (found[wave] == rollout.tallies[wave]) continue;
    const auto name = wave < rollout.waves.size() ? rollout.rule.waves[wave].name : std::string("none yet");
    return "rollout " + rollout.name() + ", wave " + name + ": the counts say " +
           std::to_string(rollout.tallies[wave].devices()) + " devices, " +
           std::to_string(rollout.tallies[wave].of(Standing::done)) + " done, " +
           std::to_string(rollout.tallies[wave].failed) + " failed; a scan finds " +
           std::to_string(found[wave].devices()) + ", " + std::to_string(found[wave].of(Standing::done)) + ", " +
           std::to_string(found[wave].failed);
  }
  return {};
}

std::string join_names(const Members::Named& named) {
  auto text = join_names(named.ids);
  if (named.count > named.ids.size()) text += " and " + std::to_string(named.count - named.ids.size()) + " more";
  return text;
}

}  // namespace muster::rules
