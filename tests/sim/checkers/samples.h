// What a device sent for one guardrail, and what may or must follow from it, for checkers that judge votes without the
// engine's arithmetic. Means are not computed again: what a mean exceeds, some of its samples do, and what all of them
// exceed, their mean does. Against `control` the drift is not known here, only that it stays within bounds that keep
// clear of what releases do. Values; nothing here knows when a sample was taken.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "rules/engine/readings.h"
#include "rules/engine/rule.h"

namespace muster::sim {

struct Samples {
  std::uint32_t count = 0, missing = 0;
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();
  std::set<std::string> delegates;

  void add(double value) {
    ++count;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  void add(const Samples& more) {
    count += more.count;
    missing += more.missing;
    least = std::min(least, more.least);
    most = std::max(most, more.most);
    delegates.insert(more.delegates.begin(), more.delegates.end());
  }
};

struct Gauge {
  Samples before, reached, done;  // done: since it is, and since the broker started
  Samples undone;                 // of `reached`, while it was not surely done
  // What may have been taken for measured before the update too, of a device that was assigned, was so no more and is
  // again: nobody who only reads along knows from when to when it waited for that.
  Samples maybe_before;
};

// Adds what these readings say for the guardrail, or that they say nothing.
void take_sample(const rules::Guardrail& rule, const rules::Readings& readings, Samples& samples);
// What it compares with is surely there, if it needs anything.
[[nodiscard]] bool can_be_compared(const rules::Guardrail& rule, const Gauge& gauge);
// Some of the samples may have made the device vote against.
[[nodiscard]] bool may_exceed(const rules::Guardrail& rule, const Gauge& gauge);
// Each sample since the device is done exceeds, whatever the engine makes of them.
[[nodiscard]] bool must_exceed(const rules::Guardrail& rule, const Gauge& gauge);

}  // namespace muster::sim
