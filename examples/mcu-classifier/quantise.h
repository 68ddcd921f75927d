// Rounds a trained network to the integers that the board runs. Host only; any thread.
#pragma once

#include <vector>

#include "examples/mcu-classifier/training.h"

namespace muster::classifier {

// A model without golden windows. `examples` show how large the hidden layer's sums become.
[[nodiscard]] ModelParts quantised(const FloatNetwork& network, const std::vector<Example>& examples);

// The first windows of a stream of their own, the same number of each motor (but for a rest).
[[nodiscard]] std::vector<ModelParts::Golden> golden_windows(unsigned count);

}  // namespace muster::classifier
