// The devices of one guardrail that are judged together: those with the same values of the attributes in its `by`.
// Pure; owned by the engine; plans of rule files name and share in the same way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/engine/event.h"
#include "rules/engine/facts.h"
#include "rules/engine/guardrail.h"
#include "rules/engine/watch.h"
#include "rules/verdict/sequential_test.h"

namespace muster::rules {

// Of the votes against, those that are not of something measured.
struct Unmeasured {
  std::uint32_t vanished = 0, silent = 0;
  friend bool operator==(const Unmeasured&, const Unmeasured&) = default;
};

struct Segment {
  Segment(std::string segment_name, const SequentialTest& segment_test)
      : name(std::move(segment_name)), test(segment_test) {}
  std::string name;  // "class=rk3566 region=eu"; empty: all targets
  SequentialTest test;
  RunningTest run;
  Unmeasured unmeasured;      // among its votes
  std::uint32_t devices = 0;  // that were assigned the rollout and have voted or may yet
  Outstanding outstanding;    // the part of `devices` whose vote is waited for
  // The part of `devices` that has voted and was told to go back since: their votes count, but they give no more.
  std::uint32_t gone = 0, departed_gone = 0;
  Votes departed;  // the part of the votes whose devices a newer rollout has taken since
  Unmeasured departed_unmeasured;
  std::uint32_t departed_devices = 0;
  bool acted = false;         // what a fail asks for has been done
  bool acknowledged = false;  // an operator has accepted a fail; votes count from zero since
  bool frozen = false;        // nobody in it is assigned any more
  bool passed = false;        // its pass has been written to the audit record
};

void add(Unmeasured& counts, Vote vote);

// Which segment a device with these facts is in; "?" stands for a fact that it did not report.
[[nodiscard]] std::string segment_name(const std::vector<SegmentKey>& by, const FactsView& facts);
[[nodiscard]] std::string segment_name(const std::vector<SegmentKey>& by, const DeviceFacts& facts);

// Into how many parts the error rate is divided for the segment with this number, of a guardrail with `by`: those known
// at the start (`planned`) have one part each, and those that come later share the one that is left, each half of what
// is left of it. However many come, the sum stays within the whole.
[[nodiscard]] std::uint32_t error_parts(std::uint32_t planned, std::uint32_t number);

}  // namespace muster::rules
