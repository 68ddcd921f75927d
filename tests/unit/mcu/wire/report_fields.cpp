#include "tests/unit/mcu/wire/report_fields.h"

#include <limits>

namespace muster::test {

using mcu::HealthFields;
using mcu::StateReportFields;

std::string_view ReportFields::keep(std::string text) {
  return texts_.emplace_back(std::move(text));
}

std::string_view ReportFields::id(std::size_t len_max) {
  const std::size_t len = random_() % 3 == 0 ? len_max : 1 + random_() % len_max;
  std::string name(len, 'a');
  for (auto& c : name) c = static_cast<char>('a' + random_() % 26);
  return keep(name);
}

std::string_view ReportFields::optional_id(std::size_t len_max) {
  return random_() % 3 == 0 ? std::string_view() : id(len_max);
}

// Well-formed or not, shorter or longer than allowed.
std::string_view ReportFields::text(std::size_t len_max) {
  static const std::string pieces[] = {"a",  " ",    "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                       "\n", "\x1B", "\xE9",     "\xED\xA0\x80"};
  const std::size_t len = random_() % 4 == 0 ? 0 : random_() % (len_max * 2);
  std::string chars;
  while (chars.size() < len) chars += random_() % 2 == 0 ? "x" : pieces[random_() % std::size(pieces)];
  return keep(chars);
}

const Sha256* ReportFields::digest() {
  if (random_() % 3 == 0) return nullptr;
  auto& value = digests_.emplace_back();
  for (auto& byte : value.bytes) byte = static_cast<std::uint8_t>(random_());
  return &value;
}

std::uint64_t ReportFields::number() {
  switch (random_() % 4) {
    case 0:
      return 0;
    case 1:
      return random_() % 1000;
    case 2:
      return std::numeric_limits<std::uint64_t>::max();
    default:
      return random_();
  }
}

double ReportFields::reading(double otherwise) {
  switch (random_() % 4) {
    case 0:
      return otherwise;
    case 1:
      return 0;
    default:
      return static_cast<double>(random_() % 100000) / 7 - 100;
  }
}

StateReportFields ReportFields::state_report() {
  StateReportFields fields;
  fields.device_id = id();
  fields.seq = number();
  fields.boot_id = number();
  fields.reported_s = number();
  auto& facts = fields.facts;
  facts.device_class = id();
  for (auto* name : {&facts.region, &facts.site, &facts.customer, &facts.os_version, &facts.memory_tier})
    *name = optional_id();
  facts.agent_version = text(limits::attribute_len_max);
  facts.memory_mb = static_cast<std::uint32_t>(number());
  constexpr int on_earth = limits::utc_offset_min_most - limits::utc_offset_min_least + 1;
  if (random_() % 3 != 0)
    facts.utc_offset_min =
        static_cast<std::int16_t>(limits::utc_offset_min_least + static_cast<int>(random_() % on_earth));
  auto& tags = lists_.emplace_back(random_() % 3 == 0 ? limits::tags_max : random_() % limits::tags_max);
  for (auto& tag : tags) tag = id();
  facts.tags = tags.data();
  facts.tag_count = tags.size();
  fields.state = static_cast<wire::DeviceState>(random_() % 5);
  fields.plane_fields_count = random_() % (mcu::plane_count + 1);
  for (std::size_t i = 0; i < fields.plane_fields_count; ++i) {
    fields.planes[i] = {static_cast<wire::Plane>(i),
                        digest(),
                        digest(),
                        digest(),
                        optional_id(),
                        optional_id(limits::version_len_max),
                        static_cast<std::uint32_t>(number())};
  }
  fields.attempt = {number(),
                    static_cast<wire::AttemptState>(random_() % 10),
                    static_cast<wire::Plane>(random_() % 3),
                    random_() % 2 == 0 ? wire::ErrorCode::none : wire::ErrorCode::directed_rollback,
                    text(limits::text_len_max),
                    number(),
                    number()};
  fields.assignment_epoch = number();
  fields.directive_epoch = number();
  fields.last_recovery_action = static_cast<wire::RecoveryAction>(random_() % 6);
  fields.updates_paused = random_() % 2 == 0;
  return fields;
}

HealthFields ReportFields::health_summary() {
  HealthFields fields;
  fields.device_id = id();
  fields.seq = number();
  fields.boot_id = number();
  fields.window_start_s = number();
  fields.window_s = static_cast<std::uint32_t>(number());
  fields.state = static_cast<wire::DeviceState>(random_() % 5);
  fields.model_hash = digest();
  fields.config_version = text(limits::release_ref_len_max);
  fields.runtime_version = text(limits::attribute_len_max);
  fields.delegate_active = text(limits::attribute_len_max);
  for (auto* value : {&fields.load_time_ms, &fields.p50_ms, &fields.p95_ms, &fields.p99_ms, &fields.peak_ram_mb,
                      &fields.cpu_percent}) {
    *value = reading(-1);
  }
  fields.temperature_c = reading(-1000);
  fields.dropped_frames = random_() % 3 == 0 ? -1 : static_cast<std::int64_t>(number());
  fields.missing_inputs = random_() % 3 == 0 ? -1 : static_cast<std::int64_t>(number());
  fields.error_code = random_() % 2 == 0 ? wire::ErrorCode::none : wire::ErrorCode::frozen;
  fields.inferences = number();
  fields.crash_count = static_cast<std::uint32_t>(number());
  auto& buckets =
      numbers_.emplace_back(random_() % 3 == 0 ? limits::latency_buckets_max : random_() % limits::latency_buckets_max);
  for (auto& bucket : buckets) bucket = static_cast<std::uint32_t>(number());
  fields.latency_buckets = buckets.data();
  fields.latency_bucket_count = buckets.size();
  auto& metrics = metrics_.emplace_back(random_() % 3 == 0 ? limits::metrics_max : random_() % limits::metrics_max);
  for (auto& metric : metrics) {
    // Names that differ in their first characters; all of them at their longest would make more than a message.
    const auto index = static_cast<std::size_t>(&metric - metrics.data());
    metric = {keep(std::to_string(index) + "-" + std::string(id(24))),
              number(),
              reading(0),
              reading(0),
              reading(0),
              reading(0)};
  }
  fields.metrics = metrics.data();
  fields.metric_count = metrics.size();
  fields.last_recovery_action = static_cast<wire::RecoveryAction>(random_() % 6);
  return fields;
}

}  // namespace muster::test
