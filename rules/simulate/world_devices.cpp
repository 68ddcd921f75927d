// What a simulated device does with an assignment, and its link.
#include <algorithm>
#include <cmath>

#include "rules/simulate/world.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t going_back_s = 5;     // the earlier slot is still there: a flip and its probes
constexpr std::uint64_t noticed_lost_s = 90;  // one and a half keepalives of a minute
constexpr double spread_low = 0.75, spread_high = 1.25;

std::uint64_t spread(double seconds, double share) {
  return 1 + static_cast<std::uint64_t>(seconds * (spread_low + (spread_high - spread_low) * share));
}

}  // namespace

void World::set_step(Number device, std::uint64_t at_s) {
  auto& it = devices_[device];
  working_ = working_ + (at_s != 0 ? 1 : 0) - (it.step_at_s != 0 ? 1 : 0);
  it.step_at_s = moment(at_s);
  if (at_s != 0) agenda_.add({it.step_at_s, device, Kind::step});
}

void World::set_later(Number device, std::uint64_t at_s) {
  auto& it = devices_[device];
  working_ = working_ + (at_s != 0 ? 1 : 0) - (it.later_at_s != 0 ? 1 : 0);
  it.later_at_s = moment(at_s);
  if (at_s != 0) agenda_.add({it.later_at_s, device, Kind::later});
}

const LinkQuality& World::link_of(const SimulatedDevice& device) const {
  return simulation_.fleet.groups[device.group].behaviour.link;
}

bool World::has_release_of(const SimulatedDevice& device, const Fault& fault) const {
  const auto planes = device.attempt == AttemptState::shadowing ? device.wanted : device.active;
  return (planes & 1u << static_cast<std::size_t>(fault.plane)) != 0;
}

// The faults that show on it now.
FaultBits World::at_work(const SimulatedDevice& device) const {
  FaultBits bits = 0;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if ((device.faults & 1u << i) == 0 || !has_release_of(device, fault)) continue;
    const bool in_time =
        fault.after_s == 0 || (device.committed_s != 0 && now_s_ >= device.committed_s + fault.after_s);
    if (in_time) bits = static_cast<FaultBits>(bits | 1u << i);
  }
  return bits;
}

bool World::has_kind(FaultBits bits, Fault::Kind kind) const {
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    if ((bits & 1u << i) != 0 && simulation_.faults[i].kind == kind) return true;
  }
  return false;
}

// The release begins to run: by what its attempt will end, and whether anything is wrong with it.
void World::meet_faults(Number device) {
  auto& it = devices_[device];
  const auto& behaviour = simulation_.fleet.groups[it.group].behaviour;
  if (draws_.happens(behaviour.update_fails_ppm, device, Draws::failing, it.attempts)) it.error = own_error;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if ((at_work(it) & 1u << i) == 0) continue;
    if (fault.kind == Fault::Kind::fails) {
      const auto purpose = Draws::attempts_hit + static_cast<std::uint32_t>(i);
      if (!draws_.happens(fault.hits_ppm, device, purpose, it.attempts)) continue;
      it.error = static_cast<std::uint8_t>(fault_error + i);
    }
    it.harmed = true;
  }
  it.fails = it.error != 0;
}

bool World::is_under_way(AttemptState attempt) {
  return attempt == AttemptState::fetching || attempt == AttemptState::staged || attempt == AttemptState::soaking ||
         attempt == AttemptState::held || attempt == AttemptState::shadowing;
}

// Its newest assignment is about the same releases as the attempt at work: that goes on, out of its hold perhaps.
// False: a new one is to begin.
bool World::goes_on(Number device) {
  auto& it = devices_[device];
  if (!it.same || !is_under_way(it.attempt)) return false;
  it.same = false;
  it.attempt_epoch = it.assigned_epoch;
  const bool let_go = (it.attempt == AttemptState::staged && it.hold != HoldPoint::before_swap) ||
                      (it.attempt == AttemptState::held && it.hold != HoldPoint::before_commit);
  if (let_go) set_step(device, now_s_ + 1);
  return true;
}

