// Whether the waves of a rule are large enough for its guardrails' verdicts, said before anything starts: which waves
// will stand still, or be left to a person or to a timeout, although nothing is wrong. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/engine/rule.h"
#include "rules/simulate/plan_waves.h"

namespace muster::rules {

// One wave that ends without the verdict of a guardrail on a segment even when no device exceeds and all vote.
struct OutOfReach {
  std::size_t wave = 0, guardrail = 0;  // index in the rule
  std::string segment;                  // "class=rk3566 region=eu"; empty: all targets together
  std::uint32_t segments = 1;           // that share the guardrail's error
  std::uint32_t devices = 0;            // the most that can have voted by then: waves add up
  std::uint32_t targets = 0;            // of the segment
  std::optional<std::uint32_t> needed;  // votes for a pass; none: more than any fleet has
  // By a larger wave: the segment has devices enough.
  [[nodiscard]] bool can_be_reached() const { return needed && targets >= *needed; }
};

// By wave, then guardrail, then segment. A segment counts from the first wave that can be expected to reach it, with at
// least one device. REQUIRES: each group has its number for each wave.
[[nodiscard]] std::vector<OutOfReach> verdicts_out_of_reach(const Rule& rule, const std::vector<PlannedGroup>& groups);

// How large a wave has to be, beside the waves before it, for all the verdicts that the targets are enough for.
struct LargeEnough {
  std::uint32_t percent = 0;  // of a wave that is a share; 0: a number of devices, also in place of a ring
  std::uint64_t devices = 0;  // that it then reaches together with the waves before it
};

// The smallest that would do; nothing when not even all targets would. REQUIRES: the rule has that wave.
[[nodiscard]] std::optional<LargeEnough> large_enough(const Rule& rule, const DescribedFleet& fleet, std::size_t wave);

// "wave canary reaches 8 devices; a pass of guardrail latency at 99 % with tolerate 5 % needs 100: it will hold; …"
[[nodiscard]] std::string sentence_of(const OutOfReach& found, const Rule& rule);
// The same for all of them, in as few sentences as say it: segments and guardrails of one wave of which the same is to
// be said stand in one. `found` is as verdicts_out_of_reach gives it.
[[nodiscard]] std::vector<std::string> sentences_of(const std::vector<OutOfReach>& found, const Rule& rule);
// "wave canary would be large enough with percent: 11 (105 devices)"
[[nodiscard]] std::string sentence_of(const LargeEnough& size, const Wave& wave);

}  // namespace muster::rules
