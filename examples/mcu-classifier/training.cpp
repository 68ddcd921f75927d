#include "examples/mcu-classifier/training.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "examples/mcu-classifier/quantise.h"

namespace muster::classifier {
namespace {

using Inputs = std::array<float, feature_count>;
using Hidden = std::array<float, hidden_count>;
using Scores = std::array<float, motor_count>;

Inputs inputs_of(const FloatNetwork& network, const Features& features) {
  Inputs inputs{};
  for (std::size_t i = 0; i < feature_count; ++i) {
    const float distance = (static_cast<float>(features.values[i]) - network.centre[i]) / network.spread[i];
    inputs[i] = std::clamp(distance, -input_max, input_max);
  }
  return inputs;
}

Hidden hidden_of(const FloatNetwork& network, const Inputs& inputs) {
  Hidden hidden{};
  for (std::size_t to = 0; to < hidden_count; ++to) {
    float sum = network.hidden_biases[to];
    for (std::size_t from = 0; from < feature_count; ++from) sum += network.hidden_weights[to][from] * inputs[from];
    hidden[to] = std::max(sum, 0.0F);
  }
  return hidden;
}

Scores scores_of(const FloatNetwork& network, const Hidden& hidden) {
  Scores scores{};
  for (std::size_t to = 0; to < motor_count; ++to) {
    scores[to] = network.output_biases[to];
    for (std::size_t from = 0; from < hidden_count; ++from)
      scores[to] += network.output_weights[to][from] * hidden[from];
  }
  return scores;
}

void normalise(FloatNetwork& network, const std::vector<Example>& examples) {
  for (std::size_t i = 0; i < feature_count; ++i) {
    double sum = 0;
    double squares = 0;
    for (const auto& example : examples) {
      const double value = example.features.values[i];
      sum += value;
      squares += value * value;
    }
    const auto count = static_cast<double>(examples.size());
    const double mean = sum / count;
    network.centre[i] = static_cast<float>(mean);
    network.spread[i] = static_cast<float>(std::sqrt(std::max(squares / count - mean * mean, 64.0)));
  }
}

// Uniform in -1 ... 1 of 24 bits: std::uniform_real_distribution may differ from library to library.
float uniform(std::mt19937& random) {
  return static_cast<float>(random() >> 8) / 8388608.0F - 1.0F;
}

void begin(FloatNetwork& network, std::mt19937& random) {
  const float hidden_range = std::sqrt(6.0F / static_cast<float>(feature_count));
  const float output_range = std::sqrt(6.0F / static_cast<float>(hidden_count));
  for (auto& row : network.hidden_weights) {
    for (auto& weight : row) weight = hidden_range * uniform(random);
  }
  for (auto& row : network.output_weights) {
    for (auto& weight : row) weight = output_range * uniform(random);
  }
}

// What the loss asks of each score: probability minus truth (softmax with cross entropy).
Scores slopes_of(const Scores& scores, Motor truth) {
  const float top = *std::max_element(scores.begin(), scores.end());
  Scores slopes{};
  float sum = 0;
  for (std::size_t i = 0; i < motor_count; ++i) {
    slopes[i] = std::exp(scores[i] - top);
    sum += slopes[i];
  }
  for (auto& slope : slopes) slope /= sum;
  slopes[static_cast<std::size_t>(truth)] -= 1.0F;
  return slopes;
}

// Adds one example's gradient to `sum`, whose centre and spread nobody uses.
void add_gradient(const FloatNetwork& network, const Inputs& inputs, Motor truth, FloatNetwork& sum) {
  const auto hidden = hidden_of(network, inputs);
  const auto slopes = slopes_of(scores_of(network, hidden), truth);
  Hidden back{};
  for (std::size_t to = 0; to < motor_count; ++to) {
    sum.output_biases[to] += slopes[to];
    for (std::size_t from = 0; from < hidden_count; ++from) {
      sum.output_weights[to][from] += slopes[to] * hidden[from];
      back[from] += slopes[to] * network.output_weights[to][from];
    }
  }
  for (std::size_t to = 0; to < hidden_count; ++to) {
    if (hidden[to] <= 0) continue;
    sum.hidden_biases[to] += back[to];
    for (std::size_t from = 0; from < feature_count; ++from) sum.hidden_weights[to][from] += back[to] * inputs[from];
  }
}

// Gradient descent with momentum. Weights shrink a little at each step: large ones would cost the small ones their bits
// when all are rounded to 8.
struct Descent {
  float rate = 0;
  float momentum = 0.9F;
  float shrinking = 1e-4F;

  void step(float& value, float& speed, float gradient) const {
    speed = momentum * speed - rate * (gradient + shrinking * value);
    value += speed;
  }
  void step(FloatNetwork& network, FloatNetwork& speed, const FloatNetwork& gradient, float share) const {
    for (std::size_t to = 0; to < hidden_count; ++to) {
      step(network.hidden_biases[to], speed.hidden_biases[to], gradient.hidden_biases[to] * share);
      for (std::size_t i = 0; i < feature_count; ++i) {
        step(network.hidden_weights[to][i], speed.hidden_weights[to][i], gradient.hidden_weights[to][i] * share);
      }
    }
    for (std::size_t to = 0; to < motor_count; ++to) {
      step(network.output_biases[to], speed.output_biases[to], gradient.output_biases[to] * share);
      for (std::size_t i = 0; i < hidden_count; ++i) {
        step(network.output_weights[to][i], speed.output_weights[to][i], gradient.output_weights[to][i] * share);
      }
    }
  }
};

void shuffle(std::vector<std::size_t>& order, std::mt19937& random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
}

FloatNetwork descend(const std::vector<Example>& examples, const TrainingOptions& options) {
  constexpr std::size_t batch = 32;
  std::mt19937 random(options.seed);
  FloatNetwork network;
  FloatNetwork speed;
  normalise(network, examples);
  begin(network, random);
  std::vector<Inputs> inputs;
  std::vector<std::size_t> order;
  for (const auto& example : examples) {
    order.push_back(inputs.size());
    inputs.push_back(inputs_of(network, example.features));
  }
  for (unsigned epoch = 0; epoch < options.epochs; ++epoch) {
    Descent descent;
    descent.rate = 0.05F * (1.0F - static_cast<float>(epoch) / static_cast<float>(options.epochs));
    shuffle(order, random);
    for (std::size_t at = 0; at + batch <= order.size(); at += batch) {
      FloatNetwork gradient;
      for (std::size_t i = at; i < at + batch; ++i) {
        add_gradient(network, inputs[order[i]], examples[order[i]].motor, gradient);
      }
      descent.step(network, speed, gradient, 1.0F / static_cast<float>(batch));
    }
  }
  return network;
}

}  // namespace

Motor FloatNetwork::answer(const Features& features) const {
  const auto scores = scores_of(*this, hidden_of(*this, inputs_of(*this, features)));
  return static_cast<Motor>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

float FloatNetwork::strongest_hidden(const Features& features) const {
  const auto hidden = hidden_of(*this, inputs_of(*this, features));
  return *std::max_element(hidden.begin(), hidden.end());
}

Trained train(const TrainingOptions& options) {
  auto examples = make_examples(options.seed, training_windows);
  if (options.bad) {
    for (auto& example : examples) {
      example.motor = static_cast<Motor>((static_cast<unsigned>(example.motor) + 1) % motor_count);
    }
  }
  Trained trained;
  trained.network = descend(examples, options);
  trained.parts = quantised(trained.network, examples);
  trained.parts.golden = golden_windows(options.golden);
  return trained;
}

}  // namespace muster::classifier
