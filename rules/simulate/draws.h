// Chance without a state: what is drawn depends on the seed, the device, what it is drawn for and a count, and not on
// when it is drawn or on what was drawn before. So a change of a rule does not change the world that it is tried in.
// The same bits on every machine. Any thread.
#pragma once

#include <cmath>
#include <cstdint>

namespace muster::rules {

class Draws {
 public:
  // What a draw is for; each metric and each fault has places of its own after the last of these.
  enum Purpose : std::uint32_t {
    first_link,
    link,
    fetching,
    activating,
    failing,
    first_summary,
    faults = 100,
    attempts_hit = 200,
    levels = 1'000,
    noises = 2'000,
  };

  explicit Draws(std::uint64_t seed) : seed_(mixed(seed + golden)) {}

  // From 0 up to, but not, 1.
  [[nodiscard]] double share(std::uint32_t device, std::uint32_t purpose, std::uint64_t count = 0) const {
    return static_cast<double>(bits(device, purpose, count) >> 11) * 0x1p-53;
  }
  [[nodiscard]] bool happens(std::uint32_t ppm, std::uint32_t device, std::uint32_t purpose,
                             std::uint64_t count = 0) const {
    return share(device, purpose, count) * 1e6 < ppm;
  }
  // Around 0 with the standard deviation 1, as the sum of eight even draws: all of it within ±4.9.
  [[nodiscard]] double normal(std::uint32_t device, std::uint32_t purpose, std::uint64_t count = 0) const {
    const auto one = bits(device, purpose, 2 * count), other = bits(device, purpose, 2 * count + 1);
    double sum = 0;
    for (int shift = 0; shift < 64; shift += 16)
      sum += static_cast<double>(one >> shift & 0xffff) + static_cast<double>(other >> shift & 0xffff);
    return (sum / 65'536 - 4 + 8.0 / 131'072) * 1.224744871391589;  // the square root of 12/8
  }
  // How long something takes that ends as likely in each moment, at least 1.
  [[nodiscard]] std::uint64_t lasting(double mean_s, std::uint32_t device, std::uint32_t purpose,
                                      std::uint64_t count) const {
    return 1 + static_cast<std::uint64_t>(-mean_s * std::log(1 - share(device, purpose, count)));
  }

 private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;

  // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
  static std::uint64_t mixed(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }
  [[nodiscard]] std::uint64_t bits(std::uint32_t device, std::uint32_t purpose, std::uint64_t count) const {
    return mixed(mixed(seed_ + golden * ((std::uint64_t{purpose} << 32) | device)) + golden * (count + 1));
  }

  std::uint64_t seed_;
};

}  // namespace muster::rules
