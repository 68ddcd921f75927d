// A rollout that was aborted with revert takes its devices back: when each is free for others, and what operators can
// do about those that do not get there.
#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "schemas/limits.h"

namespace muster::rules {

// It holds the device no more, although it may still be active: the device was taken out, or its way back is over,
// whether it got there or not.
bool Core::has_let_go(const Rollout& rollout, DeviceIndex index) const {
  if (is_out_of(rollout, index)) return true;
  if (rollout.state != RolloutState::reverting) return false;
  const auto member = members_.find(index, rollout);
  return member == 0 || !in_flight(members_[member]);
}

// A device on its way back is waited for no more, and told to stay with what it runs: true then. False when it may not
// keep that, because the release is frozen for it or it was sent back by itself, not with its rollout: then it goes
// back as it was told. A shadow that is over has left nothing to keep.
bool Core::leave_as_it_is(MemberIndex index) {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  Device& device = fleet_[member.device];
  bool keeps = !member.frozen && !member.stopped && !member.cancelled && !rollout.rule.shadow;
  keeps = keeps && !orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), rollout.manifests, true);
  members_.change(index, [&](Member& m) {
    m.standing = Standing::cancelled;
    m.cancelled = true;
    m.withdrawn = !keeps;
  });
  mark_persist(member.device);
  if (!keeps) return false;
  bool anew = false;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const bool own = rollout.governs(plane) && device.holder[plane] == rollout.number;
    if (!own || device.assigned[plane] == device.active[plane]) continue;
    fleet_.set_digest(device.assigned[plane], device.active[plane]);
    anew = true;
  }
  if (!anew) return true;
  give(member.device, rollout.number, rollout.sequence, 0);
  members_.change(index, [&](Member& m) {
    m.epoch = device.assigned_epoch;
    m.assigned_s = turn_.now_s;
  });
  return true;
}

// Cancels a device of a rollout that takes its devices back: it does not wait for this one any more.
Core::Answer Core::end_way_back(const Command& command, const CancelDevice& body, Rollout& rollout) {
  const auto id = body.device.substr(0, limits::id_len_max);
  const auto refuse = [&](const std::string& why) {
    return Answer{false, "rollout " + rollout.name() + " is reverting: " + why, id};
  };
  const auto index = fleet_.find(body.device);
  if (index == 0 || !fleet_[index].reported) return {false, unknown_device(id), id};
  const auto member = members_.find(index, rollout);
  if (member == 0 || !in_flight(members_[member])) {
    return refuse("device " + id + " is not on its way back" +
                  (member == 0 ? std::string() : ": it is " + standing_text(member)));
  }
  if (body.revert) return refuse("device " + id + " goes back already; without revert it keeps what it runs");
  if (rollout.exclusions.cancelled(id) == nullptr) {
    auto fault = rollout.exclusions.cancel({id, false, command.who, command.why, turn_.now_s});
    if (!fault.empty()) return refuse(fault);
  }
  const auto stood = standing_text(member);
  const bool keeps = leave_as_it_is(member);
  turn_.freed.push_back(index);
  offer_freed();
  rollout.persist_rule = true;
  members_.touch(rollout);
  const auto text = stood + "; " +
                    (keeps ? "it keeps what it runs" : "it may not keep what it runs, and goes back unwaited for") +
                    "; other rollouts may have it";
  turn_.audit(command.who, audit::device_cancelled, id,
              with_reason("rollout " + rollout.name() + ": " + text, command.why));
  settle_all();
  return {true, "cancelled device " + id + " in rollout " + rollout.name() + ": " + text, id};
}

// Who is on the way back stays as it is, and the rollout has ended.
Core::Answer Core::end_ways_back(const Command& command, Rollout& rollout) {
  const auto on_the_way = members_.sorted(rollout, [](const Member& member) { return in_flight(member); });
  std::size_t kept = 0;
  for (const auto index : on_the_way) {
    if (leave_as_it_is(index)) ++kept;
  }
  rollout.stop_who = command.who;
  rollout.stop_why = command.why;
  rollout.abort_mode = AbortMode::keep;
  set_state(rollout, RolloutState::aborted);
  const auto total = rollout.total();
  auto text = "of " + std::to_string(total.reached) + " reached devices " +
              std::to_string(total.of(Standing::reverted)) + " went back, " + std::to_string(kept) +
              (kept == 1 ? " keeps what it runs" : " keep what they run");
  if (const auto left = on_the_way.size() - kept; left != 0)
    text += ", " + std::to_string(left) + " may not and " + (left == 1 ? "goes" : "go") + " back unwaited for";
  turn_.audit(command.who, audit::rollout_aborted, rollout.name(),
              with_reason("abort with keep while it was reverting: " + text, command.why));
  offer_devices_of(rollout);
  settle_all();
  return {true, "ended the way back of rollout " + rollout.name() + ": " + text, rollout.name()};
}

}  // namespace muster::rules
