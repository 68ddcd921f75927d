// The states of a rollout: gates, halt, completion, the end of an abort. All changes of state go through set_state,
// which checks them against the table below.
#include <algorithm>
#include <cassert>
#include <utility>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

namespace {

struct Transition {
  RolloutState from, to;
};

// Reads: a rollout that is … may become …
constexpr Transition transitions[] = {
    {RolloutState::running, RolloutState::awaiting_approval},  // a wave with a manual gate is healthy
    {RolloutState::running, RolloutState::paused},             // an operator paused it
    {RolloutState::running, RolloutState::halted},             // too many devices failed
    {RolloutState::running, RolloutState::completed},          // its last wave is done
    {RolloutState::running, RolloutState::reverting},          // abort with revert
    {RolloutState::running, RolloutState::aborted},            // abort with keep
    {RolloutState::awaiting_approval, RolloutState::running},  // approved, or a device of the wave came back
    {RolloutState::awaiting_approval, RolloutState::paused},
    {RolloutState::awaiting_approval, RolloutState::halted},
    {RolloutState::awaiting_approval, RolloutState::reverting},
    {RolloutState::awaiting_approval, RolloutState::aborted},
    {RolloutState::paused, RolloutState::running},  // resumed
    {RolloutState::paused, RolloutState::reverting},
    {RolloutState::paused, RolloutState::aborted},
    {RolloutState::halted, RolloutState::running},  // resumed, its failures acknowledged
    {RolloutState::halted, RolloutState::reverting},
    {RolloutState::halted, RolloutState::aborted},
    {RolloutState::completed, RolloutState::paused},  // late joiners get nothing for now
    {RolloutState::completed, RolloutState::halted},  // failures after completion
    {RolloutState::completed, RolloutState::reverting},
    {RolloutState::completed, RolloutState::aborted},
    {RolloutState::reverting, RolloutState::aborted},  // all reachable devices went back
};

[[maybe_unused]] bool allowed(RolloutState from, RolloutState to) {
  return std::any_of(std::begin(transitions), std::end(transitions),
                     [&](const Transition& t) { return t.from == from && t.to == to; });
}

std::string counts_of(const Tally& tally) {
  return std::to_string(tally.of(Standing::done)) + " done, " + std::to_string(tally.failed) + " failed, " +
         std::to_string(tally.of(Standing::unreachable)) + " unreachable of " + std::to_string(tally.devices()) +
         (tally.frozen == 0 ? std::string() : "; " + std::to_string(tally.frozen) + " are in frozen segments") +
         (tally.stopped == 0 ? std::string() : "; " + std::to_string(tally.stopped) + " stopped");
}

}  // namespace

void Core::set_state(Rollout& rollout, RolloutState state) {
  assert(allowed(rollout.state, state));
  // Approvals are of what there was to see: only a pause changes nothing about it.
  if (rollout.state == RolloutState::awaiting_approval && state != RolloutState::paused)
    rollout.waves[rollout.wave].approved_by.clear();
  rollout.state = state;
  // A completed one that stops and goes on, for who joins late, has completed when it did so first.
  const bool first = state == RolloutState::completed && rollout.ended_s == 0;
  if (first || state == RolloutState::aborted) rollout.ended_s = turn_.now_s;
  rollout.persist = true;
  members_.touch(rollout);
  for (const auto& [number, other] : rollouts_) {  // whose sentences name its state
    if (other->shares_plane_with(rollout)) members_.touch(*other);
  }
}

// Turns come last: a halt takes them back.
void Core::settle(Rollout& rollout) {
  if (rollout.serving() && rollout.guards.take_decided()) act_on_verdicts(rollout);
  settle_state(rollout);
  if (std::exchange(rollout.offer_due, false)) offer_turns(rollout);
}

void Core::settle_state(Rollout& rollout) {
  switch (rollout.state) {
    case RolloutState::running:
    case RolloutState::awaiting_approval:
      settle_waves(rollout);
      return;
    case RolloutState::completed:
      if (halt_limits_reached(rollout).any()) halt(rollout);
      return;
    case RolloutState::reverting:
      if (rollout.total().of(Standing::reverting) == 0) finish_abort(rollout);
      return;
    case RolloutState::paused:
    case RolloutState::halted:
    case RolloutState::aborted:
      return;
  }
}

