// An assignment from its arrival until the swap: nothing that runs is changed here.
#include <algorithm>
#include <utility>

#include "edge-client/agent/agent.h"
#include "edge-client/agent/checks.h"
#include "schemas/text.h"

namespace muster::edge {

void Agent::on(const AssignmentArrived& arrived) {
  const auto& assignment = arrived.assignment;
  auto& attempt = durable_.attempt;
  const auto epoch = std::to_string(assignment.epoch);
  const auto held = attempt.assignment.epoch;
  if (assignment.epoch < held) {
    out_->push_back(Refusal{ErrorCode::replayed, "assignment " + epoch + " is older than " + std::to_string(held)});
    return;
  }
  if (assignment.epoch == held && held != 0) {
    if (!assignment.same_releases(attempt.assignment) || assignment.hold != attempt.assignment.hold) {
      out_->push_back(
          Refusal{ErrorCode::replayed, "assignment " + epoch + " was taken before and said something else"});
    }
    return;
  }
  if (const auto fault = speaks_against(assignment)) {
    out_->push_back(Refusal{fault->code, "assignment " + epoch + " " + fault->detail});
    return;
  }
  if (pending_ && pending_->epoch > assignment.epoch) return;
  pending_ = assignment;
  if (updates_paused()) {
    note(NoteLevel::info, "assignment " + epoch + " waits: updates are paused");
    report_due_ = true;
    return;
  }
  take_pending();
}

std::optional<Fault> Agent::speaks_against(const Assignment& assignment) const {
  if (assignment.expires_s != 0 && assignment.expires_s < now_s_)  // its last good second, as openers take it
    return Fault{ErrorCode::expired, "has expired"};
  for (const auto* releases : {&assignment.releases, &assignment.shadow}) {
    std::array<bool, plane_count> named{};
    for (const auto& release : *releases) {
      if (std::exchange(named[index_of(release.plane)], true))
        return Fault{ErrorCode::malformed, "names a plane twice"};
    }
  }
  for (const auto& release : assignment.shadow) {
    if (release.manifest.is_zero()) return Fault{ErrorCode::malformed, "has nothing for a plane to run in its shadow"};
  }
  return std::nullopt;
}

void Agent::take_pending() {
  if (!pending_ || updates_paused() || durable_.attempt.phase == AttemptPhase::rolling_back) return;
  const auto& attempt = durable_.attempt;
  if (!settled() && pending_->same_releases(attempt.assignment)) {
    adopt_epoch(*std::exchange(pending_, std::nullopt));
    return;
  }
  if (on_probation()) {
    // What is not committed may not become `previous`: first back, then forward. finish_back() takes it up again.
    const auto plane = attempt.changes.front().plane;
    go_wrong(plane, {ErrorCode::none, "assignment " + std::to_string(pending_->epoch) + " replaces it"});
    return;
  }
  begin_attempt(*std::exchange(pending_, std::nullopt));
}

// What waits looks at the hold again: here before the swap, soak_timer() before the commit.
void Agent::adopt_epoch(const Assignment& assignment) {
  auto& attempt = durable_.attempt;
  note(NoteLevel::info, "attempt " + std::to_string(attempt.assignment.epoch) + " goes on as " +
                            std::to_string(assignment.epoch) + ": the same releases were assigned again");
  attempt.assignment = assignment;
  if (!on_probation() && !shadows()) attempt.soak_left_s = assignment.soak_s;
  durable_.newest_signed_s = std::max(durable_.newest_signed_s, assignment.issued_s);
  dirty_ = report_due_ = true;
  if (attempt.phase == AttemptPhase::staged) go_on_staged();
}

void Agent::begin_attempt(const Assignment& assignment) {
  const auto aim = assignment.shadow.empty() ? AttemptAim::change : AttemptAim::shadow;
  begin_attempt(assignment, aim, AttemptTrigger::assignment_taken);
}

void Agent::begin_attempt(const Assignment& assignment, AttemptAim aim, AttemptTrigger trigger) {
  if (job_ != 0) emit(CancelJobs{});
  job_ = 0;
  fetching_files_ = false;
  waits_for_.clear();
  auto& attempt = durable_.attempt;
  AttemptRecord fresh;
  fresh.phase = attempt.phase;
  fresh.assignment = assignment;
  fresh.aim = aim;
  fresh.soak_left_s = assignment.soak_s;
  for (const auto& release : aim == AttemptAim::shadow ? assignment.shadow : assignment.releases) {
    const auto& active = durable_.planes[index_of(release.plane)].active;
    if (aim == AttemptAim::shadow || active.manifest != release.manifest)
      fresh.changes.push_back({release.plane, slot_ref(release), active});
  }
  attempt = std::move(fresh);
  durable_.newest_signed_s = std::max(durable_.newest_signed_s, assignment.issued_s);
  bytes_done_ = bytes_before_ = bytes_total_ = 0;
  advance(trigger, assignment.rollout.empty() ? "assigned" : "rollout " + assignment.rollout);

  if (refuse_unconfigured() || refuse_shadow()) return;
  if (attempt.changes.empty()) {
    advance(AttemptTrigger::nothing_to_change, "every plane already runs what is assigned");
    if (durable_.state == DeviceState::rolled_back) {
      change_state(DeviceTrigger::release_committed, "it runs what is assigned");
    }
    return;
  }
  obey_freezes();
  if (attempt.phase != AttemptPhase::fetching) return;
  clean_slots();
  start_fetch();
}

// True when it did.
bool Agent::refuse_unconfigured() {
  const auto& assignment = durable_.attempt.assignment;
  for (const auto* releases : {&assignment.releases, &assignment.shadow}) {
    for (const auto& release : *releases) {
      const auto plane = release.plane;
      if (setup_.planes[index_of(plane)]) continue;
      const std::string name = wire::EnumNamePlane(plane);
      refuse_attempt(plane, {ErrorCode::incompatible, "plane " + name + " is not configured on this device"});
      return true;
    }
  }
  return false;
}

void Agent::start_fetch() {
  job_index_ = 0;
  fetching_files_ = false;
  bytes_done_ = bytes_before_ = bytes_total_ = 0;
  fetch_manifest();
}

const PlaneChange* Agent::change_at(std::size_t index) const {
  const auto& changes = durable_.attempt.changes;
  return index < changes.size() ? &changes[index] : nullptr;
}

// A plane that is to be empty has nothing to fetch or build. False at the end of the changes.
bool Agent::skips_empty_plane() {
  while (const auto* change = change_at(job_index_)) {
    if (!change->to.empty()) return true;
    ++job_index_;
  }
  return false;
}

void Agent::fetch_manifest() {
  if (!skips_empty_plane()) {
    check_manifests();
    return;
  }
  job_ = next_job();
  emit(FetchManifest{job_, assigned(change_at(job_index_)->plane)});
}

void Agent::on(const ManifestArrived& arrived) {
  if (arrived.job != job_ || job_ == 0) return;
  job_ = 0;
  const auto& release = arrived.release;
  auto& change = durable_.attempt.changes[job_index_];
  if (release.plane != change.plane || release.manifest != change.to.manifest) {
    refuse_attempt(change.plane, {ErrorCode::incompatible, "the manifest is that of a release on plane " +
                                                               std::string(wire::EnumNamePlane(release.plane))});
    return;
  }
  remember(release);
  change.to = {release.manifest, release.name, release.version, release.security_version};
  dirty_ = true;
  ++job_index_;
  fetch_manifest();
}

void Agent::check_manifests() {
  const auto& attempt = durable_.attempt;
  std::array<PlaneOutcome, plane_count> outcome;
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto& active = durable_.planes[i].active;
    outcome[i] = {false, active.name, active.version, known(static_cast<Plane>(i), active.manifest)};
  }
  for (const auto& change : attempt.changes) {
    const auto* release = known(change.plane, change.to.manifest);
    outcome[index_of(change.plane)] = {true, change.to.name, change.to.version, release};
    if (release == nullptr) continue;
    if (auto fault = check_release(*release, setup_.facts, durable_.planes[index_of(change.plane)].security_floor)) {
      refuse_attempt(change.plane, std::move(*fault));
      return;
    }
    bytes_total_ += release->bytes_total;
  }
  if (auto unmet = check_requirements(outcome)) {
    refuse_attempt(unmet->plane, {ErrorCode::requirement_unmet, std::move(unmet->detail)});
    return;
  }
  if (refuse_idle_shadow()) return;
  job_index_ = 0;
  fetching_files_ = true;
  if (!has_to_wait(WaitPoint::fetch)) fetch_files();
}

