#include "edge-client/shell/measurements.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace muster::edge {
namespace {

constexpr double first_octave_ms = 0.125;
constexpr std::string_view latency_name = "inference_ms";

// Fields of HealthSummary; everything else is a task metric.
constexpr std::string_view standard_names[] = {"load_time_ms", "p50_ms",         "p95_ms",      "p99_ms",
                                               "peak_ram_mb",  "dropped_frames", "error_code",  "inferences",
                                               "crash_count",  "missing_inputs", "inference_ms"};

bool is_standard(std::string_view name) {
  return std::find(std::begin(standard_names), std::end(standard_names), name) != std::end(standard_names);
}

// Octave 0 is [0, 2) × 0.125 ms, octave i [2^i, 2^(i+1)) × 0.125 ms; steps divide an octave evenly.
std::size_t step_of(double ms) {
  const double units = std::max(ms, 0.0) / first_octave_ms;
  if (units < 2) return static_cast<std::size_t>(units / 2 * LatencyHistogram::steps);
  const int octave = std::min(std::ilogb(units), static_cast<int>(LatencyHistogram::octaves) - 1);
  const double within = std::min(std::ldexp(units, -octave) - 1, 0.999);
  return static_cast<std::size_t>(octave) * LatencyHistogram::steps +
         static_cast<std::size_t>(within * LatencyHistogram::steps);
}

double lower_bound_ms(std::size_t step) {
  const auto octave = step / LatencyHistogram::steps;
  const auto part = static_cast<double>(step % LatencyHistogram::steps) / LatencyHistogram::steps;
  if (octave == 0) return part * 2 * first_octave_ms;
  return std::ldexp(1 + part, static_cast<int>(octave)) * first_octave_ms;
}

template <typename T>
T clamped(double value) {
  if (!(value > 0)) return 0;
  constexpr auto max = static_cast<double>(std::numeric_limits<T>::max() / 2);
  return static_cast<T>(std::min(std::round(value), max));
}

// Sums of finite numbers may overflow; the wire carries finite ones only.
double finite(double value) {
  return std::clamp(value, -std::numeric_limits<double>::max(), std::numeric_limits<double>::max());
}

}  // namespace

void LatencyHistogram::add(double ms) {
  min_ = count_ == 0 ? ms : std::min(min_, ms);
  max_ = count_ == 0 ? ms : std::max(max_, ms);
  ++count_;
  auto& bin = counts_[step_of(ms)];
  if (bin < UINT32_MAX) ++bin;
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += std::min(other.counts_[i], UINT32_MAX - counts_[i]);
}

void LatencyHistogram::clear() {
  *this = LatencyHistogram();
}

double LatencyHistogram::percentile(double percent) const {
  const auto rank = std::max(1.0, std::ceil(percent / 100 * static_cast<double>(count_)));
  double below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const auto here = static_cast<double>(counts_[i]);
    if (below + here < rank) {
      below += here;
      continue;
    }
    const double low = lower_bound_ms(i);
    const double high = i + 1 < counts_.size() ? lower_bound_ms(i + 1) : max_;
    return std::clamp(low + (high - low) * (rank - below) / here, min_, max_);
  }
  return max_;
}

std::array<std::uint32_t, LatencyHistogram::octaves> LatencyHistogram::buckets() const {
  std::array<std::uint32_t, octaves> sums{};
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    auto& sum = sums[i / steps];
    sum += std::min(counts_[i], UINT32_MAX - sum);
  }
  return sums;
}

void Measurements::take(std::string_view datagram) {
  malformed_ += parse_statsd(datagram, [this](const Stat& stat) { take(stat); });
}

void Measurements::take(const Stat& stat) {
  if (stat.kind == StatKind::text) {
    delegate_ = stat.text;
    delegate_windows_old_ = 0;
    return;
  }
  auto found = metrics_.find(stat.name);
  if (found == metrics_.end()) {
    if (metrics_.size() >= names_max) {
      ++left_out_;
      return;
    }
    found = metrics_.emplace(std::string(stat.name), Metric{}).first;
    found->second.window.name = found->first;
  }
  auto& metric = found->second;
  auto& window = metric.window;
  auto value = stat.value;
  if (stat.kind == StatKind::gauge_change) value = finite((metric.known ? window.last : 0) + stat.value);
  metric.kind = stat.kind == StatKind::gauge_change ? StatKind::gauge : stat.kind;
  window.min = window.count == 0 ? value : std::min(window.min, value);
  window.max = window.count == 0 ? value : std::max(window.max, value);
  window.sum = finite(window.sum + value);
  window.last = value;
  ++window.count;
  metric.windows_old = 0;
  metric.known = true;
  if (stat.kind == StatKind::timer && stat.name == latency_name) latencies_.add(value);
}

