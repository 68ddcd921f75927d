// The names conditions may use: one table for what `targets` sees, one for what recovery rules see.
#include "rules/condition/compile.h"

namespace muster::rules {

const std::vector<Name>& target_names() {
  using Type = Name::Type;
  static const std::vector<Name> names = {
      {"device.id", Type::text},
      {"device.class", Type::text},
      {"device.region", Type::text},
      {"device.site", Type::text},
      {"device.customer", Type::text},
      {"device.os_version", Type::text},
      {"device.memory_mb", Type::number},
      {"device.memory_tier", Type::text},
      {"device.tags", Type::text_list},
      {"device.accelerators", Type::text_list},
      {"device.runtimes", Type::text_list},
      {"device.agent_version", Type::text},
  };
  return names;
}

Vocabulary target_vocabulary() {
  return {&target_names(), false};
}

Vocabulary recovery_vocabulary() {
  using Type = Name::Type;
  static const std::vector<Name> names = {
      // the numeric standard keys of HealthSummary
      {"load_time_ms", Type::number},
      {"p50_ms", Type::number},
      {"p95_ms", Type::number},
      {"p99_ms", Type::number},
      {"peak_ram_mb", Type::number},
      {"dropped_frames", Type::number},
      {"temperature_c", Type::number},
      {"error_code", Type::number},
      {"inferences", Type::number},
      {"crash_count", Type::number},
      {"missing_inputs", Type::number},
      {"cpu_percent", Type::number},
      {"disk_free_mb", Type::number},
      // the same percentiles by their longer names, the device's own setting, and what workloads usually count
      {"inference_p50_ms", Type::number},
      {"inference_p95_ms", Type::number},
      {"inference_p99_ms", Type::number},
      {"slo_ms", Type::number},
      // what a device runs on and how it is connected; the last four are 1 or 0
      {"battery_percent", Type::number},
      {"on_mains", Type::number},
      {"link_wired", Type::number},
      {"link_wifi", Type::number},
      {"link_cellular", Type::number},
      {"crash_loop_count", Type::number},
      {"gpu_oom_count", Type::number},
      {"camera_timeout_secs", Type::number},
  };
  return {&names, true};
}

}  // namespace muster::rules
