// What the device measured in the current window, and the few numbers that outlive it: filled by the application and the
// client, read by the health summary and the recovery policy. Freestanding C++17, no allocation; the client's thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "mcu-client/src/wire/reports.h"
#include "rules/condition/program.h"
#include "schemas/common_generated.h"

namespace muster::mcu {

inline constexpr std::uint32_t task_metrics_max = 8;
inline constexpr std::uint32_t latency_buckets = 24;  // limits::latency_buckets_max

// The samples of one task metric in a window.
struct TaskMetric {
  std::uint32_t count = 0;
  float sum = 0, min = 0, max = 0, last = 0;
};

class Readings final : public rules::Environment {
 public:
  // Names of the task metrics, valid for ever; at most task_metrics_max.
  void name_metrics(const char* const* names, std::uint32_t count);

  void sample(std::uint32_t metric, float value);
  // Bucket i holds durations from 2^i × 125 µs up to but not including twice that; the first begins at 0, the last has no end.
  void inference(std::uint32_t duration_us);
  void drop_frames(std::uint32_t count) { dropped_frames_ += count; }
  void set_error(wire::ErrorCode code) { error_ = code; }
  void set_load_time_ms(float ms) { load_time_ms_ = ms >= 0 && ms - ms == 0 ? ms : -1; }
  // Cameras, sensors, encoders and the like that give nothing.
  void set_missing_inputs(std::uint32_t count) {
    missing_inputs_ = count;
    missing_inputs_age_ = 0;
  }
  void set_crashes(std::uint32_t count) { crashes_ = count; }

  // Fills what was measured into a summary; `metrics` has room for task_metrics_max.
  void fill(HealthFields& fields, MetricFields* metrics) const;
  // A new window: what was counted becomes the window before, which the recovery policy still sees.
  void next_window();
  // Everything measured is forgotten: other software runs now.
  void reset();

  // For recovery rules, as on Linux (docs/conditions.md, "Recovery rules"): a gauge's latest value, a counter's sum over this window and
  // the one before, and the percentiles of both; missing when nothing was measured.
  rules::Value lookup(std::string_view name) const override;
  // The quantile of the window's durations in ms, interpolated in its bucket; negative without samples. `percent` in 1–99.
  // `both`: of the window before as well.
  [[nodiscard]] float percentile_ms(std::uint32_t percent, bool both = false) const;

 private:
  const char* const* names_ = nullptr;
  std::uint32_t name_count_ = 0;
  TaskMetric metrics_[task_metrics_max];
  std::uint32_t stale_windows_[task_metrics_max] = {};  // without a sample
  std::uint32_t buckets_[latency_buckets] = {}, buckets_before_[latency_buckets] = {};
  std::uint32_t inferences_ = 0, inferences_before_ = 0;
  std::uint32_t dropped_frames_ = 0, dropped_before_ = 0;
  std::uint32_t crashes_ = 0;
  std::uint32_t missing_inputs_ = 0, missing_inputs_age_ = UINT32_MAX;  // windows since it was said
  float load_time_ms_ = -1;
  wire::ErrorCode error_ = wire::ErrorCode::none;
};

}  // namespace muster::mcu
