// One number over all that the classifier computes for a stretch of windows: two machines that agree in it agree in
// every sample, feature, score and answer. The same freestanding code runs on the host and on the board; any thread.
#pragma once

#include <cstdint>

#include "examples/mcu-classifier/monitor.h"

namespace muster::classifier {

inline constexpr std::uint32_t compared_seed = 20260;
inline constexpr std::uint32_t compared_windows = 200;

// FNV-1a over 32-bit words, each as four bytes.
class Digest {
 public:
  void add(std::uint32_t word) {
    for (int i = 0; i < 4; ++i) {
      value_ = (value_ ^ (word & 255U)) * 16777619U;
      word >>= 8;
    }
  }
  void add(std::int32_t word) { add(static_cast<std::uint32_t>(word)); }
  [[nodiscard]] std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 2166136261U;
};

inline std::uint32_t digest_of_outputs(const Model& model) {
  Digest digest;
  Monitor monitor;
  monitor.use(model);
  for (std::uint32_t index = 0; index < compared_windows; ++index) {
    Window window;
    const auto truth = make_window(compared_seed, index, window);
    for (const auto sample : window.samples) digest.add(std::int32_t{sample});
    for (const auto value : features_of(window).values) digest.add(std::int32_t{value});
    const auto answer = monitor.judge(window, truth);
    for (const auto score : answer.scores) digest.add(score);
    digest.add(static_cast<std::uint32_t>(answer.motor));
    digest.add(std::int32_t{monitor.accuracy_permille()});
  }
  digest.add(std::int32_t{self_test(model)});
  return digest.value();
}

}  // namespace muster::classifier
