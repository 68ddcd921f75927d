// Maintenance windows: who is kept from an assignment by the time of day, and what happens when a window opens.
#include <algorithm>
#include <utility>

#include "rules/engine/core.h"
#include "rules/engine/facts.h"

namespace muster::rules {

// The time that a device keeps to: its own, or what the rule says of those that do not say theirs.
Zone Core::zone_of_device(const Member& member) const {
  FactsView facts;
  const bool says = view_facts(fleet_.facts(member.device), facts) && facts.zone != 0;
  return says ? facts.zone : zone_of(member.rollout->rule.utc_offset_min);
}

// Whether a device that nothing else stands in the way of may be assigned now; else it waits, for its window or its
// turn, and has to be assigned when that comes. One that is away in its window waits for the next, or until it connects
// in this one: assigned now, it would begin whenever it is back. A rehearsal goes on all the same: who waits in it is
// never missed, and its wave would wait for ever.
bool Core::may_go(MemberIndex index, bool its_turn) {
  const Rollout& rollout = *members_[index].rollout;
  if (const auto& windows = rollout.rule.windows; !windows.empty()) {
    const auto zone = zone_of_device(members_[index]);
    const bool absent = !fleet_[members_[index].device].connected && !members_[index].awaits_rehearsal();
    if (absent || !is_open(windows, zone, turn_.now_s)) {
      await_window(index, zone, next_opening_s(windows, zone, turn_.now_s));
      return false;
    }
    await_no_window(index);
  }
  if (!rollout.pace.any() || its_turn) return true;
  wait_for_turn(index);
  return false;
}

// It has connected, perhaps in its window.
void Core::go_on_in_window(DeviceIndex index) {
  std::vector<MemberIndex> waiting;  // one that is assigned may take the device from another
  for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
    if (members_[each].window_zone != 0) waiting.push_back(each);
  }
  for (const auto each : waiting) {
    const Member& member = members_[each];
    const bool waits = members_.live(each) && member.device == index && member.window_zone != 0;
    if (!waits || !member.rollout->assigning()) continue;
    if (is_open(member.rollout->rule.windows, zone_of_device(member), turn_.now_s)) take_turn(each, false);
  }
}

void Core::await_window(MemberIndex index, Zone zone, std::uint64_t opens_s) {
  const Member& member = members_[index];
  if (member.window_zone == zone) return;
  await_no_window(index);
  Rollout& rollout = *member.rollout;
  members_.set_window_zone(index, zone);
  const auto before_s = rollout.windows.next_s();
  rollout.windows.begin(zone, index, opens_s, [&](MemberIndex each) { return waits_in_zone(rollout, each, zone); });
  if (rollout.windows.next_s() != before_s) rollout.persist = true;
  members_.touch(rollout);
  mark_persist(member.device);
}

void Core::await_no_window(MemberIndex index) {
  const Member& member = members_[index];
  if (member.window_zone == 0) return;
  member.rollout->windows.end(member.window_zone);
  members_.set_window_zone(index, 0);
  members_.touch(*member.rollout);
  mark_persist(member.device);
}

bool Core::waits_in_zone(const Rollout& rollout, MemberIndex index, Zone zone) const {
  return members_.live(index) && members_[index].rollout == &rollout && members_[index].window_zone == zone;
}

// Assigns those whose window has opened, or lines them up at the rollout's pace. Costs by time zone and by device that
// waits in one whose window is open.
bool Core::open_windows(Rollout& rollout) {
  if (!rollout.assigning() || !rollout.windows.due(turn_.now_s)) return false;
  const auto& windows = rollout.rule.windows;
  std::vector<MemberIndex> open;
  std::uint64_t next_s = UINT64_MAX;
  for (Zone zone = 1; zone < zones_end; ++zone) {
    if (!rollout.windows.waits_in(zone)) continue;
    if (!is_open(windows, zone, turn_.now_s)) {
      next_s = std::min(next_s, next_opening_s(windows, zone, turn_.now_s));
      continue;
    }
    for (const auto index : rollout.windows.take(zone)) {
      if (waits_in_zone(rollout, index, zone)) open.push_back(index);
    }
  }
  rollout.windows.set_next(next_s);
  rollout.persist = true;
  members_.touch(rollout);
  members_.sort_by_id(open);
  open.erase(std::unique(open.begin(), open.end()), open.end());  // who waited there, left and waits again
  // By id, also what is recorded of them: in what order they came to wait is forgotten with a restart.
  for (const auto index : open) await_no_window(index);
  for (const auto index : open) take_turn(index, false);
  return true;
}

// After a restart: who waits in which zone is recorded, and when the next of their windows opens.
void Core::resume_windows(Rollout& rollout) {
  const auto next_s = rollout.windows.recorded_next_s();
  members_.for_each(rollout, [&](MemberIndex index) {
    const auto zone = members_[index].window_zone;
    if (zone != 0) rollout.windows.begin(zone, index, next_s, [](MemberIndex) { return true; });
  });
}

std::string Core::window_sentence(const Rollout& rollout) {
  const auto count = rollout.windows.waiting();
  if (count == 0) return {};
  return count_text(count, "device") + (count == 1 ? " waits for its" : " wait for their") + " maintenance window (" +
         describe_windows(rollout.rule.windows) + rollout.lines.cite_within(Clause::windows) + "), which " +
         (count == 1 ? "opens at " : "opens for the next at ") + utc_text(rollout.windows.next_s());
}

// "its window opens at mon 02:00 its time (+01:00), in 10800 s", "its window is open, and it is not connected; the next
// opens at …"; empty when it waits for none.
std::string Core::why_window(const Member& member) const {
  if (member.window_zone == 0) return {};
  const auto& windows = member.rollout->rule.windows;
  const auto zone = zone_of_device(member);
  const bool open = is_open(windows, zone, turn_.now_s);
  if (open && fleet_[member.device].connected) return "its window has just opened";
  const auto opens_s = next_opening_s(windows, zone, turn_.now_s);
  return std::string(open ? "its window is open, and it is not connected; the next opens at "
                          : "its window opens at ") +
         local_time_text(zone, opens_s) + " its time (" + zone_text(zone) + "), in " +
         std::to_string(opens_s - turn_.now_s) + " s" + member.rollout->lines.cite(Clause::windows);
}

}  // namespace muster::rules
