#include "mcu-client/src/update/machine.h"

#include <cassert>

namespace muster::mcu {
namespace {

bool reduced(DeviceState state) {
  return state == DeviceState::degraded || state == DeviceState::safe_mode;
}

// A test of one bit: the phases that count for something have no order.
template <Phase... phases>
bool is_one_of(Phase phase) {
  constexpr std::uint32_t set = (... | (1u << static_cast<std::uint32_t>(phases)));
  return (set >> static_cast<std::uint32_t>(phase) & 1u) != 0;
}

}  // namespace

void UpdateMachine::restore(std::uint8_t planes, const UpdateState& state, const Orders& orders) {
  planes_ = planes;
  state_ = state;
  orders_ = orders;
}

void UpdateMachine::step(const Event& event, Effects& effects) {
  assert(event.now_ms >= now_ms_);
  effects.count = 0;
  out_ = &effects;
  now_ms_ = event.now_ms;
  now_s_ = event.now_s;
  switch (event.kind) {
    case EventKind::started:
      start(*event.started);
      break;
    case EventKind::tick:
      break;
    case EventKind::connected:
      report_due_ = true;
      break;
    case EventKind::assignment:
      on_assignment(*event.assignment);
      break;
    case EventKind::directive:
      on_directive(*event.directive);
      break;
    case EventKind::filled:
      on_filled(*event.found);
      break;
    case EventKind::verified:
      on_verified();
      break;
    case EventKind::failed:
      on_failed(event);
      break;
    case EventKind::checks_passed:
      on_checks_passed();
      break;
    case EventKind::policy:
      on_policy(event.action, event.give_up);
      break;
    case EventKind::policy_clear:
      if (state_.device == DeviceState::degraded || state_.device == DeviceState::recovering)
        set_device(DeviceState::healthy);
      break;
    case EventKind::healthy:
      forget_crashes();
      break;
  }
  if (watched() && !ends()) soak();
  finish_step();
}

// What the step decided is durable before any of it is done; only the confirmation of a firmware comes before that,
// because the bootloader would go back from what the state already calls committed.
void UpdateMachine::finish_step() {
  auto& effects = *out_;
  for (std::uint32_t i = 0; i < effects.count; ++i) {
    if (effects.items[i].kind == EffectKind::reset) effects.count = i + 1;
  }
  if (report_due_ && !ends()) emit(EffectKind::report);
  report_due_ = false;
  const std::uint32_t records = (state_dirty_ ? 1u : 0u) + (orders_dirty_ ? 1u : 0u);
  assert(effects.count + records <= effects_max);
  std::uint32_t place = 0;
  if (confirmed_) {
    while (effects.items[place].kind != EffectKind::confirm_trial) ++place;
    ++place;
  }
  for (std::uint32_t i = effects.count; i-- > place;) effects.items[i + records] = effects.items[i];
  effects.count += records;
  if (state_dirty_) effects.items[place++] = Effect{EffectKind::persist_state};
  if (orders_dirty_) effects.items[place] = Effect{EffectKind::persist_orders};
  state_dirty_ = orders_dirty_ = confirmed_ = false;
  out_ = nullptr;
}

// --- the start ---

void UpdateMachine::start(const Started& started) {
  boot_ = started.boot;
  std::memcpy(slots_, started.slots, sizeof slots_);
  if (started.crashed && on_probation()) ++state_.crashes;
  state_dirty_ = true;
  if (started.crashed && boot_.crashes >= crash_loop_max) latch_safe_mode();
  settle_safe_mode();  // a scope that the device no longer has may have ordered it
  if (!settle_firmware(started.boot_log_behind)) return;
  forget_damaged();
  if (ends()) return;
  emit(EffectKind::activated);
  if (mode() != WorkloadMode::normal) emit(EffectKind::workload).mode = mode();
  resume();
  report_due_ = true;
}

// Makes the state agree with what the bootloader started. False when the device is to be reset again.
bool UpdateMachine::settle_firmware(bool boot_log_behind) {
  if (!has(Plane::firmware)) return true;
  auto& record = state_.planes[index_of(Plane::firmware)];
  if (record.active == no_slot) {
    record.active = boot_.running;
    record.stopgap = boot_.starts > 1;  // the settings are lost: nobody knows whether it was ever committed
  }
  settle_floor();
  // Seen with this step: what is counted at the next start happened after it. What an old record counts was seen
  // before.
  const bool fell_back = boot_.fallbacks != 0 && !boot_log_behind;
  if (boot_.fallbacks != 0) emit(EffectKind::clear_fallbacks);
  boot_.fallbacks = 0;
  const auto* change = change_of(Plane::firmware);
  if (on_probation() && change != nullptr) {
    if (boot_.running == change->to) {
      record.active = change->to;
      if (boot_.outcome == TrialOutcome::confirmed && boot_.trial_tag == state_.trial_tag) commit_again();
      return true;
    }
    if (boot_.trial_tag != state_.trial_tag) {
      // Power was cut before the request; or an old record of the boot log has it as confirmed, and another on trial.
      if (boot_.active == change->to) return start_next(change->to);
      ask_for_trial(change->to);
      return false;
    }
    record.active = boot_.running;
    go_wrong(Plane::firmware, ErrorCode::probe_failed, "it did not confirm itself");
    return true;
  }
  if (!fell_back) return settle_running(boot_log_behind);
  if (boot_.running != record.active) firmware_fell_back();
  return true;
}

// What runs without a fallback is what the boot log says. Where the settings say something else, one of the two is old:
// its newest records were damaged. False when the device is to be reset again.
bool UpdateMachine::settle_running(bool boot_log_behind) {
  auto& record = state_.planes[index_of(Plane::firmware)];
  const auto& slots = slots_[index_of(Plane::firmware)];
  const bool on_trial = boot_.outcome == TrialOutcome::requested && boot_.trial == boot_.running;
  const bool knows_trial = boot_.trial_tag == state_.trial_tag;
  if (on_trial && !knows_trial) return start_next(boot_log_behind ? record.active : boot_.active);  // it is nobody's
  if (boot_.running == record.active) {
    if (on_trial) confirm(record.active, slots[record.active & 1u].security_version);  // as it was once
    return true;
  }
  const bool back = state_.phase == Phase::rolling_back;  // power was cut on the way
  if ((back || boot_log_behind || on_trial) && slots[record.active & 1u].intact) return start_next(record.active);
  const auto* release = assigned(Plane::firmware);
  if (settled() && (release == nullptr || release->manifest != slots[boot_.running & 1u].manifest)) {
    firmware_fell_back();
    return true;
  }
  record.active = boot_.running;
  record.previous = no_slot;
  record.last_swapped = false;
  record.stopgap = true;
  return true;
}

// Power was cut between the confirmation and our own record of it, or that record is lost.
void UpdateMachine::commit_again() {
  if (state_.phase == Phase::swapped) enter(Phase::probing);
  if (state_.phase == Phase::probing) enter(Phase::soaking);
  commit();
}

bool UpdateMachine::start_next(std::uint8_t slot) {
  emit(EffectKind::switch_active).slot = slot;
  emit(EffectKind::reset);
  return false;
}

// Each of the two floors may have been lost with its log; neither is ever lowered. The bootloader's must not rise over
// what runs.
void UpdateMachine::settle_floor() {
  auto& floor = state_.planes[index_of(Plane::firmware)].floor;
  if (floor < boot_.security_floor) floor = boot_.security_floor;
  if (floor > boot_.security_floor && slots_[index_of(Plane::firmware)][boot_.running & 1u].security_version >= floor)
    emit(EffectKind::raise_floor).number = floor;
}

// The bootloader could not or would not start what was active: what runs is what counts.
void UpdateMachine::firmware_fell_back() {
  auto& record = state_.planes[index_of(Plane::firmware)];
  const auto& lost = slots_[index_of(Plane::firmware)][record.active & 1u];
  const auto error = lost.intact ? ErrorCode::recovery_rollback : ErrorCode::slot_damaged;
  const char* const detail = "the bootloader started the other slot";
  record.stopgap = record.previous != boot_.running;
  record.active = boot_.running;
  record.previous = no_slot;
  record.last_swapped = false;
  if (on_probation()) {
    go_wrong(Plane::firmware, error, detail);
    return;
  }
  fail_with(Plane::firmware, error, detail);
  if (settled()) {
    enter(Phase::rolling_back);
    enter(Phase::rolled_back);
  }
  set_device(DeviceState::rolled_back);
}

bool UpdateMachine::damaged(std::uint32_t plane) const {
  const auto slot = state_.planes[plane].active;
  return (planes_ >> plane & 1u) != 0 && slot != no_slot && !slots_[plane][slot].intact;
}

// Slots that are not what they should be. The active firmware is the bootloader's business.
void UpdateMachine::forget_damaged() {
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    auto& previous = state_.planes[i].previous;
    if (previous != no_slot && !slots_[i][previous].intact) previous = no_slot;
    if (on_probation() && damaged(i))
      go_wrong(static_cast<Plane>(i), ErrorCode::slot_damaged, "the active slot is damaged");
  }
  if (ends()) return;
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    const auto plane = static_cast<Plane>(i);
    if (plane != Plane::firmware && damaged(i)) lose(plane);
  }
}

