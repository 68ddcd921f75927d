// Directives, the standing orders of every scope that this device belongs to, as a union; safe mode; and what the
// recovery policy asks for.
#include "mcu-client/src/update/machine.h"
#include "schemas/recovery_action.h"

namespace muster::mcu {

void UpdateMachine::on_directive(const Directive& directive) {
  const auto obeyed_until = orders_.epoch[directive.scope];
  if (directive.epoch == obeyed_until) return;
  if (directive.epoch < obeyed_until) {
    auto& effect = emit(EffectKind::refused);
    effect.error = ErrorCode::replayed;
    effect.detail = "an older directive";
    return;
  }
  std::uint32_t others = 0;
  for (std::uint32_t i = 0; i < orders_.count; ++i) others += orders_.orders[i].scope != directive.scope ? 1u : 0u;
  if (directive.too_many || others + directive.count > orders_max) {
    auto& effect = emit(EffectKind::refused);
    effect.error = ErrorCode::internal;
    effect.detail = "more standing orders than this device can keep";
    return;
  }
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < orders_.count; ++i) {
    if (orders_.orders[i].scope != directive.scope) orders_.orders[kept++] = orders_.orders[i];
  }
  for (std::uint32_t i = 0; i < directive.count; ++i) orders_.orders[kept++] = directive.orders[i];
  orders_.count = kept;
  orders_.epoch[directive.scope] = directive.epoch;
  if (state_.newest_signed_s < directive.issued_s) state_.newest_signed_s = directive.issued_s;
  orders_dirty_ = state_dirty_ = report_due_ = true;

  obey_freezes();
  for (std::uint32_t i = 0; i < directive.count; ++i) {
    const auto& order = directive.orders[i];
    if (order.kind == OrderKind::resume && order.epoch > state_.safe_mode_latched_epoch)
      state_.safe_mode_latched = false;
    if (order.kind == OrderKind::send_evidence && order.epoch > obeyed_until) emit(EffectKind::send_evidence);
    if (order.kind != OrderKind::rollback || order.epoch <= obeyed_until) continue;
    if (state_.phase == Phase::rolling_back) {
      // The device is about to be reset on its way back. The broker sends the directive again after that.
      orders_.epoch[directive.scope] = obeyed_until;
      return;
    }
    obey_rollback(order);
  }
  settle_safe_mode();
  take_pending();
}

// Obeyed once, when it is first seen: it speaks of what was active then. What an operator assigns later stays.
void UpdateMachine::obey_rollback(const StandingOrder& order) {
  const char* const detail = "an operator ordered it";
  if (!has(order.plane)) return;
  const auto* change = change_of(order.plane);
  const auto* release = assigned(order.plane);
  if (!settled() && change != nullptr && release != nullptr && short_of(release->manifest) == order.release) {
    if (on_probation()) {
      go_wrong(order.plane, ErrorCode::directed_rollback, detail);
    } else {
      refuse(order.plane, ErrorCode::directed_rollback, detail);
    }
    return;
  }
  const auto& running = active(order.plane);
  if (running.is_zero() || short_of(running) != order.release) return;
  if (const auto reason = cannot_go_back(order.plane); reason != ErrorCode::none) {
    fail_with(order.plane, reason, "the ordered rollback cannot be done");
    return;
  }
  if (on_probation()) go_wrong(order.plane, ErrorCode::directed_rollback, detail);
  if (state_.phase == Phase::rolling_back) {
    orders_.epoch[order.scope] = order.epoch - 1;  // after the reset it comes again, and is new
    return;
  }
  if (!settled()) {
    pending_ = state_.assignment;  // it speaks of another release and goes on afterwards
    refuse(order.plane, ErrorCode::directed_rollback, detail);
  }
  send_back(static_cast<std::uint8_t>(1u << index_of(order.plane)), ErrorCode::directed_rollback, detail);
}

void UpdateMachine::obey_freezes() {
  if (settled() || state_.phase == Phase::rolling_back) return;
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    const auto& change = state_.changes[i];
    const auto* release = assigned(change.plane);
    if (change.to == no_slot || release == nullptr || !frozen(change.plane, release->manifest)) continue;
    if (on_probation()) {
      go_wrong(change.plane, ErrorCode::frozen, "it is frozen");
    } else {
      refuse(change.plane, ErrorCode::frozen, "it is frozen");
    }
    return;
  }
}

