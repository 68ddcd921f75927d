// What operators ask for once a rollout runs, and standing orders. Each command is answered and audited, also a refused
// one.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

std::string failures_text(std::uint32_t count) {
  return count_text(count, "failure");
}

// An approval of one wave is none of another, whatever that one looks like.
std::string fault_of_wave_named(const Rollout& rollout, const std::string& name) {
  const Wave& open = rollout.rule.waves[rollout.wave];
  if (name.empty() || name == open.name) return {};
  const auto found = find_wave(rollout.rule, name);
  if (!found) return "rollout " + rollout.name() + " has no wave called \"" + name.substr(0, limits::id_len_max) + "\"";
  return describe_wave(rollout.rule.waves[*found]) + " of rollout " + rollout.name() +
         (*found > rollout.wave ? " has not opened" : " is done already") + "; it is " + describe_wave(open) +
         " that waits for approval: look at it before you approve it";
}

// Failures that came after the operator's look are not accepted by the way.
std::string fault_of_failures_seen(const Rollout& rollout, std::uint32_t seen, std::uint32_t now) {
  if (now <= seen) return {};
  std::vector<std::string> newest;
  for (const auto& failure : rollout.failures) {
    if (!failure.acknowledged && newest.size() < std::min<std::size_t>(now - seen, Members::names_shown_max))
      newest.push_back(failure.device + ": " + failure.error);
  }
  return "rollout " + rollout.name() + " has " + failures_text(now) + " by now that nobody acknowledged, " +
         std::to_string(now - seen) + " more than you have seen" +
         (newest.empty() ? std::string() : " (newest: " + join_names(newest) + ")") +
         "; look at them, then acknowledge";
}

}  // namespace

void Core::on(const Command& command) {
  auto answer = std::visit([&](const auto& body) { return run(command, body); }, command.body);
  if (!answer.ok)
    turn_.audit(command.who, audit::command_refused, answer.subject, with_reason(answer.message, command.why));
  turn_.replies.push_back({command.correlation, answer.ok, std::move(answer.message)});
}

Core::Answer Core::run(const Command& command, const ApproveWave& body) {
  auto* rollout = find_rollout(body.rollout);
  if (rollout == nullptr) return {false, unknown_rollout(body.rollout), body.rollout};
  const Wave& wave = rollout->rule.waves[rollout->wave];
  if (rollout->state != RolloutState::awaiting_approval) {
    std::string text =
        "rollout " + rollout->name() + " is " + std::string(name_of(rollout->state)) + " and waits for no approval";
    const auto& tally = rollout->tallies[rollout->wave];
    if (rollout->state == RolloutState::running && wave.gate == Gate::manual) {
      text += ": " + describe_wave(wave) + " is not healthy yet, " + std::to_string(tally.of(Standing::done)) + " of " +
              std::to_string(tally.devices()) + " devices are done; approve when its state is awaiting_approval";
    } else if (rollout->state == RolloutState::paused || rollout->state == RolloutState::halted) {
      text += "; resume it first";
    }
    return {false, std::move(text), rollout->name()};
  }
  if (auto fault = fault_of_wave_named(*rollout, body.wave); !fault.empty())
    return {false, std::move(fault), rollout->name()};
  auto& approved_by = rollout->waves[rollout->wave].approved_by;
  if (std::find(approved_by.begin(), approved_by.end(), command.who) != approved_by.end()) {
    return {false,
            describe_wave(wave) + " of rollout " + rollout->name() + " has your approval already (" +
                describe_approvals(*rollout) + "); another operator has to approve it too",
            rollout->name()};
  }
  approved_by.push_back(command.who);
  const auto approvals = wave.approvers > 1 ? "; " + describe_approvals(*rollout) : std::string();
  const auto& tally = rollout->tallies[rollout->wave];
  turn_.audit(
      command.who, audit::wave_approved, rollout->name(),
      with_reason(describe_wave(wave) + ": " + std::to_string(tally.of(Standing::done)) + " done, " +
                      std::to_string(tally.failed) + " failed, " + std::to_string(tally.of(Standing::unreachable)) +
                      " unreachable of " + std::to_string(tally.devices()) +
                      rollout->lines.cite(Clause::gate, rollout->wave) + rollout->guards.review() + approvals,
                  command.why));
  rollout->persist = true;
  members_.touch(*rollout);
  if (approved_by.size() < wave.approvers) {
    return {true, describe_wave(wave) + " of rollout " + rollout->name() + " has " + describe_approvals(*rollout),
            rollout->name()};
  }
  settle_all();
  std::string text = "approved " + describe_wave(wave) + " of rollout " + rollout->name();
  if (rollout->state == RolloutState::completed) return {true, text + "; it is completed", rollout->name()};
  if (rollout->waves[rollout->wave].state == WaveState::pending)
    return {true, text + "; " + waiting_for(*rollout), rollout->name()};
  const auto& open = rollout->tallies[rollout->wave];
  return {true,
          text + "; " + describe_wave(rollout->rule.waves[rollout->wave]) + " is open with " +
              count_text(open.devices(), "more device"),
          rollout->name()};
}

