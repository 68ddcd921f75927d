// What the workload reports, gathered over health windows: standard keys, task metrics, the latency distribution.
// Bounded in names and memory whatever is sent. Pure (time is counted in windows); one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge-client/agent/recovery.h"
#include "edge-client/shell/statsd.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::edge {

// Counts of latencies, finely spaced (16 steps an octave, from 0.125 ms on), so that percentiles are good to about 5 %.
class LatencyHistogram {
 public:
  static constexpr std::size_t octaves = limits::latency_buckets_max;
  static constexpr std::size_t steps = 16;

  void add(double ms);
  void add(const LatencyHistogram& other);
  void clear();
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The value that `percent` of the samples do not exceed. REQUIRES: count() > 0.
  [[nodiscard]] double percentile(double percent) const;
  // As HealthSummary carries it: one count an octave.
  [[nodiscard]] std::array<std::uint32_t, octaves> buckets() const;

 private:
  std::array<std::uint32_t, octaves * steps> counts_{};
  std::uint64_t count_ = 0;
  double min_ = 0, max_ = 0;
};

struct MetricWindow {
  std::string name;
  std::uint64_t count = 0;
  double sum = 0, min = 0, max = 0, last = 0;
};

// One window, closed. Negative: not measured.
struct WindowSummary {
  double load_time_ms = -1, p50_ms = -1, p95_ms = -1, p99_ms = -1, peak_ram_mb = -1;
  std::int64_t dropped_frames = -1, missing_inputs = -1;
  std::uint64_t inferences = 0;
  std::uint32_t crash_count = 0;
  std::uint16_t error_code = 0;
  std::string delegate;                        // what runs the model, as the workload says; empty: it does not
  std::vector<std::uint32_t> latency_buckets;  // empty: no latencies
  std::vector<MetricWindow> metrics;           // by name
  std::vector<MetricWindow> shadow;            // what runs in the shadow says, by names that begin with shadow_prefix
  std::uint64_t malformed = 0;                 // StatsD lines that were not good
  std::uint64_t left_out = 0;                  // samples of names beyond names_max
};

class Measurements {
 public:
  static constexpr std::size_t names_max = 64;
  // A gauge that is not renewed is unknown after so many windows, and so is what runs the model.
  static constexpr std::uint32_t gauge_windows_max = 3;

  void take(std::string_view datagram);
  // Gauges, latencies and what runs the model become unknown, counters zero.
  void reset();

  // By name, sorted: gauges (latest), counters (sum over this window and the one before), percentiles as p50_ms,
  // p95_ms, p99_ms (and inference_p50_ms … for people who write it out).
  [[nodiscard]] ReadingList readings() const;
  [[nodiscard]] WindowSummary close_window();
  // The same of what runs in the shadow: all of it task metrics with shadow_prefix, the standard keys and the
  // percentiles of inference_ms too, so that none can be taken for the active version's. What runs its model is not
  // told: task metrics are numbers. Adds to `active` (`shadow`, and the counts of what was not good); what a longer
  // name does not allow is left out, and the first such name returned.
  [[nodiscard]] std::string close_shadow_window(WindowSummary& active);

 private:
  struct Metric {
    StatKind kind = StatKind::gauge;
    MetricWindow window;
    double sum_before = 0;          // counters: the window before
    std::uint32_t windows_old = 0;  // since the last sample
    bool known = false;             // has a value at all since the last reset
  };
  void take(const Stat& stat);
  [[nodiscard]] const Metric* measured(std::string_view name) const;
  [[nodiscard]] double value_in_window(std::string_view name) const;
  void begin_window();

  std::map<std::string, Metric, std::less<>> metrics_;
  LatencyHistogram latencies_, latencies_before_;
  std::string delegate_;                    // what was said last; empty: nothing
  std::uint32_t delegate_windows_old_ = 0;  // since it was said
  std::uint64_t malformed_ = 0, left_out_ = 0;
};

}  // namespace muster::edge
