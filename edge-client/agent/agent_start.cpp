// What a start finds: after a kill, a power cut or an orderly end alike. Slots and links against what is durable, then
// the attempt where it stood.
#include <algorithm>
#include <cassert>
#include <utility>

#include "edge-client/agent/agent.h"

namespace muster::edge {
namespace {

bool damaged(const Started& started, Plane plane, const SlotRef& slot) {
  return !slot.empty() && std::any_of(started.slots.begin(), started.slots.end(), [&](const SlotFound& found) {
    return !found.intact && found.release.plane == plane && found.release.manifest == slot.manifest;
  });
}

}  // namespace

void Agent::on(const Started& started) {
  assert(!started_);
  started_ = true;
  ++durable_.boot_id;
  const bool crashed = !durable_.stopped_in_order;
  durable_.stopped_in_order = false;
  dirty_ = true;
  auto& scopes = durable_.scopes;
  scopes.erase(std::remove_if(scopes.begin(), scopes.end(),
                              [&](const ScopeRecord& record) {
                                return std::find(setup_.scopes.begin(), setup_.scopes.end(), record.scope) ==
                                       setup_.scopes.end();
                              }),
               scopes.end());
  for (const auto& slot : started.slots) {
    if (slot.intact) remember(slot.release);
  }
  for (std::size_t i = 0; i < plane_count; ++i) downloaded_[i] = durable_.planes[i].active.manifest;
  find_kept_shadow();
  load_policy();
  if (crashed && (on_probation() || durable_.attempt.phase == AttemptPhase::shadowing)) ++durable_.attempt.crashes;
  note(NoteLevel::info, "started, boot " + std::to_string(durable_.boot_id) + (crashed ? " after a crash" : "") +
                            ", state " + std::string(wire::EnumNameDeviceState(durable_.state)) + ", attempt " +
                            std::to_string(durable_.attempt.assignment.epoch) + " " +
                            std::string(name_of(durable_.attempt.phase)));
  forget_damaged_previous(started);
  align_links(started);
  if (is_reduced(durable_.state)) emit(RunWorkload{WorkloadCommand::degraded});
  const bool acted =
      durable_.state == DeviceState::recovering ||
      (durable_.state == DeviceState::degraded && durable_.last_action == RecoveryAction::switch_to_degraded_model);
  if (acted && !policy_.expect_clear(durable_.last_action, now_ms_, setup_.health_window_ms)) {
    change_state(DeviceTrigger::cleared, "no rule asks for it any more");
  }
  settle_safe_mode("standing orders");
  check_active_slots(started);
  resume_attempt();
  report_due_ = true;
}

// A shadow that has ended stays in its slot until the next attempt: a rollout of it has nothing to fetch.
void Agent::find_kept_shadow() {
  if (!shadows() || !settled()) return;
  for (const auto& change : durable_.attempt.changes) {
    if (known(change.plane, change.to.manifest) != nullptr) downloaded_[index_of(change.plane)] = change.to.manifest;
  }
}

// Before the links are aligned, which then lets go of the slot as well: it is removed with the next cleaning.
void Agent::forget_damaged_previous(const Started& started) {
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto plane = static_cast<Plane>(i);
    auto& record = durable_.planes[i];
    if (!damaged(started, plane, record.previous)) continue;
    note(NoteLevel::warning, "the previous slot of " + std::string(wire::EnumNamePlane(plane)) +
                                 " is damaged and no longer kept for rollback");
    record.previous = {};
    dirty_ = true;
  }
  for (auto& step : durable_.attempt.back) {
    if (damaged(started, step.plane, step.to_previous)) step.to_previous = {};
  }
}

// Startup revalidation: an active slot that is damaged is never kept in use.
void Agent::check_active_slots(const Started& started) {
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto plane = static_cast<Plane>(i);
    if (!damaged(started, plane, durable_.planes[i].active)) continue;
    note(NoteLevel::error, "the active slot of " + std::string(wire::EnumNamePlane(plane)) + " is damaged");
    if (on_probation()) {
      go_wrong(plane, {ErrorCode::slot_damaged, "the active slot failed its check at the start"});
    } else if (durable_.attempt.phase != AttemptPhase::rolling_back) {
      recover_damaged_slot(plane);
    }
  }
}

