#include "tests/unit/mcu/classifier/trained_models.h"

#include <gtest/gtest.h>

namespace muster::classifier::testing {
namespace {

TrainedModel make(bool bad) {
  TrainingOptions options;
  options.bad = bad;
  TrainedModel made;
  made.trained = train(options);
  made.bytes = write_model(made.trained.parts);
  // A vector keeps its bytes where they are when it is moved.
  EXPECT_EQ(load_model(made.bytes, made.model), model_ok);
  return made;
}

}  // namespace

const TrainedModel& good_model() {
  static const TrainedModel made = make(false);
  return made;
}

const TrainedModel& bad_model() {
  static const TrainedModel made = make(true);
  return made;
}

const std::vector<Example>& held_out() {
  static const auto examples = make_examples(held_out_seed, held_out_windows);
  return examples;
}

}  // namespace muster::classifier::testing
