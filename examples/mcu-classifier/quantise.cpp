#include "examples/mcu-classifier/quantise.h"

#include <algorithm>
#include <cmath>

namespace muster::classifier {
namespace {

constexpr float scale_unit = 4096.0F;  // what classify_features divides by

template <typename Rows>
float largest_of(const Rows& rows) {
  float largest = 1e-6F;
  for (const auto& row : rows) {
    for (const auto weight : row) largest = std::max(largest, std::abs(weight));
  }
  return largest;
}

// Weights become `factor` times as large; a bias has the unit of weight times input.
template <typename Rows, typename Biases>
ModelParts::Layer layer_of(const Rows& rows, const Biases& biases, float factor, float bias_factor) {
  ModelParts::Layer layer;
  for (const auto& row : rows) {
    for (const auto weight : row) {
      layer.weights.push_back(static_cast<std::int8_t>(std::clamp(std::lround(weight * factor), -127L, 127L)));
    }
  }
  constexpr long limit = bias_max;
  for (const auto bias : biases) {
    layer.biases.push_back(static_cast<std::int32_t>(std::clamp(std::lround(bias * bias_factor), -limit, limit)));
  }
  return layer;
}

// The sum that only one example in a thousand has a neuron exceed: cutting off so few costs less than a bit of all
// others.
float usual_maximum(const FloatNetwork& network, const std::vector<Example>& examples) {
  std::vector<float> maxima;
  for (const auto& example : examples) maxima.push_back(network.strongest_hidden(example.features));
  if (maxima.empty()) return 1.0F;
  const auto place = maxima.begin() + static_cast<std::ptrdiff_t>(maxima.size() - 1 - maxima.size() / 1000);
  std::nth_element(maxima.begin(), place, maxima.end());
  return *place;
}

std::int16_t rounded(float value, float low, float high) {
  return static_cast<std::int16_t>(std::lround(std::clamp(value, low, high)));
}

}  // namespace

ModelParts quantised(const FloatNetwork& network, const std::vector<Example>& examples) {
  ModelParts parts;
  for (std::size_t i = 0; i < feature_count; ++i) {
    parts.normalisation[i].centre = rounded(network.centre[i], 0, feature_max);
    parts.normalisation[i].scale = rounded(input_steps * scale_unit / network.spread[i], 1, 32767);
  }
  const float hidden_factor = 127.0F / largest_of(network.hidden_weights);
  const float hidden_sum_factor = hidden_factor * input_steps;
  auto hidden = layer_of(network.hidden_weights, network.hidden_biases, hidden_factor, hidden_sum_factor);
  const auto maximum = std::lround(usual_maximum(network, examples) * hidden_sum_factor);
  while ((maximum >> hidden.shift) > 127 && hidden.shift < shift_max) ++hidden.shift;
  const float output_factor = 127.0F / largest_of(network.output_weights);
  const float hidden_unit = hidden_sum_factor / static_cast<float>(1U << hidden.shift);
  parts.layers.push_back(std::move(hidden));
  parts.layers.push_back(
      layer_of(network.output_weights, network.output_biases, output_factor, output_factor * hidden_unit));
  return parts;
}

std::vector<ModelParts::Golden> golden_windows(unsigned count) {
  std::vector<ModelParts::Golden> golden;
  for (std::uint32_t index = 0; golden.size() < count; ++index) {
    ModelParts::Golden one;
    one.motor = make_window(golden_seed, index, one.window);
    if (static_cast<std::size_t>(one.motor) == golden.size() % motor_count) golden.push_back(one);
  }
  return golden;
}

}  // namespace muster::classifier
