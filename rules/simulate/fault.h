// Something that is wrong with a release, as somebody wants to see it simulated: which devices it hits, and what
// becomes of them. Plain data; made by rules/config/load_faults.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rules/engine/rule.h"
#include "schemas/bytes.h"

namespace muster::rules {

inline constexpr std::size_t faults_max = 16;  // of one simulation

struct Fault {
  enum class Kind : std::uint8_t {
    changes,     // a metric by a factor
    becomes,     // a metric: this number, or of delegate_active this text
    vanishes,    // a metric is not measured any more
    fails,       // the attempt: the device puts itself back before it commits
    hangs,       // never to be heard again
    sticks,      // stays connected, and its attempt never ends
    rolls_back,  // committed, and puts itself back later
  };
  std::string text;            // as written
  Plane plane = Plane::model;  // that the release is for
  Kind kind = Kind::changes;
  std::string metric;                  // of changes, becomes, vanishes
  double number = 0;                   // changes: the factor; becomes: the value
  std::string word;                    // becomes: of delegate_active; fails, rolls_back: the error
  std::uint32_t hits_ppm = 1'000'000;  // of the devices; of fails: of the attempts
  std::uint64_t after_s = 0;           // since the device committed; 0: from when the release is active on it
  Bytes where;                         // only devices for which this condition is true; empty: all

  [[nodiscard]] bool of_metric() const { return kind <= Kind::vanishes; }
};

}  // namespace muster::rules
