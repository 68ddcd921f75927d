#include "examples/mcu-classifier/features.h"

namespace muster::classifier {
namespace {

// Right shifts of negative numbers keep the sign: C++20 says so, and every compiler of C++17 that we use does it.
static_assert((-1 >> 1) == -1, "the compiler shifts negative numbers as C++20 asks");

// 2 cos(2 pi bin / 128) in 2^-24 for the bins 1, 2, 3 and 4 (25 to 100 Hz: turning, and twice that) and 36, 44 and
// 52 (900, 1100 and 1300 Hz: where housings ring).
constexpr std::int32_t band_coefficients[band_count] = {33514014, 33392858,  33191256, 32909693,
                                                        -6546145, -18641844, -27899491};

std::int16_t limited(std::int32_t value) {
  if (value < 0) return 0;
  if (value > feature_max) return feature_max;
  return static_cast<std::int16_t>(value);
}

// The samples about their mean.
void centre(const Window& window, std::int16_t (&samples)[window_samples]) {
  std::int32_t sum = 0;
  for (const auto sample : window.samples) sum += sample;
  const auto mean = sum >> 7;
  static_assert(window_samples == 1U << 7, "the mean is a shift");
  for (unsigned i = 0; i < window_samples; ++i) {
    auto value = window.samples[i] - mean;
    if (value > 32767) value = 32767;
    if (value < -32767) value = -32767;
    samples[i] = static_cast<std::int16_t>(value);
  }
}

// Level and peak of a sequence that is given one number after the other.
struct Level {
  std::uint64_t squares = 0;
  std::uint32_t peak = 0;

  void add(std::int32_t value) {
    const auto size = static_cast<std::uint32_t>(value < 0 ? -value : value);
    if (size > peak) peak = size;
    squares += static_cast<std::uint64_t>(size) * size;
  }
  // Half the logarithm of the sum of squares: that of the rms, but for a constant.
  [[nodiscard]] std::int32_t rms() const { return log2_of(squares) / 2; }
  // How far the peak stands above the rms. The constant makes it positive for a flat line and for noise alike.
  [[nodiscard]] std::int32_t crest() const { return log2_of(peak) - rms() + 7 * 128; }
};

// A coefficient times a state, rounded: cutting off would add half a count of the same sign at each step, which the low
// bands take for signal.
std::int32_t turned(std::int32_t coefficient, std::int32_t state) {
  return static_cast<std::int32_t>((static_cast<std::int64_t>(coefficient) * state + (1 << 23)) >> 24);
}

// Energy at one frequency by Goertzel's recurrence. |state| stays below 128 * 129 / 2 * (32767 + 1) = 2.8e8, whatever
// the coefficient: the recurrence answers an impulse with at most n + 1 after n samples. So it fits 32 bits, and the
// sum of the three squares 63.
std::uint64_t energy_at(const std::int16_t (&samples)[window_samples], std::int32_t coefficient) {
  std::int32_t newer = 0;
  std::int32_t older = 0;
  for (const auto sample : samples) {
    const auto newest = sample + turned(coefficient, newer) - older;
    older = newer;
    newer = newest;
  }
  const auto energy = static_cast<std::int64_t>(newer) * newer + static_cast<std::int64_t>(older) * older -
                      static_cast<std::int64_t>(turned(coefficient, newer)) * older;
  return energy > 0 ? static_cast<std::uint64_t>(energy) : 0;
}

}  // namespace

std::int32_t log2_of(std::uint64_t value) {
  if (value == 0) return 0;
  const auto whole = 63 - __builtin_clzll(value);
  const auto below = value << (63 - whole);  // the highest bit at the top, the fraction behind it
  return whole * 256 + static_cast<std::int32_t>((below >> 55) & 255U);
}

Features features_of(const Window& window) {
  std::int16_t samples[window_samples];
  centre(window, samples);
  Level level;
  Level change;
  std::int32_t crossings = 0;
  for (unsigned i = 0; i < window_samples; ++i) {
    level.add(samples[i]);
    if (i == 0) continue;
    change.add(samples[i] - samples[i - 1]);
    if ((samples[i] < 0) != (samples[i - 1] < 0)) ++crossings;
  }
  Features features;
  auto* value = features.values;
  *value++ = limited(level.rms());
  *value++ = limited(level.crest());
  *value++ = limited(crossings * 64);
  *value++ = limited(change.rms());
  *value++ = limited(change.crest());
  for (const auto coefficient : band_coefficients) *value++ = limited(log2_of(energy_at(samples, coefficient)));
  return features;
}

}  // namespace muster::classifier