void Agent::fetch_files() {
  if (!skips_empty_plane()) {
    advance(AttemptTrigger::files_complete, {});
    job_index_ = 0;
    build_slot();
    return;
  }
  job_ = next_job();
  const auto* change = change_at(job_index_);
  emit(FetchFiles{job_, change->plane, change->to.manifest});
}

void Agent::on(const FetchProgress& progress) {
  if (durable_.attempt.phase != AttemptPhase::fetching || job_ == 0) return;
  bytes_done_ = bytes_before_ + progress.bytes_done;
  if (now_ms_ - progress_reported_ms_ < progress_report_ms) return;
  progress_reported_ms_ = now_ms_;
  report_due_ = true;
}

void Agent::on(const FilesArrived& arrived) {
  if (arrived.job != job_ || job_ == 0) return;
  job_ = 0;
  const auto* change = change_at(job_index_);
  if (const auto* release = known(change->plane, change->to.manifest)) bytes_before_ += release->bytes_total;
  bytes_done_ = bytes_before_;
  ++job_index_;
  fetch_files();
}

void Agent::build_slot() {
  if (!skips_empty_plane()) {
    advance(AttemptTrigger::slots_built, {});
    job_index_ = 0;
    go_on_staged();
    return;
  }
  job_ = next_job();
  const auto* change = change_at(job_index_);
  emit(BuildSlot{job_, change->plane, change->to.manifest});
}

