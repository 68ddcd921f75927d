// From the swap on: checks, soak, hold, commit, and the way back.
#include "mcu-client/src/update/machine.h"

namespace muster::mcu {
namespace {

constexpr std::uint32_t soak_check_ms_max = 60000;
constexpr std::uint32_t soak_check_ms_min = 1000;
constexpr std::uint32_t recovering_ms_max = 120000;  // how long a soak waits for a workload that is recovering

// The checks run again after each fifth of the soak.
std::uint32_t soak_check_interval_ms(std::uint32_t soak_s) {
  const std::uint32_t fifth_ms = soak_s > 5 * (soak_check_ms_max / 1000) ? soak_check_ms_max : soak_s * 200;
  return fifth_ms < soak_check_ms_min ? soak_check_ms_min : fifth_ms;
}

}  // namespace

void UpdateMachine::check() {
  enter(Phase::probing);
  emit(EffectKind::run_checks);
  job_ = true;
}

void UpdateMachine::on_checks_passed() {
  if (!job_) return;
  job_ = false;
  if (state_.phase == Phase::probing) start_soak();
  if (state_.phase == Phase::held) renew_trial();
}

void UpdateMachine::start_soak() {
  if (!watched()) enter(Phase::soaking);
  soak_mark_ms_ = now_ms_;
  soak_left_ms_ = std::uint64_t{state_.soak_left_s} * 1000;
  soak_check_ms_ = now_ms_ + soak_check_interval_ms(state_.assignment.soak_s);
  soak_overdue_ms_ = 0;
}

// A repair brings back what was let through before.
Hold UpdateMachine::hold() const {
  return state_.refetching ? Hold::none : state_.assignment.hold;
}

// Only time in which the device watched counts: one that was off for the night has not soaked. Also while held, which
// is a soak that ends when the assignment says so.
void UpdateMachine::soak() {
  const auto elapsed = now_ms_ - soak_mark_ms_;
  soak_mark_ms_ = now_ms_;
  soak_left_ms_ -= elapsed < soak_left_ms_ ? elapsed : soak_left_ms_;
  if (job_) return;
  if (soak_left_ms_ == 0 && (state_.phase != Phase::held || hold() == Hold::none)) {
    end_soak();
    return;
  }
  soak_overdue_ms_ = 0;
  if (now_ms_ < soak_check_ms_) return;
  soak_check_ms_ = now_ms_ + soak_check_interval_ms(state_.assignment.soak_s);
  const auto left_s = static_cast<std::uint32_t>(soak_left_ms_ + 999) / 1000;
  if (left_s != state_.soak_left_s) {
    state_.soak_left_s = left_s;
    state_dirty_ = true;
  }
  emit(EffectKind::run_checks).number = 1;
  job_ = true;
}

// The time is over; a workload that is just recovering is waited for. Any hold but none keeps it from the commit: one
// before the swap, which is past, asks for no less.
void UpdateMachine::end_soak() {
  if (state_.device == DeviceState::recovering) {
    if (soak_overdue_ms_ == 0) soak_overdue_ms_ = now_ms_ + recovering_ms_max;
    if (now_ms_ >= soak_overdue_ms_)
      go_wrong(state_.changes[0].plane, ErrorCode::soak_failed, "the workload did not recover");
    return;
  }
  if (hold() == Hold::none) {
    commit();
    return;
  }
  state_.soak_left_s = 0;
  enter(Phase::held);
  start_soak();
  renew_trial();
}

// Firmware that is held is still on trial, and a device may be switched off and on more often meanwhile than a trial
// has starts. Each start that has shown to be healthy gives it all of them again; one that does not get so far, none.
void UpdateMachine::renew_trial() {
  const auto* firmware = change_of(Plane::firmware);
  if (firmware == nullptr || boot_.outcome != TrialOutcome::requested || boot_.trial_starts == 0) return;
  auto& effect = emit(EffectKind::request_trial);
  effect.slot = firmware->to;
  effect.number = state_.trial_tag;
  boot_.trial_starts = 0;
}

void UpdateMachine::commit() {
  for (auto& record : state_.planes) record.last_swapped = false;
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    const auto& change = state_.changes[i];
    auto& record = state_.planes[index_of(change.plane)];
    record.last_swapped = true;
    if (change.from != no_slot) {
      const bool good = !record.stopgap && slots_[index_of(change.plane)][change.from].intact;
      record.previous = good ? change.from : no_slot;
    } else if (record.previous == change.to) {
      record.previous = no_slot;
    }
    record.stopgap = false;
    if (change.to == no_slot) continue;
    const auto version = slots_[index_of(change.plane)][change.to].security_version;
    if (record.floor < version) record.floor = version;
    if (change.plane == Plane::firmware) confirm(change.to, version);
  }
  if (state_.refetching) fail_with(Plane::firmware, ErrorCode::none, "");
  state_.change_count = 0;
  state_.soak_left_s = 0;
  const bool repaired = state_.refetching;
  state_.refetching = false;
  enter(Phase::committed);
  set_device(DeviceState::healthy);
  // The repair is done; what was assigned beside it is no more possible than before, and committed would say that it
  // was.
  if (repaired && state_.assignment.shadow != 0) begin(state_.assignment, false);
  take_pending();
}

