// The generator and the features: the same windows always, nothing outside its range, and each number against a plain
// twin in floating point.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <random>

#include "examples/mcu-classifier/features.h"
#include "tests/support/long_form.h"

namespace muster::classifier {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr std::array<int, band_count> band_bins = {1, 2, 3, 4, 36, 44, 52};

std::vector<double> centred(const Window& window) {
  double mean = 0;
  for (const auto sample : window.samples) mean += sample;
  mean = std::floor(mean / window_samples);
  std::vector<double> values;
  for (const auto sample : window.samples) values.push_back(std::clamp(sample - mean, -32767.0, 32767.0));
  return values;
}

double energy_twin(const std::vector<double>& values, int bin) {
  double real = 0;
  double imaginary = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double angle = 2 * pi * bin * static_cast<double>(i) / window_samples;
    real += values[i] * std::cos(angle);
    imaginary += values[i] * std::sin(angle);
  }
  return real * real + imaginary * imaginary;
}

double rms_twin(const std::vector<double>& values) {
  double squares = 0;
  for (const auto value : values) squares += value * value;
  return std::sqrt(squares);
}

void expect_within_range(const Features& features) {
  for (const auto value : features.values) {
    EXPECT_GE(value, 0);
    EXPECT_LE(value, feature_max);
  }
}

Window filled(int (*sample)(unsigned)) {
  Window window;
  for (unsigned i = 0; i < window_samples; ++i) window.samples[i] = static_cast<std::int16_t>(sample(i));
  return window;
}

TEST(Signal, IsAPureFunctionOfSeedAndIndex) {
  Window first;
  Window again;
  for (std::uint32_t index = 0; index < 50; ++index) {
    const auto motor = make_window(7, index, first);
    Window other;
    make_window(8, index, other);
    make_window(7, index + 1, other);
    EXPECT_EQ(make_window(7, index, again), motor);
    EXPECT_TRUE(std::equal(std::begin(first.samples), std::end(first.samples), std::begin(again.samples)));
    EXPECT_FALSE(std::equal(std::begin(first.samples), std::end(first.samples), std::begin(other.samples)));
  }
}

TEST(Signal, ShowsAllMotorsEquallyOftenAndInNoOrder) {
  constexpr unsigned count = 8000;
  std::array<unsigned, motor_count> seen{};
  unsigned repeated = 0;
  unsigned before = motor_count;
  for (std::uint32_t index = 0; index < count; ++index) {
    Window window;
    const auto motor = static_cast<unsigned>(make_window(1, index, window));
    ASSERT_LT(motor, motor_count);
    ++seen[motor];
    if (motor == before) ++repeated;
    before = motor;
  }
  // Five standard deviations of a fair draw are 194.
  for (const auto times : seen) EXPECT_NEAR(times, count / motor_count, 194);
  EXPECT_NEAR(repeated, count / motor_count, 194);
}

TEST(Features, StayInRangeForWindowsThatNoSensorGives) {
  expect_within_range(features_of(Window{}));
  expect_within_range(features_of(filled([](unsigned) { return -32768; })));
  expect_within_range(features_of(filled([](unsigned) { return 32767; })));
  expect_within_range(features_of(filled([](unsigned i) { return i % 2 == 0 ? 32767 : -32768; })));
  expect_within_range(features_of(filled([](unsigned i) { return i == 0 ? 32767 : -32768; })));
  expect_within_range(features_of(filled([](unsigned i) { return i == 127 ? -32768 : 32767; })));
  // The recurrences grow most where a full-scale square wave keeps step with them.
  for (const auto bin : band_bins) {
    Window window;
    for (unsigned i = 0; i < window_samples; ++i) {
      const bool up = std::sin(2 * pi * (bin * static_cast<double>(i) / window_samples) + 0.1) > 0;
      window.samples[i] = up ? 32767 : -32768;
    }
    expect_within_range(features_of(window));
  }
}

TEST(Features, AgreeWithTheirTwinsInFloatingPoint) {
  const auto seed = testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937 random(static_cast<std::uint32_t>(seed));
  for (int i = 0; i < testing::size_for(400, 20000); ++i) {
    Window window;
    if (i % 2 == 0) {
      make_window(static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(i), window);
    } else {
      for (auto& sample : window.samples) sample = static_cast<std::int16_t>(random() >> 16);
    }
    const auto features = features_of(window);
    expect_within_range(features);
    const auto values = centred(window);
    const auto rms = rms_twin(values);
    // The logarithm is linear between the powers of two: at most 23 of 256 too small, and half of that is cut off
    // again.
    EXPECT_NEAR(features.values[0], 256 * std::log2(rms), 13);
    double peak = 0;
    for (const auto value : values) peak = std::max(peak, std::abs(value));
    EXPECT_NEAR(features.values[1], 256 * std::log2(peak / rms) + 896, 34);
    for (std::size_t band = 0; band < band_count; ++band) {
      const auto energy = energy_twin(values, band_bins[band]);
      // Rounding matters where a band is all but empty: 0.4 % of what the whole window has is enough to compare.
      if (energy < 0.004 * rms * rms * window_samples) continue;
      EXPECT_NEAR(features.values[5 + band], 256 * std::log2(energy), 40) << "bin " << band_bins[band];
    }
  }
}

TEST(Features, LogarithmIsExactAtPowersOfTwoAndNeverFalls) {
  EXPECT_EQ(log2_of(0), 0);
  for (int power = 0; power < 64; ++power) EXPECT_EQ(log2_of(std::uint64_t{1} << power), 256 * power);
  EXPECT_EQ(log2_of(~std::uint64_t{0}), 64 * 256 - 1);
  for (std::uint64_t value = 1; value < 5000; ++value) {
    EXPECT_LE(log2_of(value), log2_of(value + 1));
    EXPECT_NEAR(log2_of(value), 256 * std::log2(static_cast<double>(value)), 23);
  }
}

}  // namespace
}  // namespace muster::classifier