bool UpdateMachine::frozen(Plane plane, const Sha256& manifest) const {
  for (std::uint32_t i = 0; i < orders_.count; ++i) {
    const auto& order = orders_.orders[i];
    if (order.kind == OrderKind::freeze && order.plane == plane && order.release == short_of(manifest)) return true;
  }
  return false;
}

bool UpdateMachine::updates_paused() const {
  for (std::uint32_t i = 0; i < orders_.count; ++i) {
    if (orders_.orders[i].kind == OrderKind::pause_updates) return true;
  }
  return false;
}

// Within one scope the later of safe_mode and resume counts.
bool UpdateMachine::safe_mode_ordered() const {
  for (std::uint32_t i = 0; i < orders_.count; ++i) {
    const auto& order = orders_.orders[i];
    if (order.kind != OrderKind::safe_mode) continue;
    bool resumed = false;
    for (std::uint32_t k = 0; k < orders_.count; ++k) {
      const auto& other = orders_.orders[k];
      if (other.kind == OrderKind::resume && other.scope == order.scope && other.epoch >= order.epoch) resumed = true;
    }
    if (!resumed) return true;
  }
  return false;
}

std::uint64_t UpdateMachine::directive_epoch() const {
  std::uint64_t newest = 0;
  for (const auto epoch : orders_.epoch) newest = epoch > newest ? epoch : newest;
  return newest;
}

// Any scope that orders safe mode, or the device's own policy, is enough; leaving it takes the end of all of them.
void UpdateMachine::settle_safe_mode() {
  const bool wanted = state_.safe_mode_latched || safe_mode_ordered();
  const bool is = state_.device == DeviceState::safe_mode;
  if (wanted == is) return;
  state_.device = wanted ? DeviceState::safe_mode : DeviceState::healthy;
  state_dirty_ = report_due_ = true;
  auto& effect = emit(EffectKind::workload);
  effect.mode = mode();
  effect.number = wanted ? 0 : 1;
  // Whoever ends safe mode gives the device a new start: the crashes that led into it would only lead back.
  if (!wanted) forget_crashes();
}

void UpdateMachine::latch_safe_mode() {
  state_.safe_mode_latched = true;
  state_.safe_mode_latched_epoch = directive_epoch();
  state_.last_action = RecoveryAction::drop_to_safe_mode;
  state_dirty_ = true;
  settle_safe_mode();
}

// While pointers move or checks decide, the readings speak of nothing in particular; in safe mode nothing is left to
// do.
void UpdateMachine::on_policy(RecoveryAction action, bool give_up) {
  if (!judging()) return;
  if (!give_up) state_.last_action = action;
  state_dirty_ = report_due_ = true;
  if (watched() && (give_up || !is_restart(action))) {
    // A release that makes its own policy act before it is committed has failed its soak.
    const auto error =
        action == RecoveryAction::rollback_release ? ErrorCode::recovery_rollback : ErrorCode::soak_failed;
    go_wrong(state_.changes[0].plane, error, "the recovery policy acted in the soak");
    return;
  }
  if (give_up) {
    roll_back_release();
    return;
  }
  switch (action) {
    case RecoveryAction::none:
      break;
    case RecoveryAction::switch_to_degraded_model:
      set_device(DeviceState::degraded);
      break;
    case RecoveryAction::restart_ingest_pipeline:
    case RecoveryAction::restart_workload:
      set_device(DeviceState::recovering);
      emit(EffectKind::restart_workload);
      break;
    case RecoveryAction::drop_to_safe_mode:
      latch_safe_mode();
      break;
    case RecoveryAction::rollback_release:
      roll_back_release();
      break;
  }
}

// Takes back what was last committed, all planes of it or none: half of a set is what nobody tested.
void UpdateMachine::roll_back_release() {
  std::uint8_t planes = 0;
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    if (!state_.planes[i].last_swapped) continue;
    if (cannot_go_back(static_cast<Plane>(i)) != ErrorCode::none) {
      latch_safe_mode();
      return;
    }
    planes = static_cast<std::uint8_t>(planes | 1u << i);
  }
  if (planes == 0) {
    latch_safe_mode();
    return;
  }
  state_.last_action = RecoveryAction::rollback_release;
  if (!settled()) {
    pending_ = state_.assignment;  // what is being fetched may be the cure: it goes on afterwards
    refuse(Plane::firmware, ErrorCode::recovery_rollback, "the recovery policy takes the release back");
  }
  send_back(planes, ErrorCode::recovery_rollback, "the recovery policy asked for it");
}

}  // namespace muster::mcu
