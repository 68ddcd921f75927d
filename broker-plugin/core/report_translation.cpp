#include "broker-plugin/core/report_translation.h"

#include <cmath>

#include "broker-plugin/core/wire_digest.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"

namespace muster::broker {
namespace {

std::string text(const flatbuffers::String* string) {
  return string == nullptr ? std::string() : string->str();
}

std::vector<std::string> texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* strings) {
  std::vector<std::string> list;
  if (strings == nullptr) return list;
  for (const auto* string : *strings) list.push_back(string->str());
  return list;
}

rules::DeviceFacts facts_of(const wire::Facts& facts) {
  rules::DeviceFacts translated;
  translated.device_class = text(facts.device_class());
  translated.region = text(facts.region());
  translated.site = text(facts.site());
  translated.customer = text(facts.customer());
  translated.os_version = text(facts.os_version());
  translated.memory_tier = text(facts.memory_tier());
  translated.agent_version = text(facts.agent_version());
  translated.memory_mb = facts.memory_mb();
  if (facts.utc_offset_min() != limits::utc_offset_unsaid) translated.utc_offset_min = facts.utc_offset_min();
  translated.tags = texts(facts.tags());
  translated.accelerators = texts(facts.accelerators());
  translated.runtimes = texts(facts.runtimes());
  return translated;
}

// What lies below what can be measured is the mark of a reading that was not.
constexpr double least_temperature_c = -273.15;

void set_measured(rules::Readings& readings, rules::Reading reading, double value, double least = 0) {
  if (std::isfinite(value) && value >= least) readings.set(reading, value);
}

void set_standard(rules::Readings& readings, const wire::HealthSummary& summary) {
  using rules::Reading;
  set_measured(readings, Reading::load_time_ms, summary.load_time_ms());
  set_measured(readings, Reading::p50_ms, summary.p50_ms());
  set_measured(readings, Reading::p95_ms, summary.p95_ms());
  set_measured(readings, Reading::p99_ms, summary.p99_ms());
  set_measured(readings, Reading::peak_ram_mb, summary.peak_ram_mb());
  set_measured(readings, Reading::dropped_frames, static_cast<double>(summary.dropped_frames()));
  set_measured(readings, Reading::temperature_c, summary.temperature_c(), least_temperature_c);
  set_measured(readings, Reading::inferences, static_cast<double>(summary.inferences()));
  set_measured(readings, Reading::cpu_percent, summary.cpu_percent());
  set_measured(readings, Reading::disk_free_mb, static_cast<double>(summary.disk_free_mb()));
  if (summary.thermal() != wire::ThermalState::unknown) {
    readings.set(Reading::thermal, static_cast<double>(summary.thermal()));
  }
  readings.set(Reading::error_code, static_cast<double>(summary.error_code()));
  readings.set(Reading::crash_count, static_cast<double>(summary.crash_count()));
  set_measured(readings, Reading::missing_inputs, static_cast<double>(summary.missing_inputs()));
}

}  // namespace

// Both sides number these alike, so that a cast translates.
static_assert(static_cast<int>(wire::AttemptState::failed) == static_cast<int>(rules::AttemptState::failed));
static_assert(static_cast<int>(wire::DeviceState::rolled_back) == static_cast<int>(rules::DeviceState::rolled_back));
static_assert(static_cast<int>(wire::Plane::config) == static_cast<int>(rules::Plane::config));
static_assert(static_cast<int>(wire::ThermalState::nominal) == 1 && static_cast<int>(wire::ThermalState::critical) == 4,
              "as Reading::thermal has them");

rules::DeviceReport translate(const wire::StateReport& report) {
  rules::DeviceReport event;
  event.device = report.device_id()->str();
  event.boot_id = report.boot_id();
  event.reported_s = report.reported_s();
  event.seq = report.seq();
  event.directive_epoch = report.directive_epoch();
  event.facts = facts_of(*report.facts());
  event.state = static_cast<rules::DeviceState>(report.state());
  for (const auto* plane : *report.planes()) {
    const auto index = static_cast<std::size_t>(plane->plane());
    event.active[index] = digest_of(plane->active());
    event.version[index] = text(plane->active_version());
    event.security_floor[index] = plane->security_floor();
  }
  if (const auto* attempt = report.attempt()) {
    event.attempt_epoch = attempt->epoch();
    event.attempt = static_cast<rules::AttemptState>(attempt->state());
    if (attempt->error() != wire::ErrorCode::none) event.attempt_error = wire::EnumNameErrorCode(attempt->error());
    event.attempt_detail = text(attempt->detail());
    event.waits = attempt->waits();
  }
  return event;
}

rules::DeviceHealth translate(const wire::HealthSummary& summary) {
  rules::DeviceHealth event;
  event.device = summary.device_id()->str();
  event.window_start_s = summary.window_start_s();
  event.window_s = summary.window_s();
  set_standard(event.readings, summary);
  event.readings.delegate_active = text(summary.delegate_active());
  if (summary.metrics() == nullptr) return event;
  for (const auto* metric : *summary.metrics()) {
    if (metric->count() == 0) continue;
    const double mean = metric->sum() / static_cast<double>(metric->count());
    if (std::isfinite(mean)) event.readings.tasks.push_back({metric->name()->str(), mean});
  }
  return event;
}

}  // namespace muster::broker
