// Rollouts that switch nothing: devices run the releases in the shadow of the active ones for a while, and what the
// shadow measures is judged against what the active version measured before.
#include <algorithm>
#include <array>

#include "rules/engine/core.h"
#include "schemas/ids.h"

namespace muster::rules {

namespace {

constexpr std::array of_the_device = {Reading::thermal, Reading::temperature_c, Reading::cpu_percent,
                                      Reading::disk_free_mb};

}  // namespace

bool is_of_the_device(Reading reading) {
  return std::find(of_the_device.begin(), of_the_device.end(), reading) != of_the_device.end();
}

bool is_shadowing(const Member& member, const Device& device) {
  return member.rollout->rule.shadow && member.reached && !member.gone() && member.standing == Standing::assigned &&
         device.attempt_epoch == member.epoch && device.attempt == AttemptState::shadowing;
}

Readings shadow_readings(const Readings& readings) {
  Readings shadow;
  for (const auto reading : of_the_device) shadow.set(reading, readings.of(reading));
  for (const auto& task : readings.tasks) {
    const std::string_view name = task.name;
    if (name.substr(0, shadow_prefix.size()) != shadow_prefix) continue;
    const auto own = name.substr(shadow_prefix.size());
    if (const auto reading = reading_from(own)) {
      shadow.set(*reading, task.value);
    } else {
      shadow.tasks.push_back({std::string(own), task.value});
    }
  }
  return shadow;
}

// A shadow needs a device that runs what it is assigned, and the next assignment ends it: while a device is at work for
// one rollout, and one of the two is a shadow, the other waits, unless it has the higher priority, on whatever plane.
// What has completed holds up only what has too: who joined it late begins anew after a rollout that is at work.
// What would be held waits for a device that goes back, or it would hold that up.
const Rollout* Core::at_work_beside(const Rollout& rollout, DeviceIndex index) const {
  const auto own = members_.find(index, rollout);
  const auto wave = own == 0 ? no_wave : members_[own].wave;
  const bool holds =
      wave != no_wave && rollout.rule.waves[wave].hold != HoldPoint::none && !rollout.waves[wave].released;
  for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    const Rollout& other = *member.rollout;
    const bool goes_back = member.withdrawn || member.rehearsal == Rehearsal::back;
    const bool in_its_way = rollout.rule.shadow || other.rule.shadow || (holds && goes_back);
    if (&other == &rollout || !in_its_way || outranks(rollout, other)) continue;
    if (other.rule.shadow && rollout.rule.priority > other.rule.priority) continue;
    const bool both_completed = !rollout.active() && other.serving();
    if (in_flight(member) && (other.active() || member.withdrawn || both_completed)) return &other;
  }
  return nullptr;
}

// The device's newest assignment, another shadow's too, has ended the shadows that it was at: they begin anew when it
// has time again. `cause`: the rollout (its number) whose assignment that is; its own is not ended.
void Core::end_shadows(DeviceIndex index, std::uint32_t cause) {
  for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
    const Member& member = members_[each];
    if (!member.rollout->rule.shadow || member.rollout->number == cause || member.gone() || !in_flight(member))
      continue;
    begin_anew(each);
    members_.change(each, [](Member& m) { m.standing = Standing::held_by_other; });
  }
}

// It has an end of an attempt: another rollout may have waited for that.
void Core::offer_to_others(DeviceIndex index) {
  for (auto each = fleet_[index].first_member; each != 0; each = members_[each].next_of_device) {
    if (members_[each].standing != Standing::held_by_other) continue;
    turn_.freed.push_back(index);
    return;
  }
}

// What was measured before the shadow ran speaks of the active version alone.
void Core::note_shadowing(MemberIndex index) {
  const Member& member = members_[index];
  if (member.measured_from_s != not_yet_measured || !is_shadowing(member, fleet_[member.device])) return;
  members_.set_measured_from(index, turn_.device_clock_s != 0 ? turn_.device_clock_s : turn_.now_s);
  mark_persist(member.device);
}

}  // namespace muster::rules
