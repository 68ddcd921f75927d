// Why a device has, or has not, what a rollout would give it: one sentence a rollout.
#include "rules/engine/core.h"
#include "rules/engine/facts.h"

namespace muster::rules {

namespace {

std::string ago(std::uint64_t then_s, std::uint64_t now_s) {
  return std::to_string(now_s > then_s ? now_s - then_s : 0) + " s ago";
}

bool runs_what_it_was_given(const Device& device) {
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (device.assigned[plane] != 0 && device.assigned[plane] != device.active[plane]) return false;
  }
  return true;
}

// ": probe_failed, exit code 1"
std::string said(std::string_view error, std::string_view detail) {
  std::string text;
  if (!error.empty()) text.append(": ").append(error);
  if (!detail.empty()) text.append(", ").append(detail);
  return text;
}

}  // namespace

std::vector<DeviceReason> Core::why(std::string_view id) const {
  std::vector<DeviceReason> reasons;
  const auto index = fleet_.find(id);
  if (index == 0) return reasons;
  for (auto each = rollouts_.rbegin(); each != rollouts_.rend(); ++each) {
    const Rollout& rollout = *each->second;
    const auto member = members_.find(index, rollout);
    if (member == 0) {
      if (rollout.serving()) reasons.push_back({rollout.name(), Standing::waiting, false, why_outside(rollout, index)});
      continue;
    }
    const Member& fields = members_[member];
    auto text = fields.reached ? why_reached(member) : why_not_reached(member);
    reasons.push_back({rollout.name(), fields.standing, true, std::move(text)});
  }
  return reasons;
}

std::string Core::why_outside(const Rollout& rollout, DeviceIndex index) const {
  if (!fleet_[index].reported) return "it has connected, and has not yet reported what it is";
  if (const auto* cancelled = rollout.exclusions.cancelled(fleet_.id(index)); cancelled != nullptr)
    return "it was taken out of the rollout " + by_whom(cancelled->who, cancelled->why);
  const DeviceEnvironment environment(fleet_.id(index), fleet_.facts(index));
  switch (evaluate(ByteView(rollout.rule.targets), environment)) {
    case Outcome::no:
      return "it is no target: " + rollout.rule.targets_text + " is not true for its facts";
    case Outcome::unknown:
      return "it is no target: " + rollout.rule.targets_text + " compares a fact that it does not report";
    case Outcome::yes:
      break;
  }
  const auto misfit = unfit(rollout.releases, rollout.contrary, index);
  if (misfit.misfit == Misfit::overridden) return "an operator has taken the plane: " + misfit.why;
  if (misfit.misfit != Misfit::none) return "it cannot run it: " + misfit.why;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const auto* holder = rollout.governs(plane) ? by_number(fleet_[index].holder[plane]) : nullptr;
    if (holder != nullptr && holder != &rollout)
      return (holder->number > rollout.number ? "the newer rollout " : "rollout ") + holder->name() + " has taken it";
  }
  return "it is a target, and another rollout has taken it since";
}

std::string Core::why_not_reached(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const auto* stop = member.stopped ? rollout.exclusions.stop_of(fleet_.facts(member.device)) : nullptr;
  if (stop != nullptr && member.wave == no_wave)
    return "its wave has not opened, and its group " + stop->group + " is stopped " + by_whom(stop->who, stop->why);
  if (member.wave == no_wave && member.frozen)
    return "its wave has not opened, and its segment is frozen: it gets nothing of this rollout";
  if (member.wave == no_wave) return why_in_no_wave(index);
  const auto wave = "it is in " + describe_wave(rollout.rule.waves[member.wave]);
  if (member.frozen) return wave + ", and its segment is frozen: it gets nothing more of this rollout";
  if (stop != nullptr) return wave + ", and its group " + stop->group + " is stopped " + by_whom(stop->who, stop->why);
  if (!rollout.assigning())
    return wave + ", and the rollout is " + std::string(name_of(rollout.state)) + ": " + rollout.status.waiting_for;
  if (const auto* stronger = outranked_by(rollout, member.device); stronger != nullptr) {
    return wave + ", and rollout " + stronger->name() + ", which is " + std::string(name_of(stronger->state)) +
           " and has a higher priority, is to have it";
  }
  if (const auto* beside = at_work_beside(rollout, member.device); beside != nullptr)
    return wave + ", and is at work for rollout " + beside->name() + " until that attempt is over";
  if (member.standing == Standing::held_by_other) {
    for (std::size_t plane = 0; plane < plane_count; ++plane) {
      const auto* holder = rollout.governs(plane) ? by_number(fleet_[member.device].holder[plane]) : nullptr;
      if (holder != nullptr && holder != &rollout)
        return wave + ", and rollout " + holder->name() + ", which is " + std::string(name_of(holder->state)) +
               ", holds it";
    }
  }
  const auto hold = orders_.hold(fleet_.id(member.device), fleet_.facts(member.device), rollout.manifests, false);
  if (hold) return wave + ", and " + describe_hold(*hold);
  if (member.window_zone != 0) return wave + ", and " + why_window(member);
  if (member.paced) return wave + ", and its turn comes at the rule's pace: " + describe_pace(rollout);
  return wave + ", and is tried again with the rollout's next step";
}