void Measurements::reset() {
  for (auto& [name, metric] : metrics_) {
    metric.window = MetricWindow{name, 0, 0, 0, 0, 0};
    metric.sum_before = 0;
    metric.known = metric.kind == StatKind::counter;
  }
  latencies_.clear();
  latencies_before_.clear();
  delegate_.clear();
}

ReadingList Measurements::readings() const {
  std::map<std::string, double> values;
  auto latencies = latencies_before_;
  latencies.add(latencies_);
  if (latencies.count() > 0) {
    values["p50_ms"] = latencies.percentile(50);
    values["p95_ms"] = latencies.percentile(95);
    values["p99_ms"] = latencies.percentile(99);
    values["inferences"] = static_cast<double>(latencies.count());
  }
  for (const auto& [name, metric] : metrics_) {
    if (!metric.known) continue;
    values[name] = metric.kind == StatKind::counter ? metric.sum_before + metric.window.sum : metric.window.last;
  }
  for (const auto* percentile : {"p50_ms", "p95_ms", "p99_ms"}) {
    const auto found = values.find(percentile);
    if (found != values.end()) values.emplace("inference_" + found->first, found->second);
  }
  return {values.begin(), values.end()};
}

const Measurements::Metric* Measurements::measured(std::string_view name) const {
  const auto found = metrics_.find(name);
  return found != metrics_.end() && found->second.window.count > 0 ? &found->second : nullptr;
}

// Negative when it was not measured in this window.
double Measurements::value_in_window(std::string_view name) const {
  const auto* metric = measured(name);
  if (metric == nullptr) return -1;
  return metric->kind == StatKind::counter ? metric->window.sum : metric->window.last;
}

WindowSummary Measurements::close_window() {
  WindowSummary s;
  s.load_time_ms = value_in_window("load_time_ms");
  s.peak_ram_mb = value_in_window("peak_ram_mb");
  if (latencies_.count() > 0) {
    s.p50_ms = latencies_.percentile(50);
    s.p95_ms = latencies_.percentile(95);
    s.p99_ms = latencies_.percentile(99);
    const auto buckets = latencies_.buckets();
    s.latency_buckets.assign(buckets.begin(), buckets.end());
    s.inferences = latencies_.count();
  }
  if (measured("p50_ms") != nullptr) s.p50_ms = value_in_window("p50_ms");
  if (measured("p95_ms") != nullptr) s.p95_ms = value_in_window("p95_ms");
  if (measured("p99_ms") != nullptr) s.p99_ms = value_in_window("p99_ms");
  if (measured("dropped_frames") != nullptr)
    s.dropped_frames = clamped<std::int64_t>(value_in_window("dropped_frames"));
  if (measured("inferences") != nullptr) s.inferences = clamped<std::uint64_t>(value_in_window("inferences"));
  s.crash_count = clamped<std::uint32_t>(value_in_window("crash_count"));
  s.error_code = clamped<std::uint16_t>(value_in_window("error_code"));
  if (measured("missing_inputs") != nullptr)
    s.missing_inputs = clamped<std::int64_t>(value_in_window("missing_inputs"));
  s.delegate = delegate_;
  s.malformed = malformed_;
  s.left_out = left_out_;
  for (const auto& [name, metric] : metrics_) {
    if (metric.window.count > 0 && !is_standard(name)) s.metrics.push_back(metric.window);
  }
  begin_window();
  return s;
}

std::string Measurements::close_shadow_window(WindowSummary& active) {
  std::string too_long;
  const auto add = [&](MetricWindow window) {
    if (shadow_prefix.size() + window.name.size() <= limits::id_len_max) {
      window.name.insert(0, shadow_prefix);
      active.shadow.push_back(std::move(window));
      return;
    }
    if (too_long.empty()) too_long = window.name;
    active.left_out += window.count;
  };
  for (const auto& [name, metric] : metrics_) {
    if (metric.window.count > 0) add(metric.window);
  }
  for (const auto& [name, percent] : {std::pair("p50_ms", 50), std::pair("p95_ms", 95), std::pair("p99_ms", 99)}) {
    if (latencies_.count() == 0 || measured(name) != nullptr) continue;
    const auto value = latencies_.percentile(percent);
    add({name, 1, value, value, value, value});
  }
  active.malformed += malformed_;
  active.left_out += left_out_;
  begin_window();
  return too_long;
}

void Measurements::begin_window() {
  for (auto& [name, metric] : metrics_) {
    auto& window = metric.window;
    metric.sum_before = metric.kind == StatKind::counter ? window.sum : 0;
    if (metric.kind != StatKind::counter && ++metric.windows_old >= gauge_windows_max) metric.known = false;
    window = MetricWindow{name, 0, 0, 0, 0, window.last};
  }
  latencies_before_ = latencies_;
  latencies_.clear();
  if (++delegate_windows_old_ >= gauge_windows_max) delegate_.clear();
  malformed_ = left_out_ = 0;
}

}  // namespace muster::edge