// The previous release takes the place of a damaged one if it may, and what was assigned is fetched again.
void UpdateMachine::lose(Plane plane) {
  const auto* release = assigned(plane);
  const bool was_assigned = release != nullptr && active(plane) == release->manifest;
  if (state_.phase == Phase::committed || (settled() && was_assigned)) state_.refetching = true;
  fail_with(plane, ErrorCode::slot_damaged, "the active slot is damaged");
  drop(plane);
  set_device(DeviceState::rolled_back);
}

void UpdateMachine::drop(Plane plane) {
  auto& record = state_.planes[index_of(plane)];
  record.active = way_back(plane);
  record.previous = no_slot;
  record.last_swapped = false;
}

void UpdateMachine::resume() {
  switch (state_.phase) {
    case Phase::fetching:
    case Phase::verifying:
    case Phase::staged:
      begin(state_.assignment, state_.refetching);
      break;
    case Phase::swapped:
    case Phase::probing:
    case Phase::soaking:
    case Phase::held:
      if (state_.crashes >= crashes_max) {
        const auto error = watched() ? ErrorCode::soak_failed : ErrorCode::probe_failed;
        go_wrong(state_.changes[0].plane, error, "it crashed too often");
      } else if (watched()) {
        start_soak();
      } else {
        check();
      }
      break;
    case Phase::rolling_back:
      arrive_back();
      break;
    case Phase::idle:
    case Phase::committed:
    case Phase::rolled_back:
    case Phase::failed:
      if (state_.refetching) begin(state_.assignment, true);
      break;
  }
}

