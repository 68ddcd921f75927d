#include "edge-client/agent/agent.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace muster::edge {
namespace {

std::string text_of(DeviceState state) {
  return wire::EnumNameDeviceState(state);
}

// The workload runs reduced in these states.
bool reduced(DeviceState state) {
  return state == DeviceState::degraded || state == DeviceState::safe_mode;
}

bool damaged(const Started& started, Plane plane, const SlotRef& slot) {
  return !slot.empty() && std::any_of(started.slots.begin(), started.slots.end(), [&](const SlotFound& found) {
    return !found.intact && found.release.plane == plane && found.release.manifest == slot.manifest;
  });
}

}  // namespace

Agent::Agent(AgentSetup setup, DurableState state) : setup_(std::move(setup)), durable_(std::move(state)) {}

void Agent::step(const Event& event, std::vector<Effect>& effects) {
  assert(started_ || std::holds_alternative<Started>(event.what));
  assert(event.now_ms >= now_ms_);
  const auto begin = static_cast<std::ptrdiff_t>(effects.size());
  out_ = &effects;
  now_ms_ = event.now_ms;
  now_s_ = event.now_s;
  std::visit([this](const auto& what) { on(what); }, event.what);
  run_timers();
  // What the step decided is durable before any of it is done: a power cut in the middle finds all of its intentions.
  if (dirty_) out_->insert(out_->begin() + begin, Persist{encode(durable_)});
  dirty_ = false;
  if (report_due_) out_->push_back(Report{});
  report_due_ = false;
  set_wake();
  out_ = nullptr;
}

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
  load_policy();
  if (crashed && on_probation()) ++durable_.attempt.crashes;
  note(NoteLevel::info, "started, boot " + std::to_string(durable_.boot_id) + (crashed ? " after a crash" : "") +
                            ", state " + text_of(durable_.state) + ", attempt " +
                            std::to_string(durable_.attempt.assignment.epoch) + " " +
                            std::string(name_of(durable_.attempt.phase)));
  forget_damaged_previous(started);
  align_links(started);
  if (reduced(durable_.state)) emit(RunWorkload{WorkloadCommand::degraded});
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
    if (!settled()) {
      pending_ = durable_.attempt.assignment;
      refuse_attempt(plane, fault);
    }
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
  if (!settled() || assigned_here) {
    begin_attempt(assignment, settled() ? AttemptTrigger::slot_lost : AttemptTrigger::assignment_taken);
    return;
  }
  durable_.attempt.error = fault.code;
  durable_.attempt.error_plane = plane;
  durable_.attempt.detail = fault.detail + ", and there is nothing to go back to";
  if (durable_.state != DeviceState::safe_mode) change_state(DeviceTrigger::degrade, durable_.attempt.detail);
}

