// Chance from a seed: the same seed gives the same numbers on every machine and with every standard library, which is
// why no distribution of <random> is used. One thread.
#pragma once

#include <cstdint>
#include <vector>

namespace muster::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64, by Steele, Lea and Flood.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    return mix(state_);
  }
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  // From low to high, both possible.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool percent(std::uint64_t chance) { return below(100) < chance; }
  bool per_mille(std::uint64_t chance) { return below(1000) < chance; }
  template <typename T>
  const T& pick(const std::vector<T>& list) {
    return list[below(list.size())];
  }
  // A source of its own, so that one more number here changes nothing there.
  Random fork() { return Random(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace muster::sim