// Whatever it was at.
void World::begin(Number device) {
  auto& it = devices_[device];
  it.attempt_epoch = it.assigned_epoch;
  it.attempt = AttemptState::fetching;
  it.error = 0;
  it.fails = false;
  it.attempts = static_cast<std::uint8_t>(std::min(it.attempts + 1, 255));
  it.fetch_left_s = 0;
  it.committed_s = 0;
  it.health_at_s = 0;
  set_later(device, 0);
  const auto missing = it.wanted & ~it.active;
  if (missing == 0) return activate(device);
  double mb = 0;
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    const bool has_slot = (it.previous & 1 << plane) != 0;  // went back from it, which keeps its files
    if ((missing & 1 << plane) != 0 && !has_slot) mb += simulation_.fleet.release_mb[plane];
  }
  const double fetch_s = mb * kbit_of_mb / std::max(1u, link_of(it).kbit_per_s);
  set_step(device, now_s_ + spread(fetch_s, draws_.share(device, Draws::fetching, it.attempts)));
}

void World::step(Number device) {
  auto& it = devices_[device];
  if (it.attempt == AttemptState::shadowing) return end_shadow(device, it.fails);
  if (it.shadow && it.attempt == AttemptState::fetching) return begin_shadow(device);
  if (it.attempt == AttemptState::fetching || it.attempt == AttemptState::staged)
    return it.hold == HoldPoint::before_swap ? wait_in(device, AttemptState::staged) : activate(device);
  if (it.fails) return put_back(device, it.error);
  it.hold == HoldPoint::before_commit ? wait_in(device, AttemptState::held) : finish(device);
}

void World::wait_in(Number device, AttemptState hold) {
  devices_[device].attempt = hold;
  progress_s_ = now_s_;
  report(device);
}

// The new versions are active from here; what is wrong with them begins.
void World::activate(Number device) {
  auto& it = devices_[device];
  it.previous = it.active;
  it.active = it.wanted;
  it.attempt = AttemptState::soaking;
  const auto added = it.active & ~it.previous;
  const auto& behaviour = simulation_.fleet.groups[it.group].behaviour;
  if (added == 0) return set_step(device, now_s_ + going_back_s + it.soak_s);
  it.ran = true;
  if (observe_s_ != 0) report(device);  // who is lost from here on votes against by its silence
  meet_faults(device);
  const auto faults = at_work(it);
  it.hung = it.hung || has_kind(faults, Fault::Kind::hangs);
  if (it.hung) {
    it.link_at_s = moment(now_s_ + noticed_lost_s);
    return agenda_.add({it.link_at_s, device, Kind::link});
  }
  if (has_kind(faults, Fault::Kind::sticks)) return;
  const auto probed_s = now_s_ + spread(static_cast<double>(behaviour.update_takes_s),
                                        draws_.share(device, Draws::activating, it.attempts));
  set_step(device, it.fails ? probed_s : probed_s + it.soak_s);
}

// Probes and soak have passed.
void World::finish(Number device) {
  auto& it = devices_[device];
  progress_s_ = now_s_;
  it.attempt = AttemptState::committed;
  it.state = DeviceState::healthy;
  if (it.wanted != 0) {
    it.committed_s = static_cast<std::uint32_t>(now_s_);
    it.measured_s = it.committed_s;
    it.summaries = 0;
    plan_later(device);
  }
  report(device);
  if (it.committed_s != 0 && it.online && observe_s_ != 0) plan_summary(device, now_s_ + observation_s(it));
}

void World::put_back(Number device, std::uint8_t error) {
  auto& it = devices_[device];
  progress_s_ = now_s_;
  it.active = it.previous;
  it.attempt = AttemptState::rolled_back;
  it.state = DeviceState::rolled_back;
  it.error = error;
  it.committed_s = 0;
  it.health_at_s = 0;
  report(device);
}

// The next fault that begins some time after the device has committed.
void World::plan_later(Number device) {
  const auto& it = devices_[device];
  std::uint64_t next_s = 0;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if ((it.faults & 1u << i) == 0 || fault.after_s == 0 || !has_release_of(it, fault)) continue;
    const auto at_s = it.committed_s + fault.after_s;
    if (at_s > now_s_ && (next_s == 0 || at_s < next_s)) next_s = at_s;
  }
  if (next_s <= UINT32_MAX) set_later(device, next_s);
}

