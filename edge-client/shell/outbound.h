// What the agent publishes, as bytes that pass the broker's verifier. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "edge-client/agent/agent.h"
#include "edge-client/shell/measurements.h"
#include "edge-client/shell/system_readings.h"
#include "schemas/bytes.h"

namespace muster::edge {

struct ReportStamp {
  std::string device_id;
  std::uint64_t seq = 0, now_s = 0;
};
[[nodiscard]] Bytes encode_state_report(const Snapshot& snapshot, const Facts& facts, const ReportStamp& stamp);

struct HealthWindow {
  std::string device_id;
  std::uint64_t seq = 0, start_s = 0;
  std::uint32_t window_s = 0;
  std::uint64_t refused_messages = 0, spool_dropped = 0;  // since the last summary
};
// Task metrics that do not fit are left out, the last by name first.
[[nodiscard]] Bytes encode_health(const HealthWindow& window, const Snapshot& snapshot, const WindowSummary& summary,
                                  const SystemReadings& system);

[[nodiscard]] Bytes encode_chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length);

}  // namespace muster::edge
