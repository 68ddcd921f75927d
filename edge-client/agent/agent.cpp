#include "edge-client/agent/agent.h"

#include <cassert>
#include <utility>

namespace muster::edge {
namespace {

std::string text_of(DeviceState state) {
  return wire::EnumNameDeviceState(state);
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

void Agent::on(const Stopping&) {
  const auto& phase = durable_.attempt.phase;
  if (phase == AttemptPhase::soaking) soak_timer();
  if (phase == AttemptPhase::shadowing) shadow_timer();
  if (phase == AttemptPhase::soaking || phase == AttemptPhase::shadowing)
    durable_.attempt.soak_left_s = static_cast<std::uint32_t>((soak_left_ms_ + 999) / 1000);
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
  if (watched()) soak_timer();
  if (durable_.attempt.phase == AttemptPhase::shadowing) shadow_timer();
}

void Agent::set_wake() {
  std::uint64_t wake = flip_retry_ms_;
  const auto consider = [&](std::uint64_t at) {
    if (at != 0 && (wake == 0 || at < wake)) wake = at;
  };
  const bool shadowing = durable_.attempt.phase == AttemptPhase::shadowing;
  if (shadowing || (watched() && job_ == 0)) {
    if (soak_left_ms_ > 0) consider(now_ms_ + soak_left_ms_);
    // At the end of a soak, and of a hold, only the workload's recovery is waited for.
    if (soak_left_ms_ > 0 || soak_overdue_ms_ == 0) consider(soak_check_ms_);
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
  if (is_reduced(*next) && !is_reduced(from)) emit(RunWorkload{WorkloadCommand::degraded});
  if (is_reduced(from) && !is_reduced(*next) && *next != DeviceState::recovering)
    emit(RunWorkload{WorkloadCommand::normal});
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

bool Agent::watched() const {
  return durable_.attempt.phase == AttemptPhase::soaking || durable_.attempt.phase == AttemptPhase::held;
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
  s.waits = !waits_for_.empty();
  s.detail = s.waits ? waits_for_ : attempt.detail;
  s.bytes_done = bytes_done_;
  s.bytes_total = bytes_total_;
  s.directive_epoch = directive_epoch();
  s.last_action = durable_.last_action;
  s.updates_paused = updates_paused();
  const auto& model = durable_.planes[index_of(Plane::model)].active;
  if (const auto* release = known(Plane::model, model.manifest)) s.runtime = release->runtime;
  return s;
}

}  // namespace muster::edge