// Its wave follows from its place in the order of all devices, which its id and the rule's seed give.
std::string Core::why_in_no_wave(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const std::uint64_t place_percent = (key_of(rollout, member.device).bucket >> 32) * 100 >> 32;
  std::string text = "it is a target that no open wave has a place for";
  for (std::size_t i = 0; i < rollout.waves.size(); ++i) {
    if (rollout.waves[i].state != WaveState::pending) continue;
    const Wave& wave = rollout.rule.waves[i];
    const auto place = (key_of(rollout, member.device).bucket >> 32) * rollout.total().targets >> 32;  // about
    const bool in = wave.is_ring()      ? matches(wave.ring, member.device)
                    : wave.devices != 0 ? place < wave.devices
                                        : place_percent < wave.percent;
    if (in) {
      text += "; it belongs to " + describe_wave(wave) + " (its place is at " + std::to_string(place_percent) +
              " % of all)";
      break;
    }
  }
  if (const auto* stronger = outranked_by(rollout, member.device); stronger != nullptr)
    return text + "; rollout " + stronger->name() + " has a higher priority and is to have it first";
  const auto& waits = rollout.status.waiting_for;
  return text + (waits.empty() ? "" : "; the rollout: " + waits);
}

// What the device said of its failed attempt. Once it has had another rollout's attempt, what it says is about that.
std::string Core::why_failed(const Member& member) const {
  const Device& device = fleet_[member.device];
  if (device.attempt_epoch == member.epoch) {
    if (has_ended_badly(device) || member.standing == Standing::retrying)
      return said(fleet_.text(device.error), fleet_.text(device.detail));
    return ": it showed no end of its attempt in time, and last said " + std::string(name_of(device.attempt)) +
           ", state " + std::string(name_of(device.state));
  }
  if (device.attempt_epoch < member.epoch && member.standing == Standing::failed)
    return ": it did not begin the attempt in time";
  const auto id = fleet_.id(member.device);
  for (const auto& failure : member.rollout->failures) {
    if (failure.device == id) return said(failure.error, failure.detail);
  }
  return {};
}

// Of a device that was assigned and is taken out, or set aside.
std::string Core::why_excluded(const Member& member) const {
  const auto& exclusions = member.rollout->exclusions;
  if (const auto* cancelled = exclusions.cancelled(fleet_.id(member.device)); cancelled != nullptr)
    return "; it was taken out of the rollout " + by_whom(cancelled->who, cancelled->why);
  const auto* stop = member.stopped ? exclusions.stop_of(fleet_.facts(member.device)) : nullptr;
  return stop == nullptr ? "" : "; its group " + stop->group + " is stopped " + by_whom(stop->who, stop->why);
}

std::string Core::why_at_work(const Member& member) const {
  const Device& device = fleet_[member.device];
  std::string text =
      device.attempt_epoch == member.epoch
          ? "; its attempt is " + std::string(name_of(device.attempt)) +
                (device.waits && device.detail != 0 ? ", and it " + std::string(fleet_.text(device.detail)) : "")
          : "; it has not reported that it took it, and was last heard of " + ago(device.last_seen_s, turn_.now_s);
  const auto hold = orders_.idles(fleet_.id(member.device), fleet_.facts(member.device));
  return hold ? text + "; " + describe_hold(*hold) + ", which keeps it from finishing" : text;
}

std::string Core::why_reached(MemberIndex index) const {
  const Member& member = members_[index];
  const Rollout& rollout = *member.rollout;
  const Device& device = fleet_[member.device];
  std::string text = "assigned " + ago(member.assigned_s, turn_.now_s) + " in " +
                     describe_wave(rollout.rule.waves[member.wave]) + " (epoch " + std::to_string(member.epoch) + ")";
  if (member.withdrawn) text += ", to go back to what it ran before";
  text += rehearsal_of(member);
  switch (member.standing) {
    case Standing::done:
      text += rollout.rule.shadow ? "; it is done: it ran the versions in the shadow to the end of their time"
                                  : "; it is done: it runs the versions, with its probes and soak behind it";
      break;
    case Standing::holding:
      text += why_holding(member);
      break;
    case Standing::retrying:
      text += why_retrying(index);
      break;
    case Standing::rehearsing:
      text += member.awaits_rehearsal() ? why_rehearsing(index) : why_at_work(member);
      break;
    case Standing::failed:
      text += "; it failed" + why_failed(member);
      if (member.rolled_back) text += "; it put itself back";
      if (member.acknowledged) text += "; an operator has acknowledged it";
      break;
    case Standing::reverted:
      text += "; it went back";
      break;
    case Standing::unreachable:
      text += "; it is not connected, and was last seen " + ago(device.last_seen_s, turn_.now_s);
      break;
    case Standing::assigned:
    case Standing::reverting:
      text += why_at_work(member);
      break;
    case Standing::cancelled:
      text += !member.withdrawn                ? "; it keeps what it has"
              : runs_what_it_was_given(device) ? "; it went back, as far as it could"
                                               : "; it is to go back, and nobody waits for that";
      break;
    case Standing::waiting:
    case Standing::held_by_other:
      break;  // of devices that were not reached
  }
  return text + why_excluded(member) + rollout.guards.votes_of(member.watch);
}

}  // namespace muster::rules
