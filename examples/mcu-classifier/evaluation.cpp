#include "examples/mcu-classifier/evaluation.h"

#include <cstdio>

namespace muster::classifier {

std::vector<Example> make_examples(std::uint32_t seed, std::size_t count) {
  std::vector<Example> examples(count);
  Window window;
  for (std::size_t i = 0; i < count; ++i) {
    examples[i].motor = make_window(seed, static_cast<std::uint32_t>(i), window);
    examples[i].features = features_of(window);
  }
  return examples;
}

std::uint32_t Confusion::windows() const {
  std::uint32_t sum = 0;
  for (const auto& row : counts) {
    for (const auto count : row) sum += count;
  }
  return sum;
}

std::uint32_t Confusion::right() const {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < motor_count; ++i) sum += counts[i][i];
  return sum;
}

double Confusion::accuracy_percent() const {
  return windows() == 0 ? 0 : 100.0 * right() / windows();
}

double Confusion::recall_percent(Motor motor) const {
  const auto& row = counts[static_cast<std::size_t>(motor)];
  std::uint32_t sum = 0;
  for (const auto count : row) sum += count;
  return sum == 0 ? 0 : 100.0 * row[static_cast<std::size_t>(motor)] / sum;
}

Confusion confusion_of(const std::vector<Example>& examples, const std::function<Motor(const Features&)>& answer) {
  Confusion confusion;
  for (const auto& example : examples) {
    ++confusion.counts[static_cast<std::size_t>(example.motor)][static_cast<std::size_t>(answer(example.features))];
  }
  return confusion;
}

Confusion confusion_of(const std::vector<Example>& examples, const Model& model) {
  return confusion_of(examples, [&](const Features& features) { return classify_features(model, features).motor; });
}

std::string to_text(const Confusion& confusion) {
  std::string text = "it was \\ answered";
  char cell[32];
  for (unsigned i = 0; i < motor_count; ++i) {
    std::snprintf(cell, sizeof cell, "%14s", name_of(static_cast<Motor>(i)));
    text += cell;
  }
  text += "\n";
  for (unsigned was = 0; was < motor_count; ++was) {
    std::snprintf(cell, sizeof cell, "%-17s", name_of(static_cast<Motor>(was)));
    text += cell;
    for (const auto count : confusion.counts[was]) {
      std::snprintf(cell, sizeof cell, "%14u", count);
      text += cell;
    }
    text += "\n";
  }
  return text;
}

}  // namespace muster::classifier
