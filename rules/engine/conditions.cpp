// Devices whose attempts wait for what their releases ask of them: a battery that is full enough, a link that costs
// nothing. They judge that themselves; here they are at work, take nobody's place and run out of no time.
#include "rules/engine/core.h"

namespace muster::rules {

namespace {

// The newest assignment of the device is about what this rollout would have it run, or have in the shadow.
bool brings(const Rollout& rollout, const Member& member, const Device& device) {
  return rollout.rule.shadow ? member.epoch == device.assigned_epoch : brings_its_releases(rollout, device);
}

}  // namespace

// The device itself ends the wait, so that it has no time to keep to; what it waited is none of the time that an
// attempt may take.
void Core::note_conditions(MemberIndex index) {
  const Member& member = members_[index];
  const Device& device = fleet_[member.device];
  const bool waits = device.waits && device.attempt_epoch == device.assigned_epoch &&
                     member.standing == Standing::assigned && brings(*member.rollout, member, device);
  if (waits == member.unmet) return;
  members_.change(index, [&](Member& m) {
    m.unmet = waits;
    if (!waits && m.standing == Standing::assigned) m.assigned_s = turn_.now_s;
  });
  mark_persist(member.device);
  arm(index);
}

// Devices that wait for what their release asks of them: how many, and for what the first of them does. Empty when none
// is left but in the counts, because a newer rollout has taken them.
std::string Core::unmet_sentence(const Rollout& rollout) const {
  const auto waits = [&](const Member& member) {
    return member.wave == rollout.wave && member.unmet && member.standing == Standing::assigned;
  };
  const auto named = members_.named(rollout, Members::names_shown_max, waits);
  if (named.count == 0) return {};
  const auto& device = fleet_[fleet_.find(named.ids.front())];
  return count_text(named.count, "device") + " of " + describe_wave(rollout.rule.waves[rollout.wave]) +
         (named.count == 1 ? " waits" : " wait") + " for what the release asks of them (" + join_names(named) +
         "): " + std::string(named.ids.front()) + " " + std::string(fleet_.text(device.detail));
}

}  // namespace muster::rules