void Agent::resume_attempt() {
  auto& attempt = durable_.attempt;
  if (settled() || job_ != 0) return;  // nothing under way, or check_active_slots has begun something
  if (on_probation() && attempt.crashes >= crashes_max) {
    const auto plane = attempt.changes.empty() ? Plane::model : attempt.changes.front().plane;
    const auto code = attempt.phase == AttemptPhase::soaking ? ErrorCode::soak_failed : ErrorCode::probe_failed;
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
  if (attempt.phase == AttemptPhase::rolling_back) {
    advance(AttemptTrigger::restarted, "going back goes on");
    job_index_ = 0;
    flip_back();
    return;
  }
  advance(AttemptTrigger::restarted, "goes on where it stood");
  switch (attempt.phase) {
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

void Agent::on(const Stopping&) {
  if (durable_.attempt.phase == AttemptPhase::soaking) {
    soak_timer();
    if (durable_.attempt.phase == AttemptPhase::soaking) {
      durable_.attempt.soak_left_s = static_cast<std::uint32_t>((soak_left_ms_ + 999) / 1000);
    }
  }
  durable_.stopped_in_order = true;
  dirty_ = true;
}

void Agent::on(const Connected&) {
  report_due_ = true;
}

void Agent::run_timers() {
  if (flip_retry_ms_ != 0 && now_ms_ >= flip_retry_ms_) {
    flip_retry_ms_ = 0;
    flip_back();
  }
  if (durable_.attempt.phase == AttemptPhase::soaking) soak_timer();
}

void Agent::set_wake() {
  std::uint64_t wake = flip_retry_ms_;
  const auto consider = [&](std::uint64_t at) {
    if (at != 0 && (wake == 0 || at < wake)) wake = at;
  };
  if (durable_.attempt.phase == AttemptPhase::soaking && job_ == 0) {
    if (soak_left_ms_ > 0) {
      consider(now_ms_ + soak_left_ms_);
      consider(soak_check_ms_);
    }
    consider(soak_overdue_ms_);
  }
  if (wake == wake_ms_) return;
  wake_ms_ = wake;
  out_->push_back(WakeAt{wake});
}

void Agent::advance(AttemptTrigger trigger, const std::string& why) {
  auto& phase = durable_.attempt.phase;
  const auto next = next_phase(phase, trigger);
  const auto attempt =
      "attempt " + std::to_string(durable_.attempt.assignment.epoch) + ": " + std::string(name_of(phase));
  if (!next) {
    note(NoteLevel::error,
         attempt + " does not know \"" + std::string(name_of(trigger)) + "\"; this is a bug in the agent");
    assert(!"no such transition of an attempt");
    return;
  }
  phase = *next;
  dirty_ = report_due_ = true;
  note(NoteLevel::info, attempt + " -> " + std::string(name_of(phase)) + (why.empty() ? "" : ": " + why));
}

void Agent::change_state(DeviceTrigger trigger, const std::string& why) {
  const auto from = durable_.state;
  const auto next = next_state(from, trigger);
  if (!next) {
    note(NoteLevel::error, "state " + text_of(from) + " does not know \"" + std::string(name_of(trigger)) +
                               "\"; this is a bug in the agent");
    assert(!"no such transition of the device");
    return;
  }
  dirty_ = report_due_ = true;
  if (*next == from) return;
  durable_.state = *next;
  note(NoteLevel::info, "device: " + text_of(from) + " -> " + text_of(*next) + ": " + why);
  if (reduced(*next) && !reduced(from)) emit(RunWorkload{WorkloadCommand::degraded});
  if (reduced(from) && !reduced(*next) && *next != DeviceState::recovering) emit(RunWorkload{WorkloadCommand::normal});
  if (from != DeviceState::safe_mode) return;
  // What was measured in safe mode says nothing about the normal workload.
  emit(ResetReadings{});
  policy_.rearm(now_ms_);
}

void Agent::emit(Effect effect) {
  out_->push_back(std::move(effect));
}

void Agent::note(NoteLevel level, std::string text) {
  out_->push_back(Note{level, std::move(text)});
}

std::uint64_t Agent::next_job() {
  return ++last_job_;
}

bool Agent::on_probation() const {
  const auto phase = durable_.attempt.phase;
  return phase == AttemptPhase::swapped || phase == AttemptPhase::probing || phase == AttemptPhase::soaking;
}

bool Agent::settled() const {
  const auto phase = durable_.attempt.phase;
  return phase == AttemptPhase::idle || phase == AttemptPhase::committed || phase == AttemptPhase::rolled_back ||
         phase == AttemptPhase::failed;
}

Snapshot Agent::snapshot() const {
  Snapshot s;
  s.boot_id = durable_.boot_id;
  s.state = durable_.state;
  const auto& attempt = durable_.attempt;
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto& record = durable_.planes[i];
    const auto plane = static_cast<Plane>(i);
    auto& view = s.planes[i];
    view = {setup_.planes[i], record.active, cannot_go_back(plane) ? SlotRef{} : record.previous, downloaded_[i],
            record.security_floor};
    for (std::size_t c = 0; on_probation() && c < attempt.swap_begun; ++c) {
      if (attempt.changes[c].plane == plane) view.previous = attempt.changes[c].from;
    }
  }
  s.attempt = wire_state(attempt.phase);
  s.attempt_epoch = s.assignment_epoch = attempt.assignment.epoch;
  const auto* change = change_at(job_index_);
  s.attempt_plane = attempt.error != ErrorCode::none || change == nullptr ? attempt.error_plane : change->plane;
  s.error = attempt.error;
  s.detail = attempt.detail;
  s.bytes_done = bytes_done_;
  s.bytes_total = bytes_total_;
  s.directive_epoch = directive_epoch();
  s.last_action = durable_.last_action;
  s.updates_paused = updates_paused();
  const auto& model = durable_.planes[index_of(Plane::model)].active;
  if (const auto* release = known(Plane::model, model.manifest)) {
    s.runtime = release->runtime;
    s.delegate = release->delegate;
  }
  return s;
}

}  // namespace muster::edge
