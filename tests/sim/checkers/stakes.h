// What the counts of a guardrail prove, computed anew: the two mixtures of rules/verdict by numeric integration over
// the share p, so that the engine's own arithmetic is not what it is checked with. One object a checker; remembers what
// it has computed.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace muster::sim {

class Stakes {
 public:
  struct Pair {
    double fail = 0, pass = 0;  // against "at most `tolerate` exceed", against "at least that"
  };
  [[nodiscard]] const Pair& of(std::uint32_t tolerate_ppm, std::uint32_t voted, std::uint32_t exceeded);

 private:
  std::map<std::pair<std::uint32_t, std::uint64_t>, Pair> known_;
};

}  // namespace muster::sim