// Goes as far as gates allow. Ends: each round either returns or closes one of the waves.
void Core::settle_waves(Rollout& rollout) {
  while (true) {
    if (halt_limits_reached(rollout).any()) return halt(rollout);
    if (rollout.waves.back().state == WaveState::done) return complete(rollout);
    WaveRun& run = rollout.waves[rollout.wave];
    if (run.state == WaveState::pending) {
      if (const auto until_s = baseline_until_s(rollout); turn_.now_s < until_s) {
        rollout.guards_due_s = until_s;
        return;
      }
      look_outside_ring(rollout);
      if (held_by_state(rollout) != nullptr) return;
      open_wave(rollout);
    } else {
      reopen_if_empty(rollout);
    }
    fill_in_for_stopped(rollout);
    if (!wave_healthy(rollout)) {
      if (rollout.state == RolloutState::awaiting_approval) set_state(rollout, RolloutState::running);
      run.approved_by.clear();  // they approved what it was
      return;
    }
    if (rollout.rule.waves[rollout.wave].gate == Gate::manual) {
      if (run.approved_by.size() < rollout.rule.waves[rollout.wave].approvers) return await_approval(rollout);
    } else if (rollout.rule.waves[rollout.wave].is_judged()) {
      if (!guards_open(rollout)) return;
      note_waivers(rollout);
    }
    close_wave(rollout);
  }
}

void Core::open_wave(Rollout& rollout) {
  WaveRun& run = rollout.waves[rollout.wave];
  run.state = WaveState::open;
  run.opened_s = turn_.now_s;
  rollout.persist = true;
  const auto windowed_before = rollout.windows.waiting();
  fill_wave(rollout);
  const auto windowed = rollout.windows.waiting() - windowed_before;
  offer_turns(rollout);
  const auto& tally = rollout.tallies[rollout.wave];
  std::string why = "rollout " + rollout.name() + ": " + describe_wave(rollout.rule.waves[rollout.wave]) +
                    " opened with " + std::to_string(tally.devices()) + " of " +
                    count_text(rollout.total().targets, "target") + rollout.lines.cite(Clause::wave, rollout.wave);
  if (const auto count = tally.of(Standing::unreachable); count != 0)
    why += "; " + std::to_string(count) + " unreachable";
  if (const auto count = tally.of(Standing::held_by_other); count != 0)
    why += "; " + std::to_string(count) + " held by another rollout";
  if (tally.frozen != 0) why += "; " + std::to_string(tally.frozen) + " in frozen segments get nothing";
  if (tally.stopped != 0) {
    why +=
        "; " + std::to_string(tally.stopped) + " in stopped groups get nothing: " + rollout.exclusions.stops_sentence();
  }
  if (windowed != 0) {
    why += "; " + std::to_string(windowed) + (windowed == 1 ? " waits for its" : " wait for their") + " window (" +
           describe_windows(rollout.rule.windows) + rollout.lines.cite_within(Clause::windows) + ")";
  }
  std::size_t missed = 0;  // of those that wait for their window
  if (windowed != 0) {
    members_.for_each(rollout, [&](MemberIndex index) {
      const Member& member = members_[index];
      missed += !member.reached && member.standing == Standing::unreachable && member.wave == rollout.wave ? 1 : 0;
    });
  }
  std::size_t paced = 0;
  if (rollout.rule.pace.any()) {
    members_.for_each(rollout, [&](MemberIndex index) {
      const Member& member = members_[index];
      paced += member.paced && !member.reached && member.wave == rollout.wave ? 1 : 0;
    });
  }
  if (paced != 0) why += "; " + std::to_string(paced) + " follow at its pace: " + describe_pace(rollout);
  // Of those that wait, the frozen and the stopped ones: nobody in this wave was reached before it opened.
  if (const auto count = tally.of(Standing::waiting) - tally.frozen - tally.stopped - paced - (windowed - missed);
      count != 0)
    why += "; " + std::to_string(count) + " kept back by orders";
  turn_.audit("muster", audit::wave_opened, rollout.name(), std::move(why));
}

// A wave that opened before there was any target gets its devices as soon as there is one. Rings need no second look: a
// device that comes to match one joins by itself.
void Core::reopen_if_empty(Rollout& rollout) {
  const WaveRun& run = rollout.waves[rollout.wave];
  const auto& tally = rollout.tallies[rollout.wave];
  if (run.covered || rollout.rule.waves[rollout.wave].is_ring() || tally.devices() != 0) return;
  if (rollout.total().targets == 0) return;
  fill_wave(rollout);
  turn_.audit("muster", audit::wave_opened, rollout.name(),
              "rollout " + rollout.name() + ": " + describe_wave(rollout.rule.waves[rollout.wave]) +
                  " has its first devices: " + std::to_string(tally.devices()) + " of " +
                  count_text(rollout.total().targets, "target") + rollout.lines.cite(Clause::wave, rollout.wave));
}

