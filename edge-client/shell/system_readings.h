// What the agent measures itself: processor, temperature, free space, battery, kind of link. Reads /proc and /sys; on
// the loop (no file there blocks).
#pragma once

#include <cstdint>
#include <string>

#include "edge-client/agent/recovery.h"
#include "schemas/health_summary_generated.h"

namespace muster::edge {

// What the default route goes through.
enum class LinkKind : std::uint8_t { unknown, wired, wifi, cellular };

struct SystemReadings {
  double cpu_percent = -1;       // of all processors since the last reading; negative: unknown
  double temperature_c = -1000;  // of the hottest thermal zone; -1000: unknown
  wire::ThermalState thermal = wire::ThermalState::unknown;
  std::int64_t disk_free_mb = -1;
  double battery_percent = -1;  // of the emptiest battery that runs the device; negative: it has none
  double on_mains = -1;         // 1: it is fed from outside, 0: it is not; negative: unknown
  LinkKind link = LinkKind::unknown;
};

// What of it is known, by the names that conditions have for it, sorted. The links are 1 or 0.
[[nodiscard]] ReadingList readings_of(const SystemReadings& system);

class SystemProbe {
 public:
  // `sys` and `proc` are the mount points; tests give folders of their own.
  explicit SystemProbe(std::string data_dir, std::string proc = "/proc", std::string sys = "/sys")
      : data_dir_(std::move(data_dir)), proc_(std::move(proc)), sys_(std::move(sys)) {}

  [[nodiscard]] SystemReadings read();

 private:
  std::string data_dir_, proc_, sys_;
  std::uint64_t busy_before_ = 0, total_before_ = 0;
};

}  // namespace muster::edge
