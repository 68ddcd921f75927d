#include "examples/mcu-classifier/classifier.h"

namespace muster::classifier {
namespace {

std::uint16_t u16_at(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] | (at[1] << 8));
}
std::int16_t i16_at(const std::uint8_t* at) {
  return static_cast<std::int16_t>(u16_at(at));
}
std::uint32_t u32_at(const std::uint8_t* at) {
  return u16_at(at) | (static_cast<std::uint32_t>(u16_at(at + 2)) << 16);
}

// Hands out the bytes one part after the other. Once a part did not fit, none does.
class Parts {
 public:
  explicit Parts(ByteView bytes) : at_(bytes.data()), left_(bytes.size()) {}

  const std::uint8_t* take(std::size_t size) {
    if (size > left_) {
      left_ = 0;
      return nullptr;
    }
    const auto* part = at_;
    at_ += size;
    left_ -= size;
    return part;
  }
  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

int check_header(const std::uint8_t* header, std::size_t size) {
  if (header[0] != 'M' || header[1] != 'C' || header[2] != 'L' || header[3] != 'S') return err_model_magic;
  if (header[4] != model_format || header[5] != feature_set) return err_model_format;
  if (header[6] != motor_count || header[7] == 0 || header[7] > layers_max) return err_model_shape;
  if (u16_at(header + 8) > golden_max) return err_model_shape;
  if (u16_at(header + 10) != 0) return err_model_value;
  return u32_at(header + 12) == size ? model_ok : err_model_size;
}

int check_normalisation(const std::uint8_t* normalisation) {
  for (unsigned i = 0; i < feature_count; ++i) {
    const auto centre = i16_at(normalisation + 4 * i);
    if (centre < 0 || centre > feature_max || i16_at(normalisation + 4 * i + 2) < 1) return err_model_value;
  }
  return model_ok;
}

int take_layer(Parts& parts, std::uint8_t inputs, bool last, Model::Layer& layer) {
  const auto* sizes = parts.take(4);
  if (sizes == nullptr) return err_model_size;
  layer.inputs = inputs;
  layer.outputs = sizes[0];
  layer.shift = sizes[1];
  if (layer.outputs == 0 || layer.outputs > width_max || (last && layer.outputs != motor_count)) return err_model_shape;
  if (layer.shift > shift_max || u16_at(sizes + 2) != 0) return err_model_value;
  layer.biases = parts.take(4U * layer.outputs);
  layer.weights = parts.take(static_cast<std::size_t>(layer.outputs) * inputs);
  if (layer.biases == nullptr || layer.weights == nullptr) return err_model_size;
  for (unsigned i = 0; i < layer.outputs; ++i) {
    const auto bias = static_cast<std::int32_t>(u32_at(layer.biases + 4 * i));
    if (bias < -bias_max || bias > bias_max) return err_model_value;
  }
  return model_ok;
}

int check_golden(const Model& model) {
  for (unsigned i = 0; i < model.golden_count; ++i) {
    const auto* window = model.golden + i * golden_window_size;
    if (window[0] >= motor_count || window[1] != 0) return err_model_value;
  }
  return model_ok;
}

std::int32_t limited(std::int32_t value, std::int32_t low, std::int32_t high) {
  if (value < low) return low;
  return value > high ? high : value;
}

// One layer. A model whose sizes passed sums up at most 2^24 + 32 * 128 * 128; the additions wrap all the same, because
// memory that changes under a model may turn a bias into anything.
void run_layer(const Model::Layer& layer, const std::int8_t* inputs, std::int32_t* outputs) {
  const auto* weights = layer.weights;
  for (unsigned to = 0; to < layer.outputs; ++to) {
    auto sum = u32_at(layer.biases + 4 * to);
    for (unsigned from = 0; from < layer.inputs; ++from) {
      sum += static_cast<std::uint32_t>(static_cast<std::int8_t>(*weights++) * inputs[from]);
    }
    outputs[to] = static_cast<std::int32_t>(sum) >> layer.shift;
  }
}

}  // namespace

const char* name_of(ModelError error) {
  switch (error) {
    case model_ok:
      return "model_ok";
    case err_model_size:
      return "model_size";
    case err_model_magic:
      return "model_magic";
    case err_model_format:
      return "model_format";
    case err_model_shape:
      return "model_shape";
    case err_model_value:
      return "model_value";
    case err_model_no_golden:
      return "model_no_golden";
  }
  return "model_unknown";
}

int load_model(ByteView bytes, Model& model) {
  Parts parts(bytes);
  const auto* header = parts.take(model_header_size);
  if (header == nullptr) return err_model_size;
  if (const int wrong = check_header(header, bytes.size()); wrong != model_ok) return wrong;
  Model found;
  found.normalisation = parts.take(4 * feature_count);
  if (found.normalisation == nullptr) return err_model_size;
  if (const int wrong = check_normalisation(found.normalisation); wrong != model_ok) return wrong;
  found.layer_count = header[7];
  std::uint8_t inputs = feature_count;
  for (unsigned i = 0; i < found.layer_count; ++i) {
    const int wrong = take_layer(parts, inputs, i + 1U == found.layer_count, found.layers[i]);
    if (wrong != model_ok) return wrong;
    inputs = found.layers[i].outputs;
  }
  found.golden_count = u16_at(header + 8);
  found.golden = parts.take(static_cast<std::size_t>(found.golden_count) * golden_window_size);
  if (found.golden == nullptr || parts.left() != 0) return err_model_size;
  if (const int wrong = check_golden(found); wrong != model_ok) return wrong;
  model = found;
  return model_ok;
}

Answer classify_features(const Model& model, const Features& features) {
  std::int8_t inputs[width_max > feature_count ? width_max : feature_count];
  std::int32_t sums[width_max];
  for (unsigned i = 0; i < feature_count; ++i) {
    const std::int32_t distance = features.values[i] - i16_at(model.normalisation + 4 * i);
    const std::int32_t scale = i16_at(model.normalisation + 4 * i + 2);
    inputs[i] = static_cast<std::int8_t>(limited((distance * scale) >> 12, -127, 127));
  }
  for (unsigned i = 0; i < model.layer_count; ++i) {
    const auto& layer = model.layers[i];
    run_layer(layer, inputs, sums);
    for (unsigned to = 0; to < layer.outputs; ++to) inputs[to] = static_cast<std::int8_t>(limited(sums[to], 0, 127));
  }
  Answer answer;
  unsigned best = 0;
  for (unsigned i = 0; i < motor_count; ++i) {
    answer.scores[i] = sums[i];
    if (sums[i] > sums[best]) best = i;
  }
  answer.motor = static_cast<Motor>(best);
  return answer;
}

Answer classify(const Model& model, const Window& window) {
  return classify_features(model, features_of(window));
}

int self_test(const Model& model) {
  if (model.golden_count == 0) return err_model_no_golden;
  int right = 0;
  for (unsigned i = 0; i < model.golden_count; ++i) {
    const auto* golden = model.golden + i * golden_window_size;
    Window window;
    for (unsigned k = 0; k < window_samples; ++k) window.samples[k] = i16_at(golden + 2 + 2 * k);
    if (static_cast<std::uint8_t>(classify(model, window).motor) == golden[0]) ++right;
  }
  return right * 1000 / model.golden_count;
}

}  // namespace muster::classifier
