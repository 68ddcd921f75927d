// Labelled windows in bulk, and how well a model does on those that no training has seen. Host only; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "examples/mcu-classifier/classifier.h"

namespace muster::classifier {

// The seeds of the generator are shared out by their upper half: no choice of --seed trains on what is held out.
inline constexpr std::uint32_t held_out_seed = 0x80000001U;
inline constexpr std::uint32_t golden_seed = 0xC0000001U;
inline constexpr std::uint32_t training_seed_max = 0x7FFFFFFFU;
inline constexpr std::size_t held_out_windows = 8000;

struct Example {
  Features features;
  Motor motor = Motor::stopped;
};

[[nodiscard]] std::vector<Example> make_examples(std::uint32_t seed, std::size_t count);

// Which answers were given to which motors.
struct Confusion {
  std::array<std::array<std::uint32_t, motor_count>, motor_count> counts{};  // [what it was][what was answered]

  [[nodiscard]] std::uint32_t windows() const;
  [[nodiscard]] std::uint32_t right() const;
  [[nodiscard]] double accuracy_percent() const;
  // Of the windows of this motor, how many were recognised.
  [[nodiscard]] double recall_percent(Motor motor) const;
};

[[nodiscard]] Confusion confusion_of(const std::vector<Example>& examples,
                                     const std::function<Motor(const Features&)>& answer);
[[nodiscard]] Confusion confusion_of(const std::vector<Example>& examples, const Model& model);

// The matrix as a table for people.
[[nodiscard]] std::string to_text(const Confusion& confusion);

}  // namespace muster::classifier
