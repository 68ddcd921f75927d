// An assignment from its arrival until the swap: nothing that runs is changed here.
#include <cassert>

#include "mcu-client/src/update/machine.h"

namespace muster::mcu {
namespace {

bool same_releases(const Assignment& a, const Assignment& b) {
  if (a.count != b.count || a.shadow != b.shadow) return false;
  for (std::uint32_t i = 0; i < a.count; ++i) {
    if (a.releases[i].plane != b.releases[i].plane || a.releases[i].manifest != b.releases[i].manifest) return false;
  }
  return true;
}

}  // namespace

void UpdateMachine::on_assignment(const Assignment& assignment) {
  const auto held = state_.assignment.epoch;
  const bool same = same_releases(assignment, state_.assignment) && assignment.hold == state_.assignment.hold;
  if (assignment.epoch < held || (assignment.epoch == held && !same)) {
    auto& effect = emit(EffectKind::refused);
    effect.error = ErrorCode::replayed;
    effect.detail = "an older assignment";
    return;
  }
  if (assignment.epoch == held || pending_.epoch > assignment.epoch) return;
  pending_ = assignment;
  report_due_ = true;
  take_pending();
}

void UpdateMachine::take_pending() {
  if (pending_.epoch == 0 || updates_paused() || state_.phase == Phase::rolling_back) return;
  if (!settled() && same_releases(pending_, state_.assignment)) {
    // The same was assigned again: what is under way goes on under the new number, and what waits looks at the hold
    // again: here before the swap, soak() before the commit.
    state_.assignment = pending_;
    pending_.epoch = 0;
    if (state_.newest_signed_s < state_.assignment.issued_s) state_.newest_signed_s = state_.assignment.issued_s;
    state_dirty_ = report_due_ = true;
    if (!on_probation()) state_.soak_left_s = state_.assignment.soak_s;
    if (state_.phase == Phase::staged) go_on_staged();
    return;
  }
  if (on_probation()) {
    // What is not committed may not become `previous`: first back, then forward; arrive_back() takes it up again, or
    // the broker sends it again after a reset.
    go_wrong(state_.changes[0].plane, ErrorCode::none, "a newer assignment replaces it");
    return;
  }
  begin(pending_, false);
  pending_.epoch = 0;
}

// `assignment` may be the one of the state, which then begins anew.
void UpdateMachine::begin(const Assignment& assignment, bool refetching) {
  if (job_) emit(EffectKind::stop_jobs);
  job_ = false;
  state_.assignment = assignment;
  state_.refetching = refetching;
  state_.crashes = 0;
  state_.soak_left_s = assignment.soak_s;
  if (!refetching) fail_with(Plane::firmware, ErrorCode::none, "");
  if (state_.newest_signed_s < assignment.issued_s) state_.newest_signed_s = assignment.issued_s;
  enter(Phase::fetching);
  if (assignment.shadow != 0 && !refetching) {
    refuse_shadow();
    return;
  }
  if (!plan_changes()) return;
  if (state_.change_count == 0) {
    enter(Phase::committed);
    state_.refetching = false;
    if (state_.device == DeviceState::rolled_back) set_device(DeviceState::healthy);
    return;
  }
  obey_freezes();
  if (state_.phase == Phase::fetching) fill_next();
}

void UpdateMachine::refuse_shadow() {
  refuse(static_cast<Plane>(state_.assignment.shadow - 1), ErrorCode::incompatible,
         "nothing can run in the shadow here");
}

// False when the attempt was refused.
bool UpdateMachine::plan_changes() {
  const auto& assignment = state_.assignment;
  state_.change_count = 0;
  for (std::uint32_t i = 0; i < assignment.count; ++i) {
    const auto& release = assignment.releases[i];
    const bool empties = release.manifest.is_zero();
    if (!has(release.plane) || (empties && release.plane == Plane::firmware)) {
      refuse(release.plane, ErrorCode::incompatible, empties ? "firmware cannot be empty" : "there is no such plane");
      return false;
    }
    if (active(release.plane) == release.manifest) continue;
    const auto change = plan(release);
    const auto& found = slots_[index_of(release.plane)][change.to & 1u];
    if (change.filled && !empties && found.security_version < state_.planes[index_of(release.plane)].floor) {
      refuse(release.plane, ErrorCode::under_security_floor, "what is in the slot is under the floor");
      return false;
    }
    state_.changes[state_.change_count++] = change;
  }
  return true;
}

// Which slot the release goes to: one that has it already, else the one that is neither active nor, if there is a
// choice, what a rollback would bring back.
Change UpdateMachine::plan(const AssignedRelease& release) const {
  const auto& record = state_.planes[index_of(release.plane)];
  const auto& slots = slots_[index_of(release.plane)];
  Change change;
  change.plane = release.plane;
  change.from = record.active;
  if (release.manifest.is_zero()) {
    change.filled = true;
    return change;
  }
  for (std::uint8_t slot = 0; slot < slots_per_plane; ++slot) {
    if (slot == record.active || !slots[slot].intact || slots[slot].manifest != release.manifest) continue;
    change.to = slot;
    change.filled = true;
    return change;
  }
  const auto kept = record.active != no_slot ? record.active : record.previous;
  change.to = kept == 0 ? 1 : 0;
  return change;
}

void UpdateMachine::fill_next() {
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    const auto& change = state_.changes[i];
    if (change.filled) continue;
    const auto* release = assigned(change.plane);
    assert(release != nullptr);
    if (release->envelope.is_zero()) {
      refuse(change.plane, ErrorCode::fetch_failed, "the broker no longer has it");
      return;
    }
    auto& record = state_.planes[index_of(change.plane)];
    if (record.previous == change.to) record.previous = no_slot;
    slots_[index_of(change.plane)][change.to] = SlotFound{};
    state_dirty_ = true;
    auto& effect = emit(EffectKind::fill);
    effect.plane = change.plane;
    effect.slot = change.to;
    job_ = true;
    return;
  }
  enter(Phase::verifying);
  emit(EffectKind::verify);
  job_ = true;
}