// Every device of the wave is done, failed (fewer than the rule halts at), unreachable, held by another rollout, in a
// frozen segment or stopped, and at least one is done or was accepted as failed: neither silence nor failures alone are
// health.
bool Core::wave_healthy(const Rollout& rollout) const {
  const auto& tally = rollout.tallies[rollout.wave];
  const auto devices = tally.devices();
  if (devices == 0) return rollout.waves[rollout.wave].covered;
  const auto spoken = tally.of(Standing::done) + tally.acknowledged_standing;
  const auto silent = tally.of(Standing::unreachable) + tally.of(Standing::held_by_other);
  if (spoken + silent + tally.tolerated + tally.frozen + tally.stopped != devices) return false;
  if (spoken != 0) return true;
  // A wave of frozen segments and stopped groups alone is passed over, as long as some target is in another.
  const auto total = rollout.total();
  return tally.frozen + tally.stopped + tally.silent_aside != 0 && tally.tolerated == 0 &&
         silent == tally.silent_aside && total.frozen_targets + total.stopped_targets < total.targets;
}

void Core::await_approval(Rollout& rollout) {
  if (rollout.state == RolloutState::awaiting_approval) return;
  set_state(rollout, RolloutState::awaiting_approval);
  turn_.audit("muster", audit::wave_awaiting_approval, rollout.name(),
              "rollout " + rollout.name() + ": " + describe_wave(rollout.rule.waves[rollout.wave]) +
                  " is healthy: " + counts_of(rollout.tallies[rollout.wave]) + rollout.guards.votes_to_come() +
                  "; its gate is manual" + rollout.lines.cite(Clause::gate, rollout.wave));
}

void Core::close_wave(Rollout& rollout) {
  WaveRun& run = rollout.waves[rollout.wave];
  if (rollout.state == RolloutState::awaiting_approval) set_state(rollout, RolloutState::running);
  run.state = WaveState::done;
  rollout.persist = true;
  turn_.audit("muster", audit::wave_done, rollout.name(),
              "rollout " + rollout.name() + ": " + describe_wave(rollout.rule.waves[rollout.wave]) + " has passed: " +
                  counts_of(rollout.tallies[rollout.wave]) + rollout.lines.cite(Clause::gate, rollout.wave));
  if (rollout.wave + 1 < rollout.waves.size()) ++rollout.wave;
  look_outside_ring(rollout);
  if (const auto* held = held_by_state(rollout); held != nullptr)
    turn_.audit("muster", audit::wave_held, rollout.name(),
                "rollout " + rollout.name() + ": " + describe_state_hold(rollout, *held));
}

void Core::halt(Rollout& rollout) {
  set_state(rollout, RolloutState::halted);
  const auto total = rollout.total();
  turn_.audit("muster", audit::rollout_halted, rollout.name(),
              "rollout " + rollout.name() + ": " + count_text(total.unacknowledged, "unacknowledged failure") +
                  ", the rule halts at " + describe_reached(rollout) + "; " + reached_text(total));
}

void Core::complete(Rollout& rollout) {
  set_state(rollout, RolloutState::completed);
  turn_.audit("muster", audit::rollout_completed, rollout.name(),
              "rollout " + rollout.name() + ": all waves are done: " + counts_of(rollout.total()) +
                  rollout.lines.cite(Clause::wave, rollout.wave));
  offer_devices_of(rollout);
}

void Core::finish_abort(Rollout& rollout) {
  set_state(rollout, RolloutState::aborted);
  const auto total = rollout.total();
  const auto out = total.of(Standing::cancelled);
  turn_.audit("muster", audit::rollout_aborted, rollout.name(),
              "rollout " + rollout.name() + ": of " + std::to_string(total.reached) + " reached devices " +
                  std::to_string(total.of(Standing::reverted)) + " went back, " +
                  std::to_string(total.of(Standing::failed)) + " could not, " +
                  std::to_string(total.of(Standing::unreachable)) + " are unreachable and will on their return" +
                  (out == 0 ? "" : "; " + std::to_string(out) + (out == 1 ? " was" : " were") + " taken out of it"));
  offer_devices_of(rollout);
}

}  // namespace muster::rules
