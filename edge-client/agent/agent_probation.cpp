// From the swap on: pointers, probes, soak, hold, commit, and the way back. Whatever is flipped here is first written
// down, so that a power cut at any point finds either the old release or the new one on probation, never something
// unknown.
#include <algorithm>
#include <utility>

#include "edge-client/agent/agent.h"
#include "schemas/text.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t soak_check_ms_max = 60000;
constexpr std::uint64_t soak_check_ms_min = 1000;
constexpr std::uint64_t flip_retry_pause_ms = 1000;

std::uint64_t soak_check_interval_ms(std::uint32_t soak_s) {
  return std::clamp<std::uint64_t>(std::uint64_t{soak_s} * 1000 / 5, soak_check_ms_min, soak_check_ms_max);
}

}  // namespace

void Agent::swap_next() {
  const auto* change = change_at(job_index_);
  if (change == nullptr) {
    advance(AttemptTrigger::pointers_flipped, {});
    after_activation();
    run_probes(false);
    return;
  }
  durable_.attempt.swap_begun = static_cast<std::uint32_t>(job_index_ + 1);
  dirty_ = true;
  job_ = next_job();
  const auto& previous = change->from.empty() ? durable_.planes[index_of(change->plane)].previous : change->from;
  emit(Activate{job_, change->plane, change->to.manifest, previous.manifest, false});
}

void Agent::on(const Activated& activated) {
  if (activated.job != job_ || job_ == 0) return;
  job_ = 0;
  dirty_ = report_due_ = true;
  if (durable_.attempt.phase == AttemptPhase::swapped) {
    const auto* change = change_at(job_index_);
    durable_.planes[index_of(change->plane)].active = change->to;
    ++job_index_;
    swap_next();
    return;
  }
  const auto& step = durable_.attempt.back[job_index_];
  auto& record = durable_.planes[index_of(step.plane)];
  record.active = step.to;
  record.previous = step.to_previous;
  ++job_index_;
  flip_tries_ = 0;
  flip_back();
}

// What runs now is not what was measured.
void Agent::after_activation() {
  emit(ResetReadings{});
  load_policy();
  if (is_reduced(durable_.state)) emit(RunWorkload{WorkloadCommand::degraded});
}

void Agent::run_probes(bool warm) {
  RunProbes run;
  run.warm = warm;
  for (const auto& change : durable_.attempt.changes) {
    const auto* release = known(change.plane, change.to.manifest);
    if (release == nullptr) continue;
    // Only now are all planes of the assignment there: a firmware may have brought the pipeline that the model needs.
    if (!release->pipeline_checksum.empty())
      run.probes.push_back({change.plane, change.to.manifest, {}, release->pipeline_checksum});
    for (const auto& probe : release->probes) run.probes.push_back({change.plane, change.to.manifest, probe});
  }
  if (run.probes.empty()) {
    if (warm) return;
    advance(AttemptTrigger::probes_passed, "there are none");
    start_soak();
    return;
  }
  run.job = job_ = next_job();
  emit(std::move(run));
}

void Agent::on(const ProbesPassed& passed) {
  if (passed.job != job_ || job_ == 0) return;
  job_ = 0;
  if (durable_.attempt.phase != AttemptPhase::probing) return;
  advance(AttemptTrigger::probes_passed, {});
  start_soak();
}

// A repair brings back what was let through before.
Hold Agent::hold() const {
  const auto& attempt = durable_.attempt;
  return attempt.aim == AttemptAim::change ? attempt.assignment.hold : Hold::none;
}

void Agent::start_watch() {
  const auto& attempt = durable_.attempt;
  soak_mark_ms_ = now_ms_;
  soak_left_ms_ = std::uint64_t{attempt.soak_left_s} * 1000;
  soak_check_ms_ = now_ms_ + soak_check_interval_ms(attempt.assignment.soak_s);
  soak_overdue_ms_ = 0;
}

// Only time in which the agent watched counts: a device that was off for the night has not soaked.
void Agent::count_watched_time() {
  const auto elapsed = now_ms_ - soak_mark_ms_;
  soak_mark_ms_ = now_ms_;
  soak_left_ms_ -= std::min(soak_left_ms_, elapsed);
}

// True once an interval; writes down how much time is left.
bool Agent::check_due() {
  if (now_ms_ < soak_check_ms_) return false;
  auto& attempt = durable_.attempt;
  soak_check_ms_ = now_ms_ + soak_check_interval_ms(attempt.assignment.soak_s);
  const auto left_s = static_cast<std::uint32_t>((soak_left_ms_ + 999) / 1000);
  if (left_s != attempt.soak_left_s) {
    attempt.soak_left_s = left_s;
    dirty_ = true;
  }
  return true;
}

void Agent::start_soak() {
  start_watch();
  soak_timer();
}

// Also while held, which is a soak that ends when the assignment says so.
void Agent::soak_timer() {
  count_watched_time();
  if (job_ != 0) return;
  const bool held = durable_.attempt.phase == AttemptPhase::held;
  if (soak_left_ms_ == 0 && (!held || hold() == Hold::none)) {
    end_soak();
    return;
  }
  soak_overdue_ms_ = 0;
  if (check_due()) run_probes(true);
}

