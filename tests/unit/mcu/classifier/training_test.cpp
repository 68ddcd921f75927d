// What the README claims of the models, measured; and that training is a function of its options.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/classifier/readme.h"
#include "tests/unit/mcu/classifier/trained_models.h"

namespace muster::classifier {
namespace {

using testing::bad_model;
using testing::good_model;
using testing::held_out;
using testing::readme_row;
using testing::TrainedModel;

Confusion in_float(const TrainedModel& made) {
  return confusion_of(held_out(), [&](const Features& features) { return made.trained.network.answer(features); });
}

// Half a per cent: another mathematical library may round an exponential otherwise.
void expect_row(const std::string& label, const std::vector<double>& real) {
  const auto stated = readme_row(label);
  ASSERT_EQ(stated.size(), real.size()) << "the README has no row for " << label;
  for (std::size_t i = 0; i < real.size(); ++i) EXPECT_NEAR(stated[i], real[i], 0.5) << label << ", figure " << i;
}

TEST(Training, ReadmeStatesTheRealAccuracy) {
  const auto good = confusion_of(held_out(), good_model().model);
  const auto bad = confusion_of(held_out(), bad_model().model);
  expect_row("accuracy", {good.accuracy_percent(), bad.accuracy_percent()});
  expect_row("the same before rounding",
             {in_float(good_model()).accuracy_percent(), in_float(bad_model()).accuracy_percent()});
  for (unsigned i = 0; i < motor_count; ++i) {
    const auto motor = static_cast<Motor>(i);
    expect_row("`" + std::string(name_of(motor)) + "` recognised",
               {good.recall_percent(motor), bad.recall_percent(motor)});
  }
  expect_row("self test", {self_test(good_model().model) / 10.0, self_test(bad_model().model) / 10.0});
  EXPECT_EQ(readme_row("model file"), std::vector<double>({static_cast<double>(good_model().bytes.size())}));
}

TEST(Training, GoodModelsAreGoodForAnySeed) {
  for (std::uint32_t seed = 1; seed <= muster::testing::size_for(3U, 20U); ++seed) {
    TrainingOptions options;
    options.seed = seed;
    const auto bytes = write_model(train(options).parts);
    Model model;
    ASSERT_EQ(load_model(bytes, model), model_ok);
    const auto confusion = confusion_of(held_out(), model);
    EXPECT_GE(confusion.accuracy_percent(), 95) << "seed " << seed;
    // Not a task that anything solves.
    EXPECT_LE(confusion.accuracy_percent(), 97) << "seed " << seed;
    for (unsigned i = 0; i < motor_count; ++i) EXPECT_GE(confusion.recall_percent(static_cast<Motor>(i)), 90) << seed;
    EXPECT_GE(self_test(model), 850) << "seed " << seed;
  }
}

TEST(Training, BadModelsAreWellFormedAndUseless) {
  EXPECT_LE(confusion_of(held_out(), bad_model().model).accuracy_percent(), 5);
  EXPECT_LE(self_test(bad_model().model), 100);
  EXPECT_EQ(bad_model().bytes.size(), good_model().bytes.size());
}

TEST(Training, RoundingCostsNearlyNothing) {
  std::size_t same = 0;
  for (const auto& example : held_out()) {
    const auto rounded = classify_features(good_model().model, example.features).motor;
    if (rounded == good_model().trained.network.answer(example.features)) ++same;
  }
  EXPECT_GE(same * 1000, 980 * held_out().size());
  EXPECT_NEAR(confusion_of(held_out(), good_model().model).accuracy_percent(),
              in_float(good_model()).accuracy_percent(), 0.5);
}

TEST(Training, IsAFunctionOfItsOptions) {
  TrainingOptions options;
  options.epochs = 2;
  const auto first = write_model(train(options).parts);
  EXPECT_EQ(write_model(train(options).parts), first);
  options.seed = 2;
  EXPECT_NE(write_model(train(options).parts), first);
}

TEST(Training, GoldenWindowsAreOfAllMotorsAndAsManyAsWanted) {
  TrainingOptions options;
  options.epochs = 1;
  for (const unsigned wanted : {0U, 4U, golden_max}) {
    options.golden = wanted;
    const auto parts = train(options).parts;
    ASSERT_EQ(parts.golden.size(), wanted);
    for (unsigned i = 0; i < wanted; ++i) EXPECT_EQ(parts.golden[i].motor, static_cast<Motor>(i % motor_count));
  }
}

TEST(Training, ConfusionCountsWhatWasAnswered) {
  const std::vector<Example> examples = {
      {{}, Motor::stopped}, {{}, Motor::healthy}, {{}, Motor::healthy}, {{}, Motor::unbalanced}};
  const auto confusion = confusion_of(examples, [](const Features&) { return Motor::healthy; });
  EXPECT_EQ(confusion.windows(), 4U);
  EXPECT_EQ(confusion.right(), 2U);
  EXPECT_EQ(confusion.accuracy_percent(), 50);
  EXPECT_EQ(confusion.recall_percent(Motor::healthy), 100);
  EXPECT_EQ(confusion.recall_percent(Motor::stopped), 0);
  EXPECT_EQ(confusion.recall_percent(Motor::bearing_fault), 0);
  EXPECT_EQ(confusion.counts[2][1], 1U);
  EXPECT_NE(to_text(confusion).find("bearing_fault"), std::string::npos);
}

}  // namespace
}  // namespace muster::classifier
