#include "edge-client/shell/outbound.h"

#include <algorithm>

#include <vector>

#include "schemas/chunk_get_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/text.h"

namespace muster::edge {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

wire::Digest digest_of(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}

Offset<flatbuffers::String> optional_text(FlatBufferBuilder& b, const std::string& text) {
  return text.empty() ? 0 : b.CreateString(text);
}

Bytes finished(const FlatBufferBuilder& b) {
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

Offset<wire::Facts> encode_facts(FlatBufferBuilder& b, const Facts& facts) {
  const auto device_class = b.CreateString(facts.device_class);
  const auto region = optional_text(b, facts.region);
  const auto site = optional_text(b, facts.site);
  const auto customer = optional_text(b, facts.customer);
  const auto os_version = optional_text(b, facts.os_version);
  const auto memory_tier = optional_text(b, facts.memory_tier);
  const auto agent_version = optional_text(b, facts.agent_version);
  const auto tags = b.CreateVectorOfStrings(facts.tags);
  const auto accelerators = b.CreateVectorOfStrings(facts.accelerators);
  const auto runtimes = b.CreateVectorOfStrings(facts.runtimes);
  wire::FactsBuilder builder(b);
  builder.add_device_class(device_class);
  builder.add_region(region);
  builder.add_site(site);
  builder.add_customer(customer);
  builder.add_os_version(os_version);
  builder.add_memory_mb(facts.memory_mb);
  builder.add_memory_tier(memory_tier);
  builder.add_tags(tags);
  builder.add_accelerators(accelerators);
  builder.add_runtimes(runtimes);
  if (facts.utc_offset_min) builder.add_utc_offset_min(*facts.utc_offset_min);
  builder.add_agent_version(agent_version);
  return builder.Finish();
}

Offset<wire::PlaneState> encode_plane(FlatBufferBuilder& b, Plane plane, const Snapshot::PlaneView& view) {
  const auto name = optional_text(b, view.active.name);
  const auto version = optional_text(b, view.active.version);
  const auto active = digest_of(view.active.manifest);
  const auto downloaded = digest_of(view.downloaded);
  const auto previous = digest_of(view.previous.manifest);
  wire::PlaneStateBuilder builder(b);
  builder.add_plane(plane);
  if (!view.active.empty()) builder.add_active(&active);
  if (!view.downloaded.is_zero()) builder.add_downloaded(&downloaded);
  if (!view.previous.empty()) builder.add_previous(&previous);
  builder.add_active_name(name);
  builder.add_active_version(version);
  builder.add_security_floor(view.security_floor);
  return builder.Finish();
}

Offset<wire::TaskMetric> encode_metric(FlatBufferBuilder& b, const MetricWindow& metric) {
  return wire::CreateTaskMetric(b, b.CreateString(metric.name), metric.count, metric.sum, metric.min, metric.max,
                                metric.last);
}

// The agent's own counts and what it knows of the battery, the workload's metrics and then its shadow's, `metrics_max`
// of them at most.
std::vector<MetricWindow> metrics_to_send(const HealthWindow& window, const WindowSummary& summary,
                                          const SystemReadings& system, std::size_t metrics_max) {
  std::vector<MetricWindow> metrics;
  const auto count = [&](const char* name, std::uint64_t value) {
    const auto number = static_cast<double>(value);
    if (value != 0) metrics.push_back({name, value, number, number, number, number});
  };
  count("agent.refused_messages", window.refused_messages);
  count("agent.spool_dropped", window.spool_dropped);
  count("agent.statsd_malformed", summary.malformed);
  const auto battery = system.battery_percent;
  const bool said = std::any_of(summary.metrics.begin(), summary.metrics.end(),
                                [](const MetricWindow& metric) { return metric.name == "battery_percent"; });
  if (battery >= 0 && !said) metrics.push_back({"battery_percent", 1, battery, battery, battery, battery});
  std::size_t left_out = summary.left_out;
  const auto add = [&](const MetricWindow& metric, bool good) {
    if (good && metrics.size() + 1 < metrics_max) {
      metrics.push_back(metric);
    } else {
      left_out += metric.count;
    }
  };
  for (const auto& metric : summary.metrics) {
    add(metric, metric.name.rfind("agent.", 0) != 0 && metric.name.rfind(shadow_prefix, 0) != 0);
  }
  for (const auto& metric : summary.shadow) add(metric, true);
  count("agent.samples_left_out", left_out);
  return metrics;
}

Bytes encode_health_with(const HealthWindow& window, const Snapshot& snapshot, const WindowSummary& summary,
                         const SystemReadings& system, std::size_t metrics_max) {
  FlatBufferBuilder b(1024);
  std::vector<Offset<wire::TaskMetric>> metrics;
  for (const auto& metric : metrics_to_send(window, summary, system, metrics_max))
    metrics.push_back(encode_metric(b, metric));
  const auto metric_list = b.CreateVector(metrics);
  const auto buckets = summary.latency_buckets.empty() ? 0 : b.CreateVector(summary.latency_buckets);
  const auto device = b.CreateString(window.device_id);
  const auto& config = snapshot.planes[index_of(Plane::config)].active;
  const auto config_version = optional_text(b, config.empty() ? "" : config.name + "@" + config.version);
  const auto runtime = optional_text(b, clean_text(snapshot.runtime, limits::attribute_len_max));
  const auto delegate = optional_text(b, clean_text(summary.delegate, limits::attribute_len_max));
  const auto& model = snapshot.planes[index_of(Plane::model)].active;
  const auto model_hash = digest_of(model.manifest);
  const auto code = static_cast<ErrorCode>(summary.error_code);

  wire::HealthSummaryBuilder builder(b);
  builder.add_device_id(device);
  builder.add_seq(window.seq);
  builder.add_boot_id(snapshot.boot_id);
  builder.add_window_start_s(window.start_s);
  builder.add_window_s(window.window_s);
  builder.add_state(snapshot.state);
  if (!model.empty()) builder.add_model_hash(&model_hash);
  builder.add_config_version(config_version);
  builder.add_runtime_version(runtime);
  builder.add_delegate_active(delegate);
  builder.add_load_time_ms(summary.load_time_ms);
  builder.add_p50_ms(summary.p50_ms);
  builder.add_p95_ms(summary.p95_ms);
  builder.add_p99_ms(summary.p99_ms);
  builder.add_peak_ram_mb(summary.peak_ram_mb);
  builder.add_dropped_frames(summary.dropped_frames);
  builder.add_thermal(system.thermal);
  builder.add_temperature_c(system.temperature_c);
  // A workload that reports a code which is none has an error, just none that can be named.
  builder.add_error_code(*wire::EnumNameErrorCode(code) != '\0' ? code : ErrorCode::internal);
  builder.add_inferences(summary.inferences);
  builder.add_crash_count(summary.crash_count);
  builder.add_missing_inputs(summary.missing_inputs);
  builder.add_cpu_percent(system.cpu_percent);
  builder.add_disk_free_mb(system.disk_free_mb);
  builder.add_latency_buckets(buckets);
  builder.add_metrics(metric_list);
  builder.add_last_recovery_action(snapshot.last_action);
  wire::FinishHealthSummaryBuffer(b, builder.Finish());
  return finished(b);
}

}  // namespace

Bytes encode_state_report(const Snapshot& snapshot, const Facts& facts, const ReportStamp& stamp) {
  FlatBufferBuilder b(1024);
  std::vector<Offset<wire::PlaneState>> planes;
  for (std::size_t i = 0; i < plane_count; ++i) {
    if (snapshot.planes[i].configured) planes.push_back(encode_plane(b, static_cast<Plane>(i), snapshot.planes[i]));
  }
  const auto plane_list = b.CreateVector(planes);
  const auto encoded_facts = encode_facts(b, facts);
  const auto device = b.CreateString(stamp.device_id);
  const auto detail = optional_text(b, clean_text(snapshot.detail, limits::text_len_max));
  const auto attempt =
      wire::CreateAttempt(b, snapshot.attempt_epoch, snapshot.attempt, snapshot.attempt_plane, snapshot.error, detail,
                          snapshot.bytes_done, snapshot.bytes_total, snapshot.waits);
  wire::StateReportBuilder builder(b);
  builder.add_device_id(device);
  builder.add_seq(stamp.seq);
  builder.add_boot_id(snapshot.boot_id);
  builder.add_reported_s(stamp.now_s);
  builder.add_facts(encoded_facts);
  builder.add_state(snapshot.state);
  builder.add_planes(plane_list);
  builder.add_attempt(attempt);
  builder.add_assignment_epoch(snapshot.assignment_epoch);
  builder.add_directive_epoch(snapshot.directive_epoch);
  builder.add_last_recovery_action(snapshot.last_action);
  builder.add_updates_paused(snapshot.updates_paused);
  wire::FinishStateReportBuffer(b, builder.Finish());
  return finished(b);
}

Bytes encode_health(const HealthWindow& window, const Snapshot& snapshot, const WindowSummary& summary,
                    const SystemReadings& system) {
  for (auto metrics_max = limits::metrics_max;; metrics_max /= 2) {
    auto bytes = encode_health_with(window, snapshot, summary, system, metrics_max);
    if (bytes.size() <= limits::health_summary_len_max || metrics_max == 0) return bytes;
  }
}

Bytes encode_chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
  FlatBufferBuilder b(128);
  const auto value = digest_of(digest);
  wire::FinishChunkGetBuffer(b, wire::CreateChunkGet(b, &value, offset, length));
  return finished(b);
}

}  // namespace muster::edge
