// The status of a rollout, and the sentence that says what it waits for or why it stopped.
#include <algorithm>
#include <cassert>

#include "rules/engine/core.h"
#include "rules/engine/facts.h"

namespace muster::rules {

namespace {

// A sentence that names devices looks at all of its rollout. Up to so many of them this is done with each event.
constexpr std::uint32_t sentence_devices_max = 1000;

template <typename T>
void put(T& field, T value, bool& changed) {
  if (field == value) return;
  field = std::move(value);
  changed = true;
}

// The parts that never change.
void prepare_status(const Rollout& rollout, RolloutStatus& status) {
  status.rollout = rollout.name();
  status.versions = rollout.rule.versions;
  status.priority = rollout.rule.priority;
  status.shadow = rollout.rule.shadow;
  status.started_s = rollout.started_s;
  status.started_by = rollout.started_by;
  for (const auto& wave : rollout.rule.waves) {
    WaveStatus each;
    each.name = wave.name;
    each.percent = wave.percent;
    each.first_devices = wave.devices;
    each.rehearse = wave.rehearse;
    each.gate = wave.gate;
    each.line = rollout.lines.of(Clause::wave, status.waves.size());
    status.waves.push_back(std::move(each));
  }
}

std::string halted_sentence(const Rollout& rollout) {
  const auto count = rollout.total().unacknowledged;
  if (rollout.guards.failed_unacknowledged() != 0) {
    return "halted: " + rollout.guards.failed_sentence() + "; resume with the failures acknowledged, or abort";
  }
  if (count == 0) {
    return "halted by failures from which all devices have recovered since; resume with the failures acknowledged, or "
           "abort";
  }
  std::vector<std::string> names;
  for (const auto& failure : rollout.failures) {
    if (!failure.acknowledged && names.size() < Members::names_shown_max)
      names.push_back(failure.device + ": " + failure.error);
  }
  std::string text = count_text(count, "device") + " failed without being acknowledged";
  if (!names.empty()) text += " (" + join_names(names) + (count > names.size() ? ", …" : "") + ")";
  return text + ", and the rule halts at " + describe_reached(rollout) +
         "; resume with the failures acknowledged, or abort";
}

std::string stopped_sentence(const Rollout& rollout, std::string text) {
  text += " by " + rollout.stop_who;
  if (rollout.state == RolloutState::aborted)
    text += rollout.abort_mode == AbortMode::revert ? " with revert" : " with keep";
  if (!rollout.stop_why.empty()) text += ": " + rollout.stop_why;
  return text;
}

}  // namespace

// With a million devices, and as many of them that come back in a minute, no event of one of them may look at all: the
// next tick does, and what people see is a second old at most. The counts and the state are never late.
bool Core::sentence_can_wait(const Rollout& rollout, std::uint32_t targets) const {
  return turn_.of_device && targets > sentence_devices_max && rollout.status.state == rollout.state &&
         rollout.status.wave == rollout.wave && !rollout.status.waves.empty();
}

bool Core::refresh_status(Rollout& rollout) const {
  RolloutStatus& status = rollout.status;
  bool changed = status.waves.empty();
  if (changed) prepare_status(rollout, status);
  const auto total = rollout.total();
  rollout.sentence_due = sentence_can_wait(rollout, total.targets);
  if (!rollout.sentence_due) {
    put(status.waiting_for, waiting_for(rollout), changed);
    if (rollout.guards.any()) put(status.guardrails, rollout.guards.status(), changed);
  }
  put(status.state, rollout.state, changed);
  const bool ended = rollout.state == RolloutState::completed || rollout.state == RolloutState::aborted;
  put(status.ended_s, ended ? rollout.ended_s : 0, changed);
  put(status.previous_kept_until_s, rollout.previous_kept_until_s(), changed);
  put(status.targets, total.targets, changed);
  put(status.reached, total.reached, changed);
  put(status.done, total.of(Standing::done), changed);
  put(status.failed, total.failed, changed);
  put(status.rolled_back, total.rolled_back, changed);
  put(status.unacknowledged, total.unacknowledged + rollout.guards.failed_unacknowledged(), changed);
  put(status.unreachable, total.of(Standing::unreachable), changed);
  put(status.reverted, total.of(Standing::reverted), changed);
  put(status.retrying, total.of(Standing::retrying), changed);
  put(status.holding, total.of(Standing::holding), changed);
  put(status.held_by_other, total.of(Standing::held_by_other), changed);
  put(status.rehearsing, total.of(Standing::rehearsing), changed);
  put(status.awaiting_window, rollout.windows.waiting(), changed);
  put(status.wave, rollout.wave, changed);
  put(status.stopped, total.stopped_targets, changed);
  if (rollout.exclusions.take_changed()) {
    put(status.cancelled_count, static_cast<std::uint32_t>(rollout.exclusions.cancelled_count()), changed);
    put(status.stops, rollout.exclusions.stops(), changed);
    put(status.cancelled, rollout.exclusions.cancelled_shown(), changed);
  }
  if (status.failures != rollout.failures) put(status.failures, rollout.failures, changed);
  for (std::size_t i = 0; i < rollout.waves.size(); ++i) {
    WaveStatus& wave = status.waves[i];
    const auto& tally = rollout.tallies[i];
    put(wave.state, rollout.waves[i].state, changed);
    put(wave.devices, tally.devices(), changed);
    put(wave.done, tally.of(Standing::done), changed);
    put(wave.failed, tally.failed, changed);
    put(wave.unreachable, tally.of(Standing::unreachable), changed);
    put(wave.retrying, tally.of(Standing::retrying), changed);
    put(wave.holding, tally.of(Standing::holding), changed);
    put(wave.hold, rollout.waves[i].released ? HoldPoint::none : rollout.rule.waves[i].hold, changed);
    put(wave.rehearsing, tally.of(Standing::rehearsing), changed);
    put(wave.opened_s, rollout.waves[i].opened_s, changed);
  }
  return changed;
}

std::string Core::waiting_for(const Rollout& rollout) const {
  const auto& wave = rollout.rule.waves[rollout.wave];
  switch (rollout.state) {
    case RolloutState::running:
      return wave_waits_for(rollout);
    case RolloutState::awaiting_approval: {
      const bool last = rollout.wave + 1 == rollout.waves.size();
      const auto frozen = frozen_sentence(rollout);
      const auto next =
          last ? std::string("complete the rollout") : "open " + describe_wave(rollout.rule.waves[rollout.wave + 1]);
      const auto approvals = describe_approvals(rollout);
      return describe_wave(wave) + " is healthy" + rollout.lines.cite(Clause::gate, rollout.wave) + "; approve to " +
             next + (approvals.empty() ? "" : "; " + approvals) + (frozen.empty() ? "" : "; " + frozen) +
             rollout.guards.votes_to_come() + rollout.guards.review();
    }
    case RolloutState::paused:
      return stopped_sentence(rollout, "paused");
    case RolloutState::halted:
      return halted_sentence(rollout);
    case RolloutState::completed:
      if (rollout.unassigned_in_waves() == 0) return {};
      if (auto frozen = frozen_sentence(rollout); !frozen.empty()) return frozen;
      return window_sentence(rollout);
    case RolloutState::reverting: {
      const auto waiting = members_.named(rollout, Members::names_shown_max,
                                          [](const Member& m) { return m.standing == Standing::reverting; });
      return "reverting: waiting for " + join_names(waiting) +
             " to report the earlier versions; 'rollout cancel' or 'rollout abort --keep' ends that";
    }
    case RolloutState::aborted:
      return stopped_sentence(rollout, "aborted");
  }
  return {};
}

// The devices of one wave with that standing, by id.
std::string Core::name_some(const Rollout& rollout, std::size_t wave, Standing standing) const {
  return join_names(members_.named(rollout, Members::names_shown_max, [&](const Member& member) {
    return member.wave == wave && member.standing == standing;
  }));
}

std::string Core::wave_waits_for(const Rollout& rollout) const {
  const auto& rule = rollout.rule.waves[rollout.wave];
  const auto& tally = rollout.tallies[rollout.wave];
  const auto name = describe_wave(rule);
  if (rollout.waves[rollout.wave].state == WaveState::pending) {
    const auto until_s = baseline_until_s(rollout);
    const auto* held = held_by_state(rollout);
    if (held != nullptr && turn_.now_s >= until_s) return describe_state_hold(rollout, *held);
    return count_text(rollout.tallies.back().targets, "target") + " are measured before " + name +
           " opens, which it does in " + std::to_string(until_s > turn_.now_s ? until_s - turn_.now_s : 0) + " s" +
           rollout.lines.cite(Clause::baseline_window);
  }
  if (tally.devices() == 0) {
    if (rule.is_ring() && rollout.total().targets != 0) {
      return "no target is in the ring of " + name + " (" + rule.ring_text + ")" +
             rollout.lines.cite(Clause::wave, rollout.wave) + "; it goes on when one is, or abort";
    }
    return "no device matches the targets; the rollout goes on when one does";
  }
  if (auto frozen = frozen_sentence(rollout); !frozen.empty()) return frozen;
  if (auto rehearsal = rehearsal_sentence(rollout); !rehearsal.empty()) return rehearsal;
  if (const auto waiting = paced_in(rollout, rollout.wave); waiting != 0) {
    return count_text(waiting, "device") + " of " + name + (waiting == 1 ? " follows" : " follow") +
           " at the rule's pace: " + describe_pace(rollout);
  }
  if (auto waiting = window_sentence(rollout); !waiting.empty()) return waiting;
  const auto idle = tally.of(Standing::assigned) == 0 ? std::string() : idle_sentence(rollout);
  if (!idle.empty()) return idle;
  if (auto holding = hold_sentence(rollout); !holding.empty()) return holding;
  if (auto retrying = retrying_sentence(rollout); !retrying.empty()) return retrying;
  if (auto unmet = tally.unmet == 0 ? std::string() : unmet_sentence(rollout); !unmet.empty()) return unmet;
  if (tally.of(Standing::assigned) != 0) return {};
  // The devices have all said what they will: what holds the wave is a verdict.
  if (wave_healthy(rollout)) {
    if (auto missing = rollout.guards.missing_sentence(); !missing.empty()) return name + " is done; " + missing;
  }
  if (tally.tolerated != 0) {
    return "no device of " + name + " is done: " + std::to_string(tally.tolerated) + " failed (" +
           name_some(rollout, rollout.wave, Standing::failed) +
           "), fewer than the rule halts at: " + describe_halt(rollout, halt_limits_of(rollout.rule)) +
           "; resume with the failures acknowledged, or abort";
  }
  const auto total = rollout.total();
  if (tally.stopped != 0 && total.stopped_targets + total.frozen_targets == total.targets) {
    return "all targets that are left are in stopped groups (" + rollout.exclusions.stops_sentence() +
           "); continue one of them, or abort";
  }
  if (tally.of(Standing::held_by_other) != 0) {
    return held_sentence(rollout, name);
  }
  if (tally.of(Standing::unreachable) != 0) {
    return "waiting for " + name_some(rollout, rollout.wave, Standing::unreachable) + ": all devices of " + name +
           " are unreachable";
  }
  if (tally.frozen != 0 && tally.of(Standing::done) == 0)
    return "all devices of " + name + " are in frozen segments; abort, and start anew with other targets";
  return {};
}

// What orders keep from devices of this rollout; empty when nothing.
std::string Core::frozen_sentence(const Rollout& rollout) const {
  if (const auto* freeze = orders_.fleet_freeze(rollout.manifests); freeze != nullptr) {
    return "release " + freeze->release_name + " is frozen for the fleet by " + freeze->order.by +
           "; thaw it, or abort";
  }
  if (orders_.none() || (rollout.unassigned_in_waves() == 0 && rollout.total().of(Standing::rehearsing) == 0))
    return {};
  std::size_t kept = 0;
  const auto first = members_.first(
      rollout,
      [&](const Member& member) {
        const bool placed = member.wave != no_wave && !member.reached && !member.stopped;
        const bool is = (placed && member.standing == Standing::waiting) || member.awaits_rehearsal();
        kept += is ? 1 : 0;
        return is;
      },
      [&](const Member& member) { return hold_of(member).has_value(); });
  if (first == 0) return {};
  const auto device = members_[first].device;
  const auto hold = hold_of(members_[first]);
  const bool freeze = hold->order->order.kind == OrderKind::freeze;
  const auto what = freeze ? "release " + hold->order->release_name + " is frozen" : std::string("updates are paused");
  return what + " in " + std::string(hold->scope) + " by " + hold->order->order.by + ", which keeps it from " +
         std::string(fleet_.id(device)) + (kept > 1 ? " and " + std::to_string(kept - 1) + " more" : "") + "; " +
         (freeze ? "thaw it" : "resume there") + ", or abort";
}

// Devices of the open wave that another rollout holds; the first of them tells which one, and whether its end helps.
std::string Core::held_sentence(const Rollout& rollout, const std::string& wave) const {
  const auto holder_of = [&](const Member& member) -> const Rollout* {
    for (std::size_t plane = 0; plane < plane_count; ++plane) {
      const auto* holder = rollout.governs(plane) ? by_number(fleet_[member.device].holder[plane]) : nullptr;
      if (holder == nullptr || holder == &rollout) continue;
      const bool outlived = holder->state == RolloutState::completed && holder->rule.priority > rollout.rule.priority;
      if (holder->active() && has_let_go(*holder, member.device)) continue;
      if (holder->active() || holder->number > rollout.number || outlived) return holder;
    }
    const auto* stronger = outranked_by(rollout, member.device);
    return stronger != nullptr ? stronger : at_work_beside(rollout, member.device);
  };
  const auto names = name_some(rollout, rollout.wave, Standing::held_by_other);
  const auto first = members_.first(
      rollout,
      [&](const Member& member) { return member.wave == rollout.wave && member.standing == Standing::held_by_other; },
      [&](const Member& member) { return holder_of(member) != nullptr; });
  if (first == 0) return "waiting for another rollout to end that holds " + names + " of " + wave;
  const Rollout& holder = *holder_of(members_[first]);
  if (holder.active()) return "waiting for rollout " + holder.name() + " to end, which holds " + names + " of " + wave;
  const bool newer = holder.number > rollout.number;
  return names + " of " + wave + " got other versions from the " + (newer ? "newer rollout " : "rollout ") +
         holder.name() + ", which " + (newer ? "" : "has a higher priority and ") + "is " +
         std::string(name_of(holder.state)) + "; abort this rollout, or that one";
}

// Devices at work in the open wave whose orders keep all of them from finishing; empty when one of them can go on.
std::string Core::idle_sentence(const Rollout& rollout) const {
  if (orders_.none()) return {};
  const auto at_work = [&](const Member& member) { return member.wave == rollout.wave && member.at_work(); };
  const auto idles = [&](const Member& member) {
    return orders_.idles(fleet_.id(member.device), fleet_.facts(member.device));
  };
  if (members_.any(rollout, [&](const Member& member) { return at_work(member) && !idles(member); })) return {};
  const auto first = members_.first(rollout, at_work, [](const Member&) { return true; });
  if (first == 0) return {};
  const auto hold = idles(members_[first]);
  const bool safe_mode = hold->order->order.kind == OrderKind::safe_mode;
  return std::string(safe_mode ? "safe mode is ordered" : "updates are paused") + " in " + std::string(hold->scope) +
         " by " + hold->order->order.by + ", which keeps " +
         join_names(members_.named(rollout, Members::names_shown_max, at_work)) + " of " +
         describe_wave(rollout.rule.waves[rollout.wave]) + " from finishing; resume there, or abort";
}

bool Core::device(std::string_view id, DeviceStatus& status) const {
  const auto index = fleet_.find(id);
  if (index == 0) return false;
  const Device& device = fleet_[index];
  status = DeviceStatus();
  status.device = id;
  status.connected = device.connected;
  status.reported = device.reported;
  status.last_seen_s = device.last_seen_s;
  status.facts = unpack_facts(fleet_.facts(index));
  status.state = device.state;
  for (std::size_t plane = 0; plane < plane_count; ++plane) status.active[plane] = fleet_.digest(device.active[plane]);
  status.assigned_epoch = device.assigned_epoch;
  status.attempt_epoch = device.attempt_epoch;
  status.attempt = device.attempt;
  status.attempt_error = fleet_.text(device.error);
  status.attempt_detail = fleet_.text(device.detail);
  status.attempt_waits = device.waits;
  for (auto each = device.first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    const Rollout& rollout = *member.rollout;
    const auto next = std::min<std::size_t>(rollout.wave + 1, rollout.waves.size() - 1);
    status.rollouts.push_back(
        {rollout.name(), member.standing, member.wave == no_wave ? static_cast<std::uint32_t>(next) : member.wave});
  }
  status.overrides = overrides_of(index);
  return true;
}

}  // namespace muster::rules
