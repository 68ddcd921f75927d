// The models that the tests look at, trained once a process. Any thread.
#pragma once

#include "examples/mcu-classifier/training.h"

namespace muster::classifier::testing {

struct TrainedModel {
  Trained trained;
  Bytes bytes;
  Model model;  // lies in bytes
};

// With the options that the programs and the README go by.
[[nodiscard]] const TrainedModel& good_model();
[[nodiscard]] const TrainedModel& bad_model();
[[nodiscard]] const std::vector<Example>& held_out();

}  // namespace muster::classifier::testing