// Everything is here, and nothing has changed yet.
void Agent::go_on_staged() {
  if (shadows()) {
    start_shadow();
    return;
  }
  if (hold() == Hold::before_swap) {
    note(NoteLevel::info, "attempt " + std::to_string(durable_.attempt.assignment.epoch) +
                              " holds before its swap, until the same is assigned without that");
    return;
  }
  if (has_to_wait(WaitPoint::swap)) return;
  advance(AttemptTrigger::swap_begun, {});
  swap_next();
}

void Agent::on(const SlotBuilt& built) {
  if (built.job != job_ || job_ == 0) return;
  job_ = 0;
  const auto* change = change_at(job_index_);
  downloaded_[index_of(change->plane)] = change->to.manifest;
  ++job_index_;
  build_slot();
}

void Agent::on(const JobFailed& failed) {
  if (failed.job != job_ || job_ == 0) return;
  job_ = 0;
  const auto* change = change_at(job_index_);
  const auto plane = failed.plane.value_or(change != nullptr ? change->plane : durable_.attempt.error_plane);
  switch (durable_.attempt.phase) {
    case AttemptPhase::fetching:
    case AttemptPhase::verifying:
    case AttemptPhase::shadowing:
      refuse_attempt(plane, failed.fault);
      break;
    case AttemptPhase::swapped:
    case AttemptPhase::probing:
      go_wrong(plane, failed.fault);
      break;
    case AttemptPhase::soaking:
      go_wrong(plane, {ErrorCode::soak_failed, "in the soak: " + failed.fault.detail});
      break;
    case AttemptPhase::held:
      go_wrong(plane, {ErrorCode::soak_failed, "while held: " + failed.fault.detail});
      break;
    case AttemptPhase::rolling_back:
      flip_back_failed(failed.fault);
      break;
    default:
      break;
  }
}

void Agent::refuse_attempt(Plane plane, Fault fault) {
  if (job_ != 0) emit(CancelJobs{});
  job_ = 0;
  waits_for_.clear();
  auto& attempt = durable_.attempt;
  attempt.error = fault.code;
  attempt.error_plane = plane;
  attempt.detail = clean_text(fault.detail, limits::text_len_max);
  const bool useless = fault.code == ErrorCode::disk_full || fault.code == ErrorCode::digest_mismatch ||
                       fault.code == ErrorCode::size_mismatch;
  advance(AttemptTrigger::refused, std::string(wire::EnumNameErrorCode(fault.code)) + ": " + fault.detail);
  if (useless) emit(DropDownloads{});
}

// For a way back that does not concern it: what is being fetched goes on afterwards, it may be the cure. A shadow does
// not: it was to run beside what then runs no more. Nothing when the attempt is settled.
void Agent::set_attempt_aside(Plane plane, const Fault& fault) {
  if (settled()) return;
  if (!shadows()) pending_ = durable_.attempt.assignment;
  refuse_attempt(plane, fault);
}

AssignedRelease Agent::assigned(Plane plane) const {
  const auto& assignment = durable_.attempt.assignment;
  for (const auto& release : shadows() ? assignment.shadow : assignment.releases) {
    if (release.plane == plane) return release;
  }
  return {};
}

SlotRef Agent::slot_ref(const AssignedRelease& release) const {
  const auto* info = known(release.plane, release.manifest);
  return {release.manifest, release.name, release.version, info != nullptr ? info->security_version : 0};
}

void Agent::remember(const ReleaseInfo& release) {
  if (known(release.plane, release.manifest) != nullptr) return;
  releases_.push_back(release);
}

const ReleaseInfo* Agent::known(Plane plane, const Sha256& manifest) const {
  for (const auto& release : releases_) {
    if (release.plane == plane && release.manifest == manifest) return &release;
  }
  return nullptr;
}

// Active, previous and what the attempt works on are kept; everything else is only space.
void Agent::clean_slots() {
  for (std::size_t i = 0; i < plane_count; ++i) {
    if (!setup_.planes[i]) continue;
    const auto plane = static_cast<Plane>(i);
    std::vector<Sha256> keep;
    const auto add = [&](const Sha256& manifest) {
      if (!manifest.is_zero() && std::find(keep.begin(), keep.end(), manifest) == keep.end()) keep.push_back(manifest);
    };
    add(durable_.planes[i].active.manifest);
    add(durable_.planes[i].previous.manifest);
    for (const auto& change : durable_.attempt.changes) {
      if (change.plane == plane && !settled()) add(change.to.manifest);
    }
    if (std::find(keep.begin(), keep.end(), downloaded_[i]) == keep.end())
      downloaded_[i] = durable_.planes[i].active.manifest;
    releases_.erase(std::remove_if(releases_.begin(), releases_.end(),
                                   [&](const ReleaseInfo& r) {
                                     return r.plane == plane &&
                                            std::find(keep.begin(), keep.end(), r.manifest) == keep.end();
                                   }),
                    releases_.end());
    emit(RemoveSlots{plane, std::move(keep)});
  }
}

}  // namespace muster::edge
