#include "examples/mcu-classifier/model_file.h"

namespace muster::classifier {
namespace {

void put_u16(Bytes& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value & 255U));
  to.push_back(static_cast<std::uint8_t>((value >> 8) & 255U));
}

void put_i16(Bytes& to, std::int16_t value) {
  put_u16(to, static_cast<std::uint16_t>(value));
}

void put_u32(Bytes& to, std::uint32_t value) {
  put_u16(to, value & 0xFFFFU);
  put_u16(to, value >> 16);
}

void put_layer(Bytes& to, const ModelParts::Layer& layer) {
  to.push_back(static_cast<std::uint8_t>(layer.biases.size()));
  to.push_back(layer.shift);
  put_u16(to, 0);
  for (const auto bias : layer.biases) put_u32(to, static_cast<std::uint32_t>(bias));
  for (const auto weight : layer.weights) to.push_back(static_cast<std::uint8_t>(weight));
}

}  // namespace

Bytes write_model(const ModelParts& parts) {
  Bytes body;
  for (const auto& one : parts.normalisation) {
    put_i16(body, one.centre);
    put_i16(body, one.scale);
  }
  for (const auto& layer : parts.layers) put_layer(body, layer);
  for (const auto& golden : parts.golden) {
    body.push_back(static_cast<std::uint8_t>(golden.motor));
    body.push_back(0);
    for (const auto sample : golden.window.samples) put_i16(body, sample);
  }
  Bytes file = {'M', 'C', 'L', 'S', model_format, feature_set, motor_count};
  file.push_back(static_cast<std::uint8_t>(parts.layers.size()));
  put_u16(file, static_cast<unsigned>(parts.golden.size()));
  put_u16(file, 0);
  put_u32(file, static_cast<std::uint32_t>(model_header_size + body.size()));
  file.insert(file.end(), body.begin(), body.end());
  return file;
}

}  // namespace muster::classifier
