// The recovery policy of the active config release: what the device does about its own health, with nobody's help.
#include <algorithm>

#include "edge-client/agent/agent.h"
#include "schemas/recovery_action.h"

namespace muster::edge {

void Agent::load_policy() {
  const auto& active = durable_.planes[index_of(Plane::config)].active;
  const auto* release = known(Plane::config, active.manifest);
  const auto refused = policy_.load(release != nullptr ? release->recovery : std::vector<RecoveryRule>{});
  policy_.rearm(now_ms_);
  if (refused != 0) {
    note(NoteLevel::error, std::to_string(refused) + " recovery rules of " + active.name + "@" + active.version +
                               " are not valid bytecode and are left out; publish the config release again");
  }
}

void Agent::on(const Readings& readings) {
  look_at_conditions(readings.values);
  // While pointers move or probes decide, readings speak of nothing in particular; in safe mode there is nothing left
  // to do.
  const auto phase = durable_.attempt.phase;
  const bool moving =
      phase == AttemptPhase::swapped || phase == AttemptPhase::probing || phase == AttemptPhase::rolling_back;
  if (moving || durable_.state == DeviceState::safe_mode) return;
  if (judged_from_ms_ != 0 && !watched()) {
    if (now_ms_ < judged_from_ms_) return;
    judged_from_ms_ = 0;
    emit(ResetReadings{});
    return;
  }
  const auto verdict = policy_.evaluate(readings.values, now_ms_, setup_.health_window_ms);
  switch (verdict.decision) {
    case RecoveryPolicy::Decision::go_on:
      break;
    case RecoveryPolicy::Decision::act:
      act(RecoveryRule(*verdict.rule));
      break;
    case RecoveryPolicy::Decision::give_up:
      give_up(RecoveryRule(*verdict.rule));
      break;
    case RecoveryPolicy::Decision::cleared:
      if (durable_.state == DeviceState::degraded || durable_.state == DeviceState::recovering) {
        change_state(DeviceTrigger::cleared, "the condition was false for a whole window");
      }
      break;
  }
}

// `rule` is the caller's copy: acting may load another policy.
void Agent::act(const RecoveryRule& rule) {
  const std::string why = rule.source;
  note(NoteLevel::warning, "recovery: " + why + ", so " + wire::EnumNameRecoveryAction(rule.action));
  durable_.last_action = rule.action;
  dirty_ = report_due_ = true;
  if (watched() && !is_restart(rule.action)) {
    act_in_soak(rule);
    return;
  }
  switch (rule.action) {
    case RecoveryAction::none:
      break;
    case RecoveryAction::switch_to_degraded_model:
      change_state(DeviceTrigger::degrade, why);
      break;
    case RecoveryAction::restart_ingest_pipeline:
    case RecoveryAction::restart_workload:
      change_state(DeviceTrigger::restart, why);
      emit(RunWorkload{WorkloadCommand::restart});
      emit(ResetReadings{});
      break;
    case RecoveryAction::drop_to_safe_mode:
      latch_safe_mode(why);
      break;
    case RecoveryAction::rollback_release:
      roll_back_release(why);
      break;
  }
}

// A release that makes its own policy act before it is committed has failed its soak.
void Agent::act_in_soak(const RecoveryRule& rule) {
  const auto code =
      rule.action == RecoveryAction::rollback_release ? ErrorCode::recovery_rollback : ErrorCode::soak_failed;
  const auto plane = durable_.attempt.changes.front().plane;
  go_wrong(plane, {code, "in the soak: " + rule.source + " asked for " + wire::EnumNameRecoveryAction(rule.action)});
}

// The top of the ladder: restarts did not help, so the release is at fault; if there is no way back, safe mode.
void Agent::give_up(const RecoveryRule& rule) {
  const auto why = std::to_string(RecoveryPolicy::restarts_max) + " restarts did not end: " + rule.source;
  note(NoteLevel::warning, "recovery: " + why);
  if (watched()) {
    go_wrong(durable_.attempt.changes.front().plane, {ErrorCode::soak_failed, "in the soak: " + why});
    return;
  }
  roll_back_release(why);
}

void Agent::latch_safe_mode(const std::string& why) {
  durable_.safe_mode_latched = true;
  durable_.safe_mode_latched_epoch = directive_epoch();
  durable_.last_action = RecoveryAction::drop_to_safe_mode;
  dirty_ = true;
  settle_safe_mode(why);
}

// Takes back what was last committed, all planes of it or none: half of a set is what nobody tested.
void Agent::roll_back_release(const std::string& why) {
  const auto planes = durable_.last_swapped;
  std::optional<Fault> reason;
  if (planes.empty()) reason = Fault{ErrorCode::no_previous, "no release was committed that could be taken back"};
  for (const auto plane : planes) {
    if (!reason) reason = cannot_go_back(plane);
  }
  if (reason) {
    latch_safe_mode(why + ", and no way back: " + reason->detail);
    return;
  }
  durable_.last_action = RecoveryAction::rollback_release;
  const Fault fault{ErrorCode::recovery_rollback, why};
  set_attempt_aside(planes.front(), fault);
  send_back(planes, fault);
}

}  // namespace muster::edge