void Agent::recover_damaged_slot(Plane plane) {
  const Fault fault{ErrorCode::slot_damaged, "the active slot failed its check at the start"};
  if (!cannot_go_back(plane)) {
    set_attempt_aside(plane, fault);
    send_back({plane}, fault);
    return;
  }
  auto& record = durable_.planes[index_of(plane)];
  const auto lost = std::exchange(record.active, SlotRef{});
  emit(Activate{next_job(), plane, {}, record.previous.manifest, true});
  const auto assignment = durable_.attempt.assignment;
  const bool assigned_here =
      std::any_of(assignment.releases.begin(), assignment.releases.end(),
                  [&](const AssignedRelease& r) { return r.plane == plane && r.manifest == lost.manifest; });
  if (assigned_here || (!settled() && !shadows())) {
    const auto trigger = settled() ? AttemptTrigger::slot_lost : AttemptTrigger::assignment_taken;
    begin_attempt(assignment, aim_of_repair(), trigger);
    return;
  }
  if (!settled()) refuse_attempt(plane, fault);
  durable_.attempt.error = fault.code;
  durable_.attempt.error_plane = plane;
  durable_.attempt.detail = fault.detail + ", and there is nothing to go back to";
  if (durable_.state != DeviceState::safe_mode) change_state(DeviceTrigger::degrade, durable_.attempt.detail);
}

// What was done is only put back; what was not done yet, or had failed, is tried anew, and waits where it is to wait.
AttemptAim Agent::aim_of_repair() const {
  const auto& attempt = durable_.attempt;
  if (!settled() && attempt.aim != AttemptAim::shadow) return attempt.aim;
  if (attempt.phase == AttemptPhase::committed) return AttemptAim::repair;
  return attempt.assignment.shadow.empty() ? AttemptAim::change : AttemptAim::repair_first;
}

void Agent::resume_attempt() {
  auto& attempt = durable_.attempt;
  if (settled() || job_ != 0) return;  // nothing under way, or check_active_slots has begun something
  if (on_probation() && attempt.crashes >= crashes_max) {
    const auto plane = attempt.changes.empty() ? Plane::model : attempt.changes.front().plane;
    const auto code = watched() ? ErrorCode::soak_failed : ErrorCode::probe_failed;
    go_wrong(plane, {code, "the agent was started " + std::to_string(attempt.crashes) +
                               " times after a crash with this release on probation"});
    return;
  }
  if (on_probation()) {
    for (const auto& change : attempt.changes) {
      if (change.to.empty() || known(change.plane, change.to.manifest) != nullptr) continue;
      go_wrong(change.plane, {ErrorCode::slot_damaged, "the slot on probation failed its check at the start"});
      return;
    }
  }
  if (attempt.phase == AttemptPhase::shadowing && attempt.crashes >= crashes_max) {
    refuse_attempt(attempt.changes.front().plane,
                   {ErrorCode::shadow_failed, "the agent was started " + std::to_string(attempt.crashes) +
                                                  " times after a crash with this release in the shadow"});
    return;
  }
  if (attempt.phase == AttemptPhase::rolling_back) {
    advance(AttemptTrigger::restarted, "going back goes on");
    job_index_ = 0;
    flip_back();
    return;
  }
  advance(AttemptTrigger::restarted, "goes on where it stood");
  resume_phase();
}

void Agent::resume_phase() {
  switch (durable_.attempt.phase) {
    case AttemptPhase::fetching:
      start_fetch();
      break;
    case AttemptPhase::swapped:
      job_index_ = 0;
      swap_next();
      break;
    case AttemptPhase::probing:
      run_probes(false);
      break;
    case AttemptPhase::soaking:
    case AttemptPhase::held:
      start_soak();
      break;
    default:
      break;
  }
}

// The journal is what counts: links that differ from it are set again. Those that the attempt is moving are left to it.
void Agent::align_links(const Started& started) {
  const auto& attempt = durable_.attempt;
  const auto moving = [&](Plane plane) {
    const auto begun = attempt.changes.begin() + static_cast<std::ptrdiff_t>(attempt.swap_begun);
    return (attempt.phase == AttemptPhase::swapped &&
            std::any_of(attempt.changes.begin(), begun, [&](const auto& change) { return change.plane == plane; })) ||
           (attempt.phase == AttemptPhase::rolling_back &&
            std::any_of(attempt.back.begin(), attempt.back.end(),
                        [&](const auto& step) { return step.plane == plane; }));
  };
  for (std::size_t i = 0; i < plane_count; ++i) {
    if (!setup_.planes[i] || moving(static_cast<Plane>(i))) continue;
    const auto& record = durable_.planes[i];
    auto previous = record.previous.manifest;
    for (std::size_t c = 0; on_probation() && c < attempt.swap_begun; ++c) {
      const auto& change = attempt.changes[c];
      if (index_of(change.plane) == i && !change.from.empty()) previous = change.from.manifest;
    }
    const auto& links = started.links[i];
    if (links.active == record.active.manifest && links.previous == previous) continue;
    const auto plane = static_cast<Plane>(i);
    note(NoteLevel::warning,
         "the links of " + std::string(wire::EnumNamePlane(plane)) + " differ from the journal and are set again");
    emit(Activate{next_job(), plane, record.active.manifest, previous, true});
  }
}

}  // namespace muster::edge
