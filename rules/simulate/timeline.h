// The audit record of a simulated run, short enough to be read: of entries that say the same of one device after the
// other the first few and the last, with how many there were. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rules/engine/effect.h"
#include "rules/simulate/simulation.h"

namespace muster::rules {

class Timeline {
 public:
  static constexpr std::uint32_t like_shown_max = 3;      // of each word about devices
  static constexpr std::uint32_t others_shown_max = 100;  // of each other word

  void add(std::uint64_t at_s, const Audit& audit);
  // In the order of their times. Once.
  [[nodiscard]] std::vector<TimelineEntry> take();

 private:
  struct Rest {
    std::uint32_t seen = 0;
    TimelineEntry last;
  };
  std::vector<TimelineEntry> entries_;
  std::map<std::string, Rest> by_word_;
};

}  // namespace muster::rules