Core::Answer Core::run(const Command& command, const PauseRollout& body) {
  auto* rollout = find_rollout(body.rollout);
  if (rollout == nullptr) return {false, unknown_rollout(body.rollout), body.rollout};
  const auto state = rollout->state;
  if (state != RolloutState::running && state != RolloutState::awaiting_approval && state != RolloutState::completed) {
    return {false,
            "rollout " + rollout->name() + " is " + std::string(name_of(state)) +
                " and assigns nothing; there is nothing to pause",
            rollout->name()};
  }
  rollout->stop_who = command.who;
  rollout->stop_why = command.why;
  set_state(*rollout, RolloutState::paused);
  const auto total = rollout->total();
  const auto counts = std::to_string(total.of(Standing::done)) + " done, " +
                      std::to_string(total.of(Standing::assigned) + count_going_back(*rollout)) + " at work, " +
                      std::to_string(total.failed) + " failed of " + count_text(total.targets, "target");
  turn_.audit(command.who, audit::rollout_paused, rollout->name(),
              with_reason("it was " + std::string(name_of(state)) + ": " + counts, command.why));
  return {true, "paused rollout " + rollout->name() + ": no device gets it until it is resumed; " + counts,
          rollout->name()};
}

void Core::acknowledge(Rollout& rollout) {
  const auto failed =
      members_.sorted(rollout, [](const Member& member) { return member.failed && !member.acknowledged; });
  for (const auto index : failed) {
    members_.change(index, [](Member& m) { m.acknowledged = true; });
    mark_persist(members_[index].device);
  }
  // Failures of devices that a newer rollout has taken since: no member is left to mark.
  for (std::size_t wave = 0; wave < rollout.departed.size(); ++wave) {
    rollout.tallies[wave].accept_failures_of(rollout.departed[wave]);
    rollout.departed[wave].accept_failures_of(Tally(rollout.departed[wave]));
  }
  for (auto& failure : rollout.failures) failure.acknowledged = true;
  rollout.failed_in_a_row = 0;
  if (rollout.guards.failed_unacknowledged() != 0) {
    std::vector<WatchIndex> watches;
    members_.for_each(rollout, [&](MemberIndex index) {
      const Member& member = members_[index];
      if (!member.reached || member.watch == 0) return;
      watches.push_back(member.watch);
      mark_persist(member.device);
    });
    rollout.guards.acknowledge(watches);
  }
  rollout.persist = true;
  members_.touch(rollout);
}

Core::Answer Core::run(const Command& command, const ResumeRollout& body) {
  auto* rollout = find_rollout(body.rollout);
  if (rollout == nullptr) return {false, unknown_rollout(body.rollout), body.rollout};
  const auto& name = rollout->name();
  const auto verdicts = rollout->guards.failed_unacknowledged();
  const auto unacknowledged = rollout->total().unacknowledged + verdicts;
  const bool stopped = rollout->state == RolloutState::paused || rollout->state == RolloutState::halted;
  if (!rollout->serving()) {
    return {
        false,
        "rollout " + name + " is " + std::string(name_of(rollout->state)) + " and cannot be resumed; start a new one",
        name};
  }
  if (!stopped && (!body.acknowledge_failures || unacknowledged == 0)) {
    return {false,
            "rollout " + name + " is " + std::string(name_of(rollout->state)) +
                ", neither paused nor halted; there is nothing to resume",
            name};
  }
  if (body.acknowledge_failures && body.failures_seen) {
    if (auto fault = fault_of_failures_seen(*rollout, *body.failures_seen, unacknowledged); !fault.empty())
      return {false, std::move(fault), name};
  }
  if (!body.acknowledge_failures &&
      (rollout->state == RolloutState::halted || halt_limits_reached(*rollout).any() || verdicts != 0)) {
    return {false,
            "rollout " + name + " has " + failures_text(unacknowledged) +
                " that nobody acknowledged; look at them, then resume with the failures acknowledged, or abort",
            name};
  }
  const auto was = std::string(name_of(rollout->state));
  std::string done;
  if (body.acknowledge_failures && unacknowledged != 0) {
    std::string devices;
    for (const auto& failure : rollout->failures) {
      if (!failure.acknowledged) devices += (devices.empty() ? "" : ", ") + failure.device;
    }
    if (verdicts != 0) devices += (devices.empty() ? "" : "; ") + rollout->guards.failed_sentence();
    acknowledge(*rollout);
    done = "acknowledged " + failures_text(unacknowledged);
    turn_.audit(command.who, audit::failures_acknowledged, name,
                with_reason(failures_text(unacknowledged) + ": " + devices, command.why));
  }
  if (stopped) {
    rollout->stop_who.clear();
    rollout->stop_why.clear();
    set_state(*rollout, RolloutState::running);
    turn_.audit(command.who, audit::rollout_resumed, name, with_reason("it was " + was, command.why));
    done = "resumed rollout " + name + (done.empty() ? "" : ", ") + done;
    // Devices that joined meanwhile got nothing; a completed rollout has to serve them too.
    retry_unassigned(*rollout);
  } else {
    done += " of rollout " + name;
  }
  settle_all();
  return {true, done + "; it is " + std::string(name_of(rollout->state)), name};
}

