#include "rules/engine/core.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace muster::rules {

void Core::step(const Event& event, std::vector<Effect>& effects) {
  assert(event.now_s >= turn_.now_s);
  turn_.now_s = std::max(turn_.now_s, event.now_s);
  if (!started_) start();
  turn_.of_device = std::holds_alternative<DeviceReport>(event.what) ||
                    std::holds_alternative<DeviceHealth>(event.what) ||
                    std::holds_alternative<DeviceSeen>(event.what) || std::holds_alternative<DeviceLost>(event.what);
  std::visit([this](const auto& what) { on(what); }, event.what);
  settle_all();
  while (!turn_.freed.empty()) {  // by what time, an order or a halt has ended
    offer_freed();
    settle_all();
  }
  flush(effects);
}

// After a restart the deadlines of devices at work count from the first event: before it nothing is known of their
// links.
void Core::start() {
  started_ = true;
  started_s_ = turn_.now_s;
  for (const auto& [number, rollout] : rollouts_) {
    if (rollout->guards.any()) members_.touch(*rollout);  // time alone may have something for it to do, and says when
    count_last_minute(*rollout);
    line_up_retries(*rollout);
    members_.for_each(*rollout, [this](MemberIndex member) {
      auto& guards = members_[member].rollout->guards;
      const auto watch = members_[member].watch;
      // Silence counts from here: before it nothing is known.
      if (watch != 0) guards.watches[watch].heard_s = static_cast<std::uint32_t>(started_s_);
      arm(member);
    });
  }
}

// Settling one rollout can touch others: its end frees devices that another one waits for.
void Core::settle_all() {
  while (members_.take_touched()) {
    to_refresh_ = true;
    for (auto& [number, rollout] : rollouts_) {
      if (std::exchange(rollout->unsettled, false)) settle(*rollout);
    }
  }
}

void Core::flush(std::vector<Effect>& effects) {
  // Growing by doubling would move a hundred thousand records of a wave again and again.
  const auto many = turn_.persist.size() + turn_.assign.size() + turn_.audits.size();
  note_superseded();
  if (many > 64) effects.reserve(effects.size() + many + 64);
  flush_records(effects);
  for (auto& audit : turn_.audits) effects.emplace_back(std::move(audit));
  for (const auto& scope : turn_.scopes) effects.emplace_back(orders_.directive(scope));
  for (const auto index : turn_.assign) {
    fleet_[index].assign = false;
    effects.emplace_back(assignment_of(index));
  }
  if (std::exchange(to_refresh_, false)) {
    for (auto& [number, rollout] : rollouts_) {
      if (!std::exchange(rollout->changed, false)) continue;
      if (refresh_status(*rollout)) effects.emplace_back(RolloutStatusChanged{rollout->name()});
    }
  }
  for (auto& reply : turn_.replies) effects.emplace_back(std::move(reply));
  for (auto& note : turn_.notes) effects.emplace_back(std::move(note));
  const auto now_s = turn_.now_s;
  turn_ = Turn();
  turn_.now_s = now_s;
}

void Core::flush_records(std::vector<Effect>& effects) {
  if (turn_.engine) effects.emplace_back(Persist{"engine", engine_record()});
  for (const auto& key : turn_.forgotten) effects.emplace_back(Persist{key, std::nullopt});
  for (auto& [number, rollout] : rollouts_) {
    if (!to_refresh_) break;  // no rollout was touched
    if (rollout->persist_rule) effects.emplace_back(Persist{"rollout_rule/" + rollout->name(), rule_record(*rollout)});
    if (rollout->persist) effects.emplace_back(Persist{"rollout/" + rollout->name(), rollout_record(*rollout)});
    rollout->persist = rollout->persist_rule = false;
  }
  for (const auto& scope : turn_.scopes) {
    ByteWriter body;
    orders_.encode(scope, body);
    const auto key = "scope/" + scope;
    effects.emplace_back(Persist{key, seal_record(key, body.bytes())});
  }
  flush_overrides(effects);
  for (const auto index : turn_.persist) {
    fleet_[index].persist = false;
    effects.emplace_back(Persist{std::string("device/").append(fleet_.id(index)), device_record(index)});
  }
}

Rollout* Core::by_number(std::uint32_t number) const {
  const auto found = rollouts_.find(number);
  return found == rollouts_.end() ? nullptr : found->second.get();
}

Core::Claims Core::claims() const {
  Claims found;
  for (auto each = rollouts_.rbegin(); each != rollouts_.rend(); ++each) {
    if (each->second->serving()) found.push_back(each->second.get());
  }
  const auto ended =
      std::stable_partition(found.begin(), found.end(), [](const Rollout* rollout) { return rollout->active(); });
  std::stable_sort(found.begin(), ended,
                   [](const Rollout* a, const Rollout* b) { return a->rule.priority > b->rule.priority; });
  return found;
}

void Core::mark_persist(DeviceIndex index) {
  if (fleet_[index].persist) return;
  fleet_[index].persist = true;
  turn_.persist.push_back(index);
}

void Core::mark_assign(DeviceIndex index) {
  if (fleet_[index].assign) return;
  fleet_[index].assign = true;
  turn_.assign.push_back(index);
}

Assign Core::assignment_of(DeviceIndex index) const {
  const Device& device = fleet_[index];
  Assign assign;
  assign.device = fleet_.id(index);
  assign.epoch = device.assigned_epoch;
  assign.soak_s = device.soak_s;
  assign.hold = device.hold;
  if (const auto* cause = by_number(device.cause); cause != nullptr) {
    assign.rollout = cause->name();
    for (const auto& release : cause->releases) {
      if (device.shadow) assign.shadow.emplace_back(release.plane, release.manifest);
    }
  }
  for (std::size_t place = 0; place < plane_count; ++place) {
    const auto plane = plane_at(device.sequence, place);
    if (device.assigned[plane] == 0) continue;
    assign.releases.emplace_back(static_cast<Plane>(plane), fleet_.digest(device.assigned[plane]));
  }
  return assign;
}

std::vector<std::string> Core::rollouts() const {
  std::vector<std::string> names;
  for (const auto& [number, rollout] : rollouts_) names.push_back(rollout->name());
  return names;
}

Rollout* Core::find_rollout(std::string_view name) const {
  for (const auto& [number, rollout] : rollouts_) {
    if (rollout->name() == name) return rollout.get();
  }
  return nullptr;
}

const Rollout* Core::rollout(std::string_view name) const {
  return find_rollout(name);
}

std::vector<std::string> Core::devices() const {
  std::vector<std::string> ids;
  fleet_.for_each([&](DeviceIndex index) { ids.emplace_back(fleet_.id(index)); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

void Core::republish(std::vector<Effect>& effects) const {
  for (const auto& [name, scope] : orders_.scopes()) effects.emplace_back(orders_.directive(name));
  std::vector<DeviceIndex> assigned;
  fleet_.for_each([&](DeviceIndex index) {
    if (fleet_[index].assigned_epoch != 0) assigned.push_back(index);
  });
  std::sort(assigned.begin(), assigned.end(),
            [this](DeviceIndex a, DeviceIndex b) { return fleet_.id(a) < fleet_.id(b); });
  for (const auto index : assigned) effects.emplace_back(assignment_of(index));
}

std::string Core::check() const {
  for (const auto& [number, rollout] : rollouts_) {
    if (auto difference = members_.recount(*rollout); !difference.empty()) return difference;
  }
  return {};
}

}  // namespace muster::rules
