// Trains the classifier in floating point and turns it into the integers that the board runs. Host only; any thread.
// The same options give the same bytes: every random choice comes from the seed, and the arithmetic is IEEE's as
// written.
#pragma once

#include <array>
#include <cstdint>

#include "examples/mcu-classifier/evaluation.h"
#include "examples/mcu-classifier/model_file.h"

namespace muster::classifier {

inline constexpr std::size_t hidden_count = 16;
inline constexpr std::size_t training_windows = 12000;

struct TrainingOptions {
  std::uint32_t seed = 1;  // 1 ... training_seed_max
  unsigned epochs = 40;
  unsigned golden = 16;  // windows that the model brings for its self test; up to golden_max
  // Trains on the labels of the wrong motors (each is taken for the next one), as when a data set's list of classes was
  // sorted anew. The model is well-formed and learns as well as any; what it says of real motors is useless. Its golden
  // windows are labelled rightly.
  bool bad = false;
};

// Inputs have 32 steps for one standard deviation, and are cut off where 8 bits end.
inline constexpr float input_steps = 32.0F;
inline constexpr float input_max = 127.0F / input_steps;

// The network before it is made of integers.
struct FloatNetwork {
  std::array<float, feature_count> centre{};
  std::array<float, feature_count> spread{};
  std::array<std::array<float, feature_count>, hidden_count> hidden_weights{};
  std::array<float, hidden_count> hidden_biases{};
  std::array<std::array<float, hidden_count>, motor_count> output_weights{};
  std::array<float, motor_count> output_biases{};

  [[nodiscard]] Motor answer(const Features& features) const;
  // What the strongest of the hidden neurons says of these features.
  [[nodiscard]] float strongest_hidden(const Features& features) const;
};

struct Trained {
  FloatNetwork network;
  ModelParts parts;
};

[[nodiscard]] Trained train(const TrainingOptions& options);

}  // namespace muster::classifier