void UpdateMachine::ask_for_trial(std::uint8_t slot) {
  auto& effect = emit(EffectKind::request_trial);
  effect.slot = slot;
  effect.number = state_.trial_tag;
  emit(EffectKind::reset);
}

// --- what the others share ---

void UpdateMachine::enter(Phase phase) {
  state_.phase = phase;
  state_dirty_ = report_due_ = true;
  auto& effect = emit(EffectKind::note);
  effect.number = static_cast<std::uint32_t>(phase);
  effect.error = state_.error;
  effect.plane = state_.error_plane;
}

// Safe mode gives way to nothing but its own end (settle_safe_mode).
void UpdateMachine::set_device(DeviceState state) {
  state_dirty_ = report_due_ = true;
  const auto from = state_.device;
  if (from == state || from == DeviceState::safe_mode) return;
  state_.device = state;
  if (reduced(from) != reduced(state) || reduced(state)) emit(EffectKind::workload).mode = mode();
}

void UpdateMachine::fail_with(Plane plane, ErrorCode error, const char* detail) {
  state_.error = error;
  state_.error_plane = plane;
  std::uint32_t i = 0;
  for (; i + 1 < detail_max && detail[i] != '\0'; ++i) state_.detail[i] = detail[i];
  for (; i < detail_max; ++i) state_.detail[i] = '\0';
  state_dirty_ = report_due_ = true;
}

Effect& UpdateMachine::emit(EffectKind kind) {
  auto& effects = *out_;
  assert(effects.count < effects_max);
  auto& effect = effects.items[effects.count++];
  effect = Effect{};
  effect.kind = kind;
  return effect;
}

// What runs from now on is not what crashed before.
void UpdateMachine::forget_crashes() {
  if (boot_.crashes != 0) emit(EffectKind::clear_crashes);
  boot_.crashes = 0;
}

// Whether this step ends with a reset.
bool UpdateMachine::ends() const {
  return out_->count != 0 && out_->items[out_->count - 1].kind == EffectKind::reset;
}

const Change* UpdateMachine::change_of(Plane plane) const {
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    if (state_.changes[i].plane == plane) return &state_.changes[i];
  }
  return nullptr;
}

const Sha256& UpdateMachine::active(Plane plane) const {
  static constexpr Sha256 none;
  const auto slot = state_.planes[index_of(plane)].active;
  return slot == no_slot ? none : slots_[index_of(plane)][slot].manifest;
}

std::uint8_t UpdateMachine::downloaded(Plane plane) const {
  const auto* change = change_of(plane);
  const bool fetched = change != nullptr && change->filled && change->to != no_slot;
  return fetched ? change->to : state_.planes[index_of(plane)].active;
}

bool UpdateMachine::on_probation() const {
  return is_one_of<Phase::swapped, Phase::probing, Phase::soaking, Phase::held>(state_.phase);
}

// The checks have passed: in the soak, and in a hold after it.
bool UpdateMachine::watched() const {
  return is_one_of<Phase::soaking, Phase::held>(state_.phase);
}

bool UpdateMachine::settled() const {
  return is_one_of<Phase::idle, Phase::committed, Phase::rolled_back, Phase::failed>(state_.phase);
}

bool UpdateMachine::judging() const {
  const bool moving = is_one_of<Phase::swapped, Phase::probing, Phase::rolling_back>(state_.phase);
  return !moving && state_.device != DeviceState::safe_mode;
}

WorkloadMode UpdateMachine::mode() const {
  if (state_.device == DeviceState::safe_mode) return WorkloadMode::off;
  return state_.device == DeviceState::degraded ? WorkloadMode::degraded : WorkloadMode::normal;
}

std::uint64_t UpdateMachine::wake_ms() const {
  if (!watched() || job_) return 0;
  if (soak_overdue_ms_ != 0) return soak_overdue_ms_;
  if (soak_left_ms_ == 0) return soak_check_ms_;  // held
  const auto end = soak_mark_ms_ + soak_left_ms_;
  return end < soak_check_ms_ ? end : soak_check_ms_;
}

}  // namespace muster::mcu
