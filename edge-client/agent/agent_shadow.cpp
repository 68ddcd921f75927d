// An assignment with a shadow: its releases are fetched and staged like any others and then run beside what is active,
// which stays as it is, its way back and its floors too. The active version has precedence: whatever befalls it ends
// the shadow.
#include <algorithm>
#include <utility>

#include "edge-client/agent/agent.h"

namespace muster::edge {

// What it would be compared with has to run, and to be what the assignment says. True when it is refused.
bool Agent::refuse_shadow() {
  if (!shadows()) return false;
  for (const auto& release : durable_.attempt.assignment.releases) {
    const auto plane = release.plane;
    if (durable_.planes[index_of(plane)].active.manifest == release.manifest) continue;
    refuse_attempt(plane, {ErrorCode::incompatible, "a shadow needs a device that runs what it is assigned"});
    return true;
  }
  return false;
}

// Asked when the manifests are here. True when it is refused.
bool Agent::refuse_idle_shadow() {
  if (!shadows()) return false;
  const auto& changes = durable_.attempt.changes;
  const bool any = std::any_of(changes.begin(), changes.end(), [&](const PlaneChange& change) {
    const auto* release = known(change.plane, change.to.manifest);
    return release != nullptr && !release->shadow.empty();
  });
  if (any) return false;
  refuse_attempt(changes.front().plane,
                 {ErrorCode::incompatible, "none of the releases says what runs it in the shadow"});
  return true;
}

// True when it is refused.
bool Agent::refuse_hindered_shadow() {
  if (!is_reduced(durable_.state)) return false;
  const bool safe_mode = durable_.state == DeviceState::safe_mode;
  refuse_attempt(durable_.attempt.changes.front().plane,
                 {ErrorCode::shadow_failed, safe_mode ? "safe mode" : "degraded"});
  return true;
}

void Agent::start_shadow() {
  if (refuse_hindered_shadow()) return;
  advance(AttemptTrigger::shadow_begun, {});
  RunShadow run;
  run.job = job_ = next_job();
  for (const auto& change : durable_.attempt.changes) {
    const auto* release = known(change.plane, change.to.manifest);
    run.releases.push_back({change.plane, change.to.manifest, release != nullptr ? release->shadow : std::string()});
  }
  emit(std::move(run));
  start_watch();
  shadow_timer();
}

// Counts like a soak: a device that was off has shadowed nothing meanwhile, and goes on with what is left.
void Agent::shadow_timer() {
  count_watched_time();
  if (refuse_hindered_shadow()) return;
  if (soak_left_ms_ == 0) {
    end_shadow();
    return;
  }
  static_cast<void>(check_due());
}

void Agent::end_shadow() {
  emit(CancelJobs{});
  job_ = 0;
  durable_.attempt.soak_left_s = 0;
  advance(AttemptTrigger::shadow_over, "it has run for its time, and nothing was switched");
  take_pending();
}

}  // namespace muster::edge