void World::later(Number device) {
  auto& it = devices_[device];
  if (it.attempt == AttemptState::shadowing) return shadow_later(device);
  it.harmed = true;
  late_fault_s_ = now_s_;
  for (std::size_t i = 0; i < simulation_.faults.size(); ++i) {
    const auto& fault = simulation_.faults[i];
    if ((at_work(it) & 1u << i) == 0 || now_s_ != it.committed_s + fault.after_s) continue;
    if (fault.kind == Fault::Kind::hangs) {
      it.hung = true;
      it.health_at_s = 0;
      it.link_at_s = moment(now_s_ + noticed_lost_s);
      return agenda_.add({it.link_at_s, device, Kind::link});
    }
    if (fault.kind == Fault::Kind::rolls_back) return put_back(device, static_cast<std::uint8_t>(fault_error + i));
  }
  plan_later(device);
}

std::uint64_t World::until_link_changes_s(Number device) {
  auto& it = devices_[device];
  const auto& link = link_of(it);
  const auto away_s = static_cast<double>(link.offline_for_s);
  const double there_s = away_s * (1e6 - link.offline_ppm) / link.offline_ppm;
  if (it.links < UINT16_MAX) ++it.links;
  return draws_.lasting(it.online ? there_s : away_s, device, Draws::link, it.links);
}

void World::change_link(Number device) {
  auto& it = devices_[device];
  it.online = !it.online && !it.hung;
  FleetIds::Buffer buffer;
  const std::string id(ids_.id(device, buffer));
  if (!it.hung) {
    it.link_at_s = moment(now_s_ + until_link_changes_s(device));
    agenda_.add({it.link_at_s, device, Kind::link});
  }
  if (it.online) {
    tell_now(DeviceSeen{id});
    return come_back(device);
  }
  if (it.attempt == AttemptState::fetching && it.step_at_s != 0) {
    it.fetch_left_s = it.step_at_s - static_cast<std::uint32_t>(now_s_) + 1;
    set_step(device, 0);
  }
  tell_now(DeviceLost{id});
}

// It says how things are, reads its assignment and goes on with what the link had interrupted.
void World::come_back(Number device) {
  auto& it = devices_[device];
  report(device);
  if (it.assigned_epoch > it.attempt_epoch && !goes_on(device)) return begin(device);
  if (it.fetch_left_s != 0) {
    set_step(device, now_s_ + it.fetch_left_s);
    it.fetch_left_s = 0;
  }
  if (it.target && observe_s_ != 0 && it.health_at_s == 0 && (it.committed_s != 0 || it.assigned_epoch == 0)) {
    it.measured_s = static_cast<std::uint32_t>(now_s_);
    plan_summary(device, now_s_ + observation_s(it));
  }
}

void World::report(Number device) {
  auto& it = devices_[device];
  if (!it.online) return;  // it says so when it comes back
  auto& report = std::get<DeviceReport>(report_.what);
  const auto& facts = simulation_.fleet.groups[it.group].facts;
  if (!(report.facts == facts)) report.facts = facts;
  FleetIds::Buffer buffer;
  report.device = ids_.id(device, buffer);
  report.boot_id = 1;
  report.seq = ++it.seq;
  report.state = it.state;
  for (std::size_t plane = 0; plane < plane_count; ++plane)
    report.active[plane] = (it.active & 1u << plane) != 0 ? release_[plane] : before_[plane];
  report.attempt_epoch = it.attempt_epoch;
  report.attempt = it.attempt;
  report.attempt_error.clear();
  if (it.error == own_error) report.attempt_error = "probe_failed";
  if (it.error >= fault_error) report.attempt_error = simulation_.faults[it.error - fault_error].word;
  if (it.shadow && it.error != 0) report.attempt_error = "shadow_failed";
  report_.now_s = now_s_;
  tell(report_);
}

}  // namespace muster::rules