void UpdateMachine::on_filled(const SlotFound& found) {
  if (!job_ || state_.phase != Phase::fetching) return;
  job_ = false;
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    auto& change = state_.changes[i];
    if (change.filled) continue;
    const auto* release = assigned(change.plane);
    if (found.manifest != release->manifest) {
      refuse(change.plane, ErrorCode::incompatible, "the manifest is another release's");
      return;
    }
    slots_[index_of(change.plane)][change.to] = found;
    change.filled = true;
    break;
  }
  state_dirty_ = report_due_ = true;
  fill_next();
}

void UpdateMachine::on_verified() {
  if (!job_ || state_.phase != Phase::verifying) return;
  job_ = false;
  enter(Phase::staged);
  go_on_staged();
}

// Everything is here, and nothing has changed yet.
void UpdateMachine::go_on_staged() {
  if (hold() != Hold::before_swap) swap();
}

void UpdateMachine::on_failed(const Event& event) {
  if (!job_) return;
  job_ = false;
  if (on_probation()) {
    go_wrong(event.plane, watched() ? ErrorCode::soak_failed : event.error, event.detail);
  } else {
    refuse(event.plane, event.error, event.detail);
  }
}

void UpdateMachine::refuse(Plane plane, ErrorCode error, const char* detail) {
  if (job_) emit(EffectKind::stop_jobs);
  job_ = false;
  fail_with(plane, error, detail);
  state_.change_count = 0;
  state_.refetching = false;
  enter(Phase::failed);
}

// The pointers of model and config change with the record that is made durable; the firmware's with a reset.
void UpdateMachine::swap() {
  enter(Phase::swapped);
  for (std::uint32_t i = 0; i < state_.change_count; ++i) {
    const auto& change = state_.changes[i];
    if (change.plane != Plane::firmware) state_.planes[index_of(change.plane)].active = change.to;
  }
  if (const auto* firmware = change_of(Plane::firmware)) {
    // New for every attempt, and never 0, which a new device's boot state has.
    state_.trial_tag = static_cast<std::uint32_t>(boot_.starts) | 0x80000000u;
    ask_for_trial(firmware->to);
    return;
  }
  forget_crashes();
  emit(EffectKind::activated);
  check();
}

const AssignedRelease* UpdateMachine::assigned(Plane plane) const {
  for (std::uint32_t i = 0; i < state_.assignment.count; ++i) {
    if (state_.assignment.releases[i].plane == plane) return &state_.assignment.releases[i];
  }
  return nullptr;
}

}  // namespace muster::mcu
