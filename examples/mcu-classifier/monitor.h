// What a device with the classifier reports of its work: how many windows it judged and how many of the newest it
// judged rightly. This is the task metric in which a bad model shows. Freestanding C++17, no heap, no clock; one thread
// at a time.
#pragma once

#include <cstdint>

#include "examples/mcu-classifier/classifier.h"

namespace muster::classifier {

class Monitor {
 public:
  static constexpr int remembered = 64;  // the newest windows with a known answer count
  static constexpr int known_from = 16;  // fewer say nothing
  static constexpr int unknown = -1;

  // Goes over to another model. What the one before it got right is forgotten, the count of inferences is not. An empty
  // Model means that there is none for now. REQUIRES: load_model filled it, and its bytes stay until the next call.
  void use(const Model& model);
  [[nodiscard]] bool ready() const { return model_.layer_count != 0; }

  // Judges a window of which nothing is known, as in a product. REQUIRES: ready().
  Answer judge(const Window& window);
  // Judges a window of which the answer is known, and keeps the score. REQUIRES: ready().
  Answer judge(const Window& window, Motor truth);

  // Per mille of the newest `remembered` windows with a known answer; `unknown` with fewer than `known_from` since
  // use().
  [[nodiscard]] int accuracy_permille() const;
  // Since the start; goes on at 0 after 2^32.
  [[nodiscard]] std::uint32_t inferences() const { return inferences_; }
  // The model in use, for its self_test.
  [[nodiscard]] const Model& model() const { return model_; }

 private:
  Model model_;
  std::uint64_t hits_ = 0;  // a bit for each remembered window, the newest lowest
  std::uint32_t inferences_ = 0;
  std::int16_t seen_ = 0;   // up to `remembered`
  std::int16_t right_ = 0;  // bits of hits_ that are set
};

}  // namespace muster::classifier
