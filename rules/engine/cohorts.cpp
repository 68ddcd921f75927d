// Who is a target, which wave a device belongs to, and how a wave gets its devices.
#include <algorithm>
#include <cassert>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"
#include "rules/engine/facts.h"

namespace muster::rules {

bool Core::matches(ByteView program, DeviceIndex index) const {
  const DeviceEnvironment environment(fleet_.id(index), fleet_.facts(index));
  return evaluate(program, environment) == Outcome::yes;  // unknown is not a target
}

CohortKey Core::key_of(const Rollout& rollout, DeviceIndex index) const {
  return {bucket_of(rollout.rule.seed, fleet_.id(index)), fleet_.id(index)};
}

// The earliest wave that has opened and has a place for the device.
std::uint8_t Core::wave_of(const Rollout& rollout, DeviceIndex index) const {
  const auto key = key_of(rollout, index);
  for (std::uint8_t wave = 0; wave < rollout.waves.size(); ++wave) {
    if (rollout.waves[wave].state == WaveState::pending) break;
    const Wave& rule = rollout.rule.waves[wave];
    const bool in = rule.is_ring() ? matches(rule.ring, index) : rollout.waves[wave].boundary.includes(key);
    if (in) return wave;
  }
  return no_wave;
}

// A device's facts are new or have changed: it may have become a target here and stopped being one there. All that it
// leaves comes first, because leaving one rollout can make it free for another.
void Core::reconsider(DeviceIndex index) {
  const auto rollouts = claims();
  leave_or_stay(index, rollouts);
  for (auto* rollout : rollouts) join(*rollout, index);
}

void Core::leave_or_stay(DeviceIndex index, const Claims& rollouts) {
  for (auto* rollout : rollouts) {
    const auto member = members_.find(index, *rollout);
    if (member == 0) continue;
    const bool target = is_target(*rollout, index);
    if (!target && !members_[member].reached) {
      leave_unreached(member);
      continue;
    }
    if (!target && members_[member].rehearsed_back()) {
      leave_rehearsal(member);
      continue;
    }
    if (target != members_[member].target) {
      members_.change(member, [&](Member& m) { m.target = target; });
      mark_persist(index);
    }
    review_stop(member);
  }
}

void Core::join(Rollout& rollout, DeviceIndex index) {
  auto member = members_.find(index, rollout);
  if (member == 0 && !is_target(rollout, index)) return;
  if (member != 0 && (members_[member].reached || !members_[member].target)) return;
  const bool had_place = member != 0 && members_[member].wave != no_wave;
  const auto wave = had_place ? members_[member].wave : wave_of(rollout, index);
  const bool frozen = rollout.guards.frozen(fleet_.facts(index));
  if (member == 0) {
    // A place in an open wave goes only to a device that this rollout may have one day; one that a newer rollout has
    // taken is that one's now.
    if (wave != no_wave && claim_on(rollout, index) == Claim::lost) return;
    Member fields;
    fields.target = true;
    fields.wave = wave;
    fields.frozen = frozen;
    fields.stopped = is_stopped(rollout, index);
    member = members_.add(rollout, index, fields);
  } else if (members_[member].wave != wave || members_[member].frozen != frozen) {
    members_.change(member, [&](Member& m) {
      m.wave = wave;
      m.frozen = frozen;
    });
  }
  note_outside_ring(rollout, member);
  if (wave == no_wave) return;
  mark_persist(index);
  const bool assigned = try_assign(member);
  if (had_place) return;  // what it gets later is no new decision
  std::string why = "rollout " + rollout.name() + ": it joined after " + describe_wave(rollout.rule.waves[wave]) +
                    " had opened and belongs to it; that wave now has " +
                    count_text(rollout.tally_of(wave).devices(), "device") + rollout.lines.cite(Clause::wave, wave);
  if (!assigned) {
    const bool held = members_[member].standing == Standing::held_by_other;
    why += members_[member].frozen    ? std::string("; its segment is frozen")
           : members_[member].stopped ? "; its group is stopped: " + rollout.exclusions.stops_sentence()
           : !rollout.assigning()     ? "; it gets nothing while the rollout is " + std::string(name_of(rollout.state))
           : held                     ? std::string("; another rollout holds it")
           : members_[member].window_zone != 0 ? "; " + why_window(members_[member])
           : members_[member].paced            ? "; its turn comes at the rule's pace: " + describe_pace(rollout)
                                               : std::string("; it is kept back by orders");
  }
  turn_.audit("muster", audit::device_joined, fleet_.id(index), std::move(why));
}

// Gives the open wave its devices. REQUIRES: the wave is open and has none.
void Core::fill_wave(Rollout& rollout) {
  const auto wave = static_cast<std::uint8_t>(rollout.wave);
  const bool ring = rollout.rule.waves[wave].is_ring();
  const auto picked = ring ? pick_ring(rollout) : pick_share(rollout);
  if (picked.empty()) return;
  for (const auto member : picked) {
    members_.change(member, [&](Member& m) { m.wave = wave; });
    mark_persist(members_[member].device);
    try_assign(member);
  }
  rollout.persist = true;
}

std::vector<MemberIndex> Core::pick_ring(Rollout& rollout) {
  const ByteView ring(rollout.rule.waves[rollout.wave].ring);
  bool in_earlier = false;
  members_.for_each(rollout, [&](MemberIndex index) {
    const Member& member = members_[index];
    in_earlier = in_earlier || (member.target && member.wave != no_wave && matches(ring, member.device));
  });
  auto picked = members_.sorted(rollout, [&](const Member& member) {
    return member.target && member.wave == no_wave && matches(ring, member.device);
  });
  rollout.waves[rollout.wave].covered = picked.empty() && in_earlier;
  return picked;
}

// Exactly ceil(percent × targets / 100), or as many devices as the wave says, are in afterwards, or all that already
// were: those of earlier waves and rings count, and the rest are taken in the order of their keys.
std::vector<MemberIndex> Core::pick_share(Rollout& rollout) {
  struct Candidate {
    CohortKey key;
    MemberIndex member;
    bool operator<(const Candidate& other) const { return key < other.key; }
  };
  const Wave& rule = rollout.rule.waves[rollout.wave];
  const std::uint64_t targets = rollout.total().targets;
  const std::uint64_t in = targets - rollout.tally_of(no_wave).targets;
  const std::uint64_t wanted = share_of(rule, targets);
  WaveRun& run = rollout.waves[rollout.wave];
  if (rule.percent == 100) run.boundary.kind = Boundary::Kind::all;
  run.covered = targets != 0 && in >= wanted;
  if (wanted <= in) return {};

  std::vector<Candidate> candidates;
  candidates.reserve(targets - in);
  members_.for_each(rollout, [&](MemberIndex index) {
    const Member& member = members_[index];
    if (member.target && member.wave == no_wave) candidates.push_back({key_of(rollout, member.device), index});
  });
  assert(candidates.size() == targets - in);
  const auto count = static_cast<std::ptrdiff_t>(wanted - in);
  std::nth_element(candidates.begin(), candidates.begin() + (count - 1), candidates.end());
  std::sort(candidates.begin(), candidates.begin() + count);
  if (rule.percent != 100) {
    const CohortKey& last = candidates[static_cast<std::size_t>(count - 1)].key;
    run.boundary = {Boundary::Kind::key, last.bucket, std::string(last.id)};
  }
  std::vector<MemberIndex> picked;
  picked.reserve(static_cast<std::size_t>(count));
  for (std::ptrdiff_t i = 0; i < count; ++i) picked.push_back(candidates[static_cast<std::size_t>(i)].member);
  return picked;
}

}  // namespace muster::rules