// Ends a rollout: who was not reached leaves it, and who was goes back, all or those that are not done. How many, in
// words. `cited`: which line of the rule decided how it ends, if it was the rule.
std::string Core::abort(Rollout& rollout, bool revert, const std::string& who, const std::string& why,
                        const std::string& cited) {
  rollout.stop_who = who;
  rollout.stop_why = why;
  rollout.abort_mode = revert ? AbortMode::revert : AbortMode::keep;
  const auto unreached = members_.sorted(rollout, [](const Member& member) { return !member.reached; });
  for (const auto index : unreached) {
    if (revert) redirect_ways_back(index);
    if (revert && has_remains(members_[index])) {
      take_up_remains(index);
      continue;
    }
    if (members_[index].wave != no_wave) mark_persist(members_[index].device);
    members_.depart(index);
  }
  const bool takes_back = revert && !rollout.rule.shadow;  // a shadow that is over has left nothing
  const auto back = members_.sorted(rollout, [&](const Member& member) {
    const bool over = rollout.rule.shadow && !in_flight(member) &&
                      (fleet_[member.device].attempt_epoch != member.epoch || has_ended_badly(fleet_[member.device]));
    return !member.gone() && !over && (takes_back || member.standing != Standing::done);
  });
  for (const auto index : back) withdraw(index);
  const auto total = rollout.total();
  auto reached = reached_text(total) + ", " + std::to_string(total.failed) + " failed; " + std::to_string(back.size()) +
                 " go back to their earlier versions";
  set_state(rollout, revert ? RolloutState::reverting : RolloutState::aborted);
  turn_.audit(who, revert ? audit::rollout_reverting : audit::rollout_aborted, rollout.name(),
              with_reason(std::string(revert ? "abort with revert" : "abort with keep") + cited + ": " + reached, why));
  if (!revert) offer_devices_of(rollout);
  return reached;
}

Core::Answer Core::run(const Command& command, const AbortRollout& body) {
  auto* rollout = find_rollout(body.rollout);
  if (rollout == nullptr) return {false, unknown_rollout(body.rollout), body.rollout};
  const auto& name = rollout->name();
  if (rollout->state == RolloutState::reverting) {
    if (body.mode == AbortMode::keep) return end_ways_back(command, *rollout);
    return {false, "rollout " + name + " is reverting already; abort it with keep to leave what has not gone back",
            name};
  }
  if (!rollout->serving())
    return {false, "rollout " + name + " is " + std::string(name_of(rollout->state)) + " already", name};
  const bool by_rule_revert = rollout->rule.on_abort == AbortDefault::revert;
  const bool revert = body.mode == AbortMode::revert || (body.mode == AbortMode::by_rule && by_rule_revert);
  const auto cited = body.mode == AbortMode::by_rule ? rollout->lines.cite(Clause::on_abort) : std::string();
  const auto reached = abort(*rollout, revert, command.who, command.why, cited);
  settle_all();
  return {true, "aborted rollout " + name + (revert ? " with revert: " : " with keep: ") + reached, name};
}

Core::Answer Core::run(const Command& command, const GiveOrder& body) {
  std::vector<MemberIndex> idle;  // who may have its time for the attempt again
  for (const auto& [number, rollout] : rollouts_) {
    if (body.kind != OrderKind::resume) break;
    members_.for_each(*rollout, [&](MemberIndex index) {
      const auto device = members_[index].device;
      if (in_flight(members_[index]) && orders_.idles(fleet_.id(device), fleet_.facts(device))) idle.push_back(index);
    });
  }
  const auto outcome = orders_.give(body, command.who, command.why, directive_epoch_ + 1);
  const auto subject = body.scope.substr(0, limits::topic_len_max);
  if (!outcome.ok) return {false, outcome.message, subject};
  ++directive_epoch_;
  turn_.engine = true;
  turn_.scopes.insert(body.scope);
  const bool takes_back = body.kind == OrderKind::resume || body.kind == OrderKind::thaw;
  turn_.audit(command.who, takes_back ? audit::order_withdrawn : audit::order_given, subject,
              with_reason(outcome.message, command.why));
  for (auto* rollout : claims()) {
    members_.touch(*rollout);
    if (takes_back) retry_unassigned(*rollout);
  }
  for (const auto index : idle) {
    if (members_.live(index)) no_longer_idle(index);
  }
  settle_all();
  return {true, outcome.message, subject};
}

}  // namespace muster::rules
