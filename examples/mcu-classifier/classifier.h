// The classifier that the board runs, and the file that its model comes in: a small network with weights of 8 bits,
// whose every size is checked before the first window. Freestanding C++17, integers only, no heap; a model is only
// read, by any thread.
//
// The file, little-endian, read where it lies (flash that the processor can address):
//
//   offset  bytes
//        0  4      "MCLS"
//        4  1      format: 1
//        5  1      feature_set of the program that the model is for
//        6  1      outputs: motor_count
//        7  1      layers: 1 ... layers_max
//        8  2      golden windows: 0 ... golden_max
//       10  2      0
//       12  4      size of the whole file
//       16  4 * feature_count   for each feature: int16 centre (0 ... feature_max), int16 scale (1 ...)
//        .  for each layer: 1 outputs (1 ... width_max; the last one's is motor_count), 1 shift (0 ... shift_max), 2
//        zero;
//           int32 biases[outputs] (within +-bias_max); int8 weights[outputs][inputs]
//        .  for each golden window: 1 label, 1 zero, int16 samples[window_samples]
//
// There is no check sum: the slot that it lies in has a digest, and its release a signature.
#pragma once

#include <cstdint>

#include "examples/mcu-classifier/features.h"
#include "schemas/bytes.h"

namespace muster::classifier {

inline constexpr unsigned model_header_size = 16;
inline constexpr std::uint8_t model_format = 1;
inline constexpr unsigned layers_max = 3;
inline constexpr unsigned width_max = 32;
inline constexpr unsigned shift_max = 24;
inline constexpr std::int32_t bias_max = 1 << 24;
inline constexpr unsigned golden_max = 64;
inline constexpr unsigned golden_window_size = 2 + 2 * window_samples;
// The longest file that load_model takes.
inline constexpr unsigned model_size_max = model_header_size + 4 * feature_count +
                                           layers_max * (4 + 4 * width_max + width_max * width_max) +
                                           golden_max * golden_window_size;

enum ModelError : int {
  model_ok = 0,
  err_model_size = -1,       // shorter or longer than its parts need, or than it says
  err_model_magic = -2,      // no model of ours
  err_model_format = -3,     // of a format or for features that this program does not have
  err_model_shape = -4,      // impossible counts of layers, outputs or golden windows
  err_model_value = -5,      // a number outside its range
  err_model_no_golden = -6,  // no golden windows: it cannot test itself
};

// "model_size" and so on; for logs.
[[nodiscard]] const char* name_of(ModelError error);

// Where the parts of a checked model lie. Filled by load_model only.
struct Model {
  struct Layer {
    const std::uint8_t* biases = nullptr;
    const std::uint8_t* weights = nullptr;
    std::uint8_t inputs = 0;
    std::uint8_t outputs = 0;
    std::uint8_t shift = 0;
  };
  const std::uint8_t* normalisation = nullptr;
  Layer layers[layers_max];
  const std::uint8_t* golden = nullptr;
  std::uint16_t golden_count = 0;
  std::uint8_t layer_count = 0;
};

// Checks every size and range and notes where the parts lie. model_ok, or a ModelError, and then `model` is unchanged.
// The bytes must stay where they are for as long as the model is used. Should they change there (a slot that is being
// written anew), answers are wrong and nothing else is: no size is read again, and no sum can overflow.
[[nodiscard]] int load_model(ByteView bytes, Model& model);

struct Answer {
  Motor motor = Motor::stopped;
  std::int32_t scores[motor_count] = {};  // the larger the likelier; no probabilities
};

// REQUIRES: a model that load_model filled.
[[nodiscard]] Answer classify(const Model& model, const Window& window);

// The network alone, for features that somebody already has.
[[nodiscard]] Answer classify_features(const Model& model, const Features& features);

// Classifies the golden windows that the model brings with it. How many per mille it gets right, or
// err_model_no_golden. For products, whose sensor does not know what it measures.
[[nodiscard]] int self_test(const Model& model);

}  // namespace muster::classifier
