// What a device's last report means for its place in one rollout. Pure: looks, changes nothing; any thread.
//
// Done: the attempt at the rollout's assignment (or at a newer one that still includes its versions) is committed,
// every plane shows the assigned digest as active, and the device calls itself healthy. A device in safe_mode,
// degraded, recovering or rolled_back is not done, whatever it committed: unknown is never healthy. It blocks its wave
// until it is healthy or its attempt times out. Failed: the attempt ended as rolled_back or failed; or, once done, a
// governed plane runs something else, or the device put itself back. A newer assignment by another rollout counts only
// as far as it takes this rollout's versions away. In a rehearsal the way back is judged as one of an abort, but that
// its end in failure is one; who waits to go back is judged as one that is done. Holding: it waits where the assignment
// says, with nothing swapped or nothing committed, for an operator.
#pragma once

#include <cstdint>
#include <string>

#include "rules/engine/fleet.h"
#include "rules/engine/rollout.h"

namespace muster::rules {

enum class Finding : std::uint8_t { nothing, done, failed, reverted, not_reverted, holding };

struct Judgement {
  Finding finding = Finding::nothing;
  bool rolled_back = false;   // failed, and put itself back
  std::string error, detail;  // failed and not_reverted: the device's code and words, or the engine's
};

// Its newest assignment brings the rollout's releases: another rollout's brings what a device failed at no more.
[[nodiscard]] bool brings_its_releases(const Rollout& rollout, const Device& device);
// It has come as far as a hold lets it, in an attempt that brings this rollout's releases.
[[nodiscard]] bool is_holding(const Member& member, const Device& device);
// It runs the rollout's releases in the shadow now (shadow.cpp).
[[nodiscard]] bool is_shadowing(const Member& member, const Device& device);
// How near it is to its vote on the rollout's guardrails.
[[nodiscard]] Nearness nearness_of(const Member& member, const Device& device);
// It has begun to change what it runs, or to try it: from here on its silence may mean that it hangs.
[[nodiscard]] bool is_in_between(const Member& member, const Device& device);
[[nodiscard]] Judgement judge(const Member& member, const Device& device, const Fleet& fleet);

}  // namespace muster::rules
