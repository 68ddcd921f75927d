// What the device says, written straight into a buffer: no FlatBufferBuilder, no allocation. The plain structs name the
// fields of schemas/state_report.fbs and so on; their views are read during the call. Freestanding C++17; any thread.
// Each returns the bytes written, or err_too_long when `capacity`, or what a broker takes, is too small. `to` must be 8-aligned.
// Texts (agent_version, detail, config_version, runtime_version, delegate_active) are cleaned and cut as docs/wire.md says;
// ids and versions are taken as they are: a broker refuses a message with one that is none. Counts are within limits.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/include/layout.h"
#include "schemas/bytes.h"
#include "schemas/common_generated.h"
#include "schemas/limits.h"

namespace muster::mcu {

struct FactsFields {
  std::string_view device_class, region, site, customer, os_version, memory_tier, agent_version;  // empty: absent
  std::uint32_t memory_mb = 0;
  const std::string_view* tags = nullptr;
  std::size_t tag_count = 0;  // up to limits::tags_max
  std::int16_t utc_offset_min = limits::utc_offset_unsaid;
};

struct PlaneFields {
  wire::Plane plane = wire::Plane::firmware;
  const Sha256* active = nullptr;      // null: absent
  const Sha256* downloaded = nullptr;
  const Sha256* previous = nullptr;
  std::string_view active_name, active_version;
  std::uint32_t security_floor = 0;
};

struct AttemptFields {
  std::uint64_t epoch = 0;
  wire::AttemptState state = wire::AttemptState::idle;
  wire::Plane plane = wire::Plane::firmware;
  wire::ErrorCode error = wire::ErrorCode::none;
  std::string_view detail;
  std::uint64_t bytes_done = 0, bytes_total = 0;
};

struct StateReportFields {
  std::string_view device_id;
  std::uint64_t seq = 0, boot_id = 0, reported_s = 0;
  FactsFields facts;
  wire::DeviceState state = wire::DeviceState::healthy;
  PlaneFields planes[plane_count];
  std::size_t plane_fields_count = 0;
  AttemptFields attempt;
  std::uint64_t assignment_epoch = 0, directive_epoch = 0;
  wire::RecoveryAction last_recovery_action = wire::RecoveryAction::none;
  bool updates_paused = false;
};
[[nodiscard]] int write_state_report(const StateReportFields& fields, std::uint8_t* to, std::size_t capacity);

struct MetricFields {
  std::string_view name;
  std::uint64_t count = 0;
  double sum = 0, min = 0, max = 0, last = 0;
};

// The negative defaults mean "not measured in this window", as in the schema; such a field is left out, and so is a double
// that is infinite or no number, also in a metric, where it then reads as 0.
struct HealthFields {
  std::string_view device_id;
  std::uint64_t seq = 0, boot_id = 0, window_start_s = 0;
  std::uint32_t window_s = 0;
  wire::DeviceState state = wire::DeviceState::healthy;
  const Sha256* model_hash = nullptr;
  std::string_view config_version, runtime_version, delegate_active;
  double load_time_ms = -1, p50_ms = -1, p95_ms = -1, p99_ms = -1, peak_ram_mb = -1, temperature_c = -1000, cpu_percent = -1;
  std::int64_t dropped_frames = -1, missing_inputs = -1;
  wire::ErrorCode error_code = wire::ErrorCode::none;
  std::uint64_t inferences = 0;
  std::uint32_t crash_count = 0;
  const std::uint32_t* latency_buckets = nullptr;
  std::size_t latency_bucket_count = 0;  // up to limits::latency_buckets_max
  const MetricFields* metrics = nullptr;
  std::size_t metric_count = 0;  // up to limits::metrics_max
  wire::RecoveryAction last_recovery_action = wire::RecoveryAction::none;
};
[[nodiscard]] int write_health_summary(const HealthFields& fields, std::uint8_t* to, std::size_t capacity);

[[nodiscard]] int write_chunk_get(const Sha256& blob, std::uint64_t offset, std::uint32_t length, std::uint8_t* to, std::size_t capacity);

[[nodiscard]] int write_evidence_chunk(std::string_view device_id, const Sha256& bundle, std::uint64_t offset, std::uint64_t total,
                                       ByteView data, std::uint8_t* to, std::size_t capacity);

}  // namespace muster::mcu
