// What one device measured in one window, as guardrails judge it: the standard keys of a health summary by number, and
// task metrics by name. Plain data; the host fills it from the wire, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::rules {

// The standard keys of wire::HealthSummary that have a number; their names there are their names in rules.
enum class Reading : std::uint8_t {
  load_time_ms,
  p50_ms,
  p95_ms,
  p99_ms,
  peak_ram_mb,
  dropped_frames,
  temperature_c,
  inferences,
  cpu_percent,
  disk_free_mb,
  // States: the last of the window. One that is bad is bad at once, where a measurement is averaged over `observe`.
  thermal,     // 1 nominal, 2 fair, 3 serious, 4 critical
  error_code,  // 0: none
  crash_count,
  missing_inputs,  // cameras, sensors, encoders and the like that give nothing
};
inline constexpr std::size_t reading_count = 14;
inline constexpr Reading first_state_reading = Reading::thermal;
// The one state that is a text.
inline constexpr std::string_view delegate_metric = "delegate_active";
[[nodiscard]] std::string_view name_of(Reading reading);
[[nodiscard]] std::optional<Reading> reading_from(std::string_view name);

struct TaskReading {
  std::string name;
  double value = 0;  // the mean of the window's samples
};

struct Readings {
  Readings() { standard.fill(std::numeric_limits<double>::quiet_NaN()); }
  std::array<double, reading_count> standard;  // not a number: not measured in this window
  std::string delegate_active;                 // what runs the model: "npu", "cpu"; empty: not said
  std::vector<TaskReading> tasks;              // that had samples in this window; each name once

  void set(Reading reading, double value) { standard[static_cast<std::size_t>(reading)] = value; }
  [[nodiscard]] double of(Reading reading) const { return standard[static_cast<std::size_t>(reading)]; }
};

// The device's, whoever uses it: no shadow has one of its own.
[[nodiscard]] bool is_of_the_device(Reading reading);
// What the shadow measured, under the names of what it stands for, and what is the device's own.
[[nodiscard]] Readings shadow_readings(const Readings& readings);

}  // namespace muster::rules
