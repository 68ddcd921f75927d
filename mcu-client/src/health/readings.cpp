#include "mcu-client/src/health/readings.h"

#include <cstring>

namespace muster::mcu {
namespace {

constexpr std::uint32_t stale_max = 3;  // windows without a sample after which a gauge is unknown

}  // namespace

void Readings::name_metrics(const char* const* names, std::uint32_t count) {
  names_ = names;
  name_count_ = count < task_metrics_max ? count : task_metrics_max;
  for (auto& windows : stale_windows_) windows = stale_max;
}

void Readings::sample(std::uint32_t metric, float value) {
  if (metric >= name_count_) return;
  auto& m = metrics_[metric];
  // A value that is no number, or makes the sum none, would make the whole summary malformed.
  const float sum = m.count == 0 ? value : m.sum + value;
  if (!(sum - sum == 0.0f)) return;
  if (m.count == 0) m = TaskMetric{0, 0, value, value, value};
  m.sum = sum;
  ++m.count;
  if (value < m.min) m.min = value;
  if (value > m.max) m.max = value;
  m.last = value;
  stale_windows_[metric] = 0;
}

void Readings::inference(std::uint32_t duration_us) {
  std::uint32_t bucket = 0;
  for (std::uint32_t end = 250; bucket + 1 < latency_buckets && duration_us >= end; ++bucket) {
    end = end > 0x7fffffffu ? 0xffffffffu : end * 2;
  }
  ++buckets_[bucket];
  ++inferences_;
}

float Readings::percentile_ms(std::uint32_t percent, bool both) const {
  const auto count_of = [&](std::uint32_t i) { return buckets_[i] + (both ? buckets_before_[i] : 0); };
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < latency_buckets; ++i) sum += count_of(i);
  if (sum == 0) return -1;
  // The rank of the sample that is wanted, counted from 1: sum * percent / 100, rounded up.
  const std::uint32_t rank = sum / 100 * percent + (sum % 100 * percent + 99) / 100;
  std::uint32_t below = 0;
  float low = 0;
  float high = 0.25f;
  for (std::uint32_t i = 0; i < latency_buckets; ++i) {
    const auto count = count_of(i);
    if (below + count >= rank) {
      return low + (high - low) * static_cast<float>(rank - below) / static_cast<float>(count);
    }
    below += count;
    low = high;
    high *= 2;
  }
  return low;
}

void Readings::fill(HealthFields& fields, MetricFields* metrics) const {
  fields.p50_ms = static_cast<double>(percentile_ms(50));
  fields.p95_ms = static_cast<double>(percentile_ms(95));
  fields.p99_ms = static_cast<double>(percentile_ms(99));
  fields.load_time_ms = static_cast<double>(load_time_ms_);
  fields.dropped_frames = dropped_frames_;
  fields.error_code = error_;
  fields.inferences = inferences_;
  fields.crash_count = crashes_;
  fields.missing_inputs = missing_inputs_age_ == 0 ? static_cast<std::int64_t>(missing_inputs_) : -1;
  fields.latency_buckets = buckets_;
  fields.latency_bucket_count = inferences_ == 0 ? 0 : latency_buckets;
  fields.metrics = metrics;
  fields.metric_count = 0;
  for (std::uint32_t i = 0; i < name_count_; ++i) {
    const auto& m = metrics_[i];
    if (m.count == 0) continue;
    metrics[fields.metric_count++] = {names_[i],
                                      m.count,
                                      static_cast<double>(m.sum),
                                      static_cast<double>(m.min),
                                      static_cast<double>(m.max),
                                      static_cast<double>(m.last)};
  }
}

void Readings::next_window() {
  for (std::uint32_t i = 0; i < name_count_; ++i) {
    if (metrics_[i].count == 0 && stale_windows_[i] < stale_max) ++stale_windows_[i];
    metrics_[i].count = 0;
  }
  std::memcpy(buckets_before_, buckets_, sizeof buckets_);
  std::memset(buckets_, 0, sizeof buckets_);
  inferences_before_ = inferences_;
  dropped_before_ = dropped_frames_;
  inferences_ = dropped_frames_ = 0;
  if (missing_inputs_age_ <= stale_max) ++missing_inputs_age_;
  load_time_ms_ = -1;
  error_ = wire::ErrorCode::none;
}

void Readings::reset() {
  next_window();
  next_window();
  for (auto& windows : stale_windows_) windows = stale_max;
  missing_inputs_age_ = UINT32_MAX;
}

rules::Value Readings::lookup(std::string_view name) const {
  const auto number = [](float value) {
    return value < 0 ? rules::Value() : rules::Value::of(static_cast<double>(value));
  };
  if (name == "crash_loop_count" || name == "crash_count") return rules::Value::of(static_cast<double>(crashes_));
  if (name == "p50_ms") return number(percentile_ms(50, true));
  if (name == "p95_ms") return number(percentile_ms(95, true));
  if (name == "p99_ms" || name == "inference_p99_ms") return number(percentile_ms(99, true));
  if (name == "load_time_ms") return number(load_time_ms_);
  if (name == "dropped_frames") return rules::Value::of(static_cast<double>(dropped_frames_ + dropped_before_));
  if (name == "inferences") return rules::Value::of(static_cast<double>(inferences_ + inferences_before_));
  if (name == "error_code") return rules::Value::of(static_cast<double>(error_));
  if (name == "missing_inputs" && missing_inputs_age_ <= stale_max)
    return rules::Value::of(static_cast<double>(missing_inputs_));
  for (std::uint32_t i = 0; i < name_count_; ++i) {
    if (name == names_[i] && stale_windows_[i] < stale_max)
      return rules::Value::of(static_cast<double>(metrics_[i].last));
  }
  return {};
}

}  // namespace muster::mcu
