// What a simulated device does with a rollout in the shadow: it runs the releases beside what is active for the wave's
// soak. Nothing is switched, so a fault harms nobody: it shows in what the shadow measures, or in its early end.
#include <algorithm>
#include <cmath>

#include "rules/simulate/world.h"
#include "schemas/ids.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t ends_early_s = 30;  // one that fails from its start

}  // namespace

// Fetched and staged: the shadow runs from here.
void World::begin_shadow(Number device) {
  auto& it = devices_[device];
  progress_s_ = now_s_;
  it.attempt = AttemptState::shadowing;
  it.previous = static_cast<PlaneBits>(it.previous | it.wanted);  // the files stay for the next attempt
  it.ran = true;
  it.committed_s = it.measured_s = moment(now_s_);
  it.summaries = 0;
  meet_faults(device);
  report(device);
  const auto runs_s = it.fails ? std::min<std::uint64_t>(ends_early_s, it.soak_s) : it.soak_s;
  if (!has_kind(at_work(it), Fault::Kind::sticks)) set_step(device, now_s_ + runs_s);
  plan_later(device);
  if (it.online && observe_s_ != 0) plan_summary(device, now_s_ + observation_s(it));
}

// Its time is over, or it has ended before.
void World::end_shadow(Number device, bool failed) {
  auto& it = devices_[device];
  progress_s_ = now_s_;
  it.attempt = failed ? AttemptState::failed : AttemptState::committed;
  it.committed_s = 0;
  it.health_at_s = 0;
  set_step(device, 0);
  set_later(device, 0);
  report(device);
}

// One of the faults that begin later has begun.
void World::shadow_later(Number device) {
  auto& it = devices_[device];
  it.harmed = true;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if (fault.kind != Fault::Kind::rolls_back || (at_work(it) & 1u << i) == 0) continue;
    it.error = static_cast<std::uint8_t>(fault_error + i);
    return end_shadow(device, true);
  }
  plan_later(device);
}

// What the active version measures, as ever, and beside it the shadow's own under names of its own.
void World::read_shadow(const Measuring::Who& who, Readings& readings) const {
  auto active = who;
  active.faults = 0;
  measuring_.read(active, readings);
  Readings shadow;
  measuring_.read(who, shadow);
  const bool hangs = has_kind(who.faults, Fault::Kind::hangs);  // it runs, and says nothing
  for (std::size_t i = 0; i < reading_count; ++i) {
    const auto reading = static_cast<Reading>(i);
    const auto value = shadow.of(reading);
    if (is_of_the_device(reading))
      readings.set(reading, value);
    else if (!hangs && !std::isnan(value))
      readings.tasks.push_back({std::string(shadow_prefix).append(name_of(reading)), value});
  }
  if (hangs) return;
  for (const auto& task : shadow.tasks) readings.tasks.push_back({std::string(shadow_prefix) + task.name, task.value});
}

}  // namespace muster::rules
