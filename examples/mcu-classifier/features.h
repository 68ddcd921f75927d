// From a window of vibration to the few numbers that the classifier looks at. Freestanding C++17, integers only; any
// thread. Needs 300 bytes of stack.
#pragma once

#include <cstdint>

#include "examples/mcu-classifier/signal.h"

namespace muster::classifier {

// Which numbers these are and in which order. A model says for which it was trained; any change here is a new number.
inline constexpr std::uint8_t feature_set = 1;

inline constexpr unsigned band_count = 7;
// rms, crest, zero crossings, rms and crest of the differences from sample to sample, then the energies of the bands.
inline constexpr unsigned feature_count = 5 + band_count;
inline constexpr std::int16_t feature_max = 16384;

struct Features {
  // Each within 0 ... feature_max. Levels and energies are logarithms to base 2 in 256ths, because what makes a motor
  // differ are ratios and not differences.
  std::int16_t values[feature_count] = {};
};

[[nodiscard]] Features features_of(const Window& window);

// Logarithm to base 2 in 256ths, linear between the powers of two; 0 for 0.
[[nodiscard]] std::int32_t log2_of(std::uint64_t value);

}  // namespace muster::classifier
