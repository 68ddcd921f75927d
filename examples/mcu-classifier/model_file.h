// Writes model files: the inverse of load_model, for the trainer and the tests. Host only; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "examples/mcu-classifier/classifier.h"

namespace muster::classifier {

struct ModelParts {
  struct Normalisation {
    std::int16_t centre = 0;
    std::int16_t scale = 1;
  };
  struct Layer {
    std::uint8_t shift = 0;
    std::vector<std::int32_t> biases;  // one for each output
    std::vector<std::int8_t> weights;  // one output after the other
  };
  struct Golden {
    Motor motor = Motor::stopped;
    Window window;
  };
  std::array<Normalisation, feature_count> normalisation;
  std::vector<Layer> layers;
  std::vector<Golden> golden;
};

// Writes what it is given, so that tests can write what load_model refuses. REQUIRES: counts that fit their fields.
[[nodiscard]] Bytes write_model(const ModelParts& parts);

}  // namespace muster::classifier