// A trial is confirmed once. Firmware that runs because the bootloader had nothing else is active without one.
void UpdateMachine::confirm(std::uint8_t slot, std::uint32_t version) {
  const bool on_trial = boot_.outcome == TrialOutcome::requested && boot_.trial == slot;
  if (!on_trial && boot_.security_floor >= version) return;
  auto& effect = emit(on_trial ? EffectKind::confirm_trial : EffectKind::raise_floor);
  effect.slot = slot;
  effect.number = version;
  confirmed_ = on_trial;
  boot_.outcome = TrialOutcome::confirmed;
}

void UpdateMachine::go_wrong(Plane plane, ErrorCode error, const char* detail) {
  if (job_) emit(EffectKind::stop_jobs);
  job_ = false;
  fail_with(plane, error, detail);
  const auto* firmware = change_of(Plane::firmware);
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    const auto& change = state_.changes[i];
    state_.planes[index_of(change.plane)].active = change.from;
  }
  enter(Phase::rolling_back);
  if (firmware != nullptr) {
    // The trial ends here also when the bootloader has not begun it.
    emit(EffectKind::switch_active).slot = firmware->from;
    boot_.trial = no_slot;
    if (boot_.running == firmware->to) {
      emit(EffectKind::reset);
      return;
    }
  }
  arrive_back();
}

ErrorCode UpdateMachine::cannot_go_back(Plane plane) const {
  const auto& record = state_.planes[index_of(plane)];
  if (record.previous == no_slot) return ErrorCode::no_previous;
  const auto& slot = slots_[index_of(plane)][record.previous];
  if (!slot.intact) return ErrorCode::no_previous;
  if (slot.security_version < record.floor) return ErrorCode::under_security_floor;
  return frozen(plane, slot.manifest) ? ErrorCode::frozen : ErrorCode::none;
}

std::uint8_t UpdateMachine::way_back(Plane plane) const {
  const auto* change = on_probation() ? change_of(plane) : nullptr;
  if (change != nullptr) return change->from;
  return cannot_go_back(plane) == ErrorCode::none ? state_.planes[index_of(plane)].previous : no_slot;
}

// REQUIRES: settled(), and cannot_go_back() has nothing against any of `planes` (bit i is plane i).
void UpdateMachine::send_back(std::uint8_t planes, ErrorCode error, const char* detail) {
  Plane first = Plane::firmware;
  for (std::uint32_t i = plane_count; i-- > 0;) {
    if ((planes >> i & 1u) == 0) continue;
    first = static_cast<Plane>(i);
    auto& record = state_.planes[i];
    record.active = record.previous;
    record.previous = no_slot;
    record.last_swapped = record.stopgap = false;
  }
  fail_with(first, error, detail);
  state_.change_count = 0;
  enter(Phase::rolling_back);
  if ((planes & 1u) != 0) {
    emit(EffectKind::switch_active).slot = state_.planes[index_of(Plane::firmware)].active;
    emit(EffectKind::reset);
    return;
  }
  arrive_back();
}

void UpdateMachine::arrive_back() {
  state_.change_count = 0;
  enter(Phase::rolled_back);
  // What was active before may have been damaged while nobody looked at it.
  for (const auto plane : {Plane::model, Plane::config}) {
    if (damaged(index_of(plane))) drop(plane);
  }
  set_device(DeviceState::rolled_back);
  forget_crashes();
  emit(EffectKind::activated);
  take_pending();
}

}  // namespace muster::mcu