// The time is over; a workload that is just recovering is waited for. Any hold but none keeps it from the commit: one
// before the swap, which is past, asks for no less.
void Agent::end_soak() {
  auto& attempt = durable_.attempt;
  if (durable_.state == DeviceState::recovering) {
    if (soak_overdue_ms_ == 0) soak_overdue_ms_ = now_ms_ + 2 * setup_.health_window_ms;
    if (now_ms_ >= soak_overdue_ms_) {
      go_wrong(attempt.changes.front().plane,
               {ErrorCode::soak_failed, "the workload was still recovering at the end of the soak"});
    }
    return;
  }
  if (hold() == Hold::none) {
    commit();
    return;
  }
  attempt.soak_left_s = 0;
  advance(AttemptTrigger::hold_begun, "until the same is assigned without a hold");
  start_watch();
}

void Agent::commit() {
  auto& attempt = durable_.attempt;
  durable_.last_swapped.clear();
  for (const auto& change : attempt.changes) {
    auto& record = durable_.planes[index_of(change.plane)];
    if (!change.from.empty()) record.previous = change.from;
    record.security_floor = std::max(record.security_floor, change.to.security_version);
    durable_.last_swapped.push_back(change.plane);
  }
  attempt.soak_left_s = 0;
  advance(attempt.phase == AttemptPhase::held ? AttemptTrigger::hold_over : AttemptTrigger::soak_over, {});
  change_state(DeviceTrigger::release_committed, "the release is committed");
  clean_slots();
  if (attempt.aim == AttemptAim::repair_first) begin_attempt(Assignment(attempt.assignment));
  take_pending();
}

void Agent::go_wrong(Plane plane, Fault fault) {
  if (job_ != 0) emit(CancelJobs{});
  job_ = 0;
  auto& attempt = durable_.attempt;
  attempt.error = fault.code;
  attempt.error_plane = plane;
  attempt.detail = clean_text(fault.detail, limits::text_len_max);
  attempt.back.clear();
  for (std::size_t i = attempt.swap_begun; i-- > 0;) {
    const auto& change = attempt.changes[i];
    attempt.back.push_back({change.plane, change.from, durable_.planes[index_of(change.plane)].previous});
  }
  advance(AttemptTrigger::went_wrong, std::string(wire::EnumNameErrorCode(fault.code)) + ": " + fault.detail);
  job_index_ = 0;
  flip_tries_ = 0;
  flip_back();
}

std::optional<Fault> Agent::cannot_go_back(Plane plane) const {
  const auto& record = durable_.planes[index_of(plane)];
  const std::string name = wire::EnumNamePlane(plane);
  if (record.previous.empty()) return Fault{ErrorCode::no_previous, "there is no previous release on plane " + name};
  const auto release = record.previous.name + "@" + record.previous.version;
  if (record.previous.security_version < record.security_floor) {
    return Fault{ErrorCode::under_security_floor, release + " is under the security floor of plane " + name};
  }
  if (frozen(plane, record.previous.manifest)) return Fault{ErrorCode::frozen, release + " is frozen"};
  return std::nullopt;
}

// REQUIRES: settled(), and cannot_go_back() has nothing against any of `planes` (in activation order).
void Agent::send_back(const std::vector<Plane>& planes, Fault fault) {
  auto& attempt = durable_.attempt;
  attempt.error = fault.code;
  attempt.error_plane = planes.front();
  attempt.detail = clean_text(fault.detail, limits::text_len_max);
  attempt.back.clear();
  for (auto plane = planes.rbegin(); plane != planes.rend(); ++plane) {
    attempt.back.push_back({*plane, durable_.planes[index_of(*plane)].previous, SlotRef{}});
    auto& last = durable_.last_swapped;
    last.erase(std::remove(last.begin(), last.end(), *plane), last.end());
  }
  advance(AttemptTrigger::sent_back, std::string(wire::EnumNameErrorCode(fault.code)) + ": " + fault.detail);
  job_index_ = 0;
  flip_tries_ = 0;
  flip_back();
}

void Agent::flip_back() {
  const auto& back = durable_.attempt.back;
  if (job_index_ >= back.size()) {
    finish_back();
    return;
  }
  const auto& step = back[job_index_];
  job_ = next_job();
  emit(Activate{job_, step.plane, step.to.manifest, step.to_previous.manifest, true});
}

void Agent::flip_back_failed(const Fault& fault) {
  if (++flip_tries_ < flip_tries_max) {
    note(NoteLevel::warning, "going back failed and is tried again: " + fault.detail);
    flip_retry_ms_ = now_ms_ + flip_retry_pause_ms * flip_tries_;
    return;
  }
  auto& attempt = durable_.attempt;
  attempt.error = fault.code;
  attempt.error_plane = attempt.back[job_index_].plane;
  attempt.detail = clean_text("going back failed: " + fault.detail, limits::text_len_max);
  advance(AttemptTrigger::cannot_go_back, fault.detail);
  latch_safe_mode("the way back failed");
  take_pending();
}

void Agent::finish_back() {
  auto& attempt = durable_.attempt;
  attempt.back.clear();
  attempt.changes.clear();
  attempt.swap_begun = 0;
  job_index_ = 0;
  advance(AttemptTrigger::pointers_back, {});
  change_state(DeviceTrigger::release_rolled_back, attempt.detail);
  after_activation();
  // The broken workload may still be sending; what was gone back to is judged from the next window on.
  judged_from_ms_ = now_ms_ + setup_.health_window_ms;
  take_pending();
}

}  // namespace muster::edge
