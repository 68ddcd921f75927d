// When a simulated device sends a health summary.
#include <algorithm>
#include <cmath>

#include "rules/simulate/world.h"

namespace muster::rules {

namespace {

// A device that waits for its update says this often what it is like.
constexpr std::uint64_t waiting_every_s = 6 * 3'600;
constexpr double first_earliest = 0.25, first_latest = 0.95;  // of the time for the baseline

}  // namespace

void World::plan_summary(Number device, std::uint64_t at_s) {
  if (at_s > UINT32_MAX) return;
  auto& it = devices_[device];
  it.health_at_s = static_cast<std::uint32_t>(at_s);
  agenda_.add({it.health_at_s, device, Kind::health});
}

void World::plan_first_summary(Number device) {
  auto& it = devices_[device];
  if (!it.target || !it.online) return;
  const auto share = first_earliest + (first_latest - first_earliest) * draws_.share(device, Draws::first_summary);
  plan_summary(device,
               start_s + static_cast<std::uint64_t>(static_cast<double>(simulation_.rule.baseline_window_s) * share));
}

// How long the window of its next summary is: of the first one after the update its own interval, so that a bad state
// shows when it would; then what completes the observation, and from there on each observation whole.
std::uint64_t World::observation_s(const SimulatedDevice& device) const {
  const auto every_s = simulation_.fleet.groups[device.group].behaviour.health_every_s;
  if (device.committed_s == 0) return std::max(every_s, observe_s_);
  if (device.summaries == 0 || every_s >= observe_s_) return every_s;
  // However long an observation is, nobody is silent while it lasts.
  return std::min(device.summaries == 1 ? observe_s_ - every_s : observe_s_, std::max(every_s, silent_s_ / 2));
}

void World::summarise(Number device) {
  auto& it = devices_[device];
  if (!it.online || it.hung) return;  // comes with its return
  FleetIds::Buffer buffer;
  const auto id = ids_.id(device, buffer);
  if (!engine_.wants_health(id)) return;
  const auto every_s = simulation_.fleet.groups[it.group].behaviour.health_every_s;
  const bool before = it.committed_s == 0;
  if (before && it.assigned_epoch != 0) return;  // at work on its update, or back from it
  auto window_s =
      before ? std::max<std::uint64_t>(simulation_.rule.baseline_window_s, every_s) : now_s_ - it.measured_s;
  auto& health = std::get<DeviceHealth>(health_.what);
  health.device = id;
  health.window_start_s = now_s_ - window_s;
  health.window_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(window_s, UINT32_MAX));
  // All summaries of one observation say the same.
  const auto whole_s = std::max(before ? window_s : observe_s_, every_s);
  const auto count = before ? 0 : static_cast<std::uint32_t>(1 + (now_s_ - it.committed_s - 1) / whole_s);
  const Measuring::Who who{device, it.group, at_work(it), count,
                           static_cast<double>(whole_s) / static_cast<double>(every_s)};
  it.attempt == AttemptState::shadowing ? read_shadow(who, health.readings) : measuring_.read(who, health.readings);
  health_.now_s = now_s_;
  it.measured_s = static_cast<std::uint32_t>(now_s_);
  if (!before && it.summaries < UINT16_MAX) ++it.summaries;
  plan_summary(device, now_s_ + (before ? std::max(waiting_every_s, window_s) : observation_s(it)));
  tell(health_);
}

}  // namespace muster::rules
