#include "tests/bench/instructions/messages.h"

#include <vector>

#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"

namespace muster::instructions {
namespace {

using flatbuffers::FlatBufferBuilder;

wire::Digest digest_of(std::uint8_t n) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(n);
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(bytes.data(), bytes.size()));
}

Bytes bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

Bytes state_report(const std::string& device, std::uint64_t seq, std::uint8_t attempt, std::uint64_t epoch) {
  FlatBufferBuilder builder;
  const auto tags = builder.CreateVector(std::vector{builder.CreateString("line-1"), builder.CreateString("outdoor")});
  const auto facts =
      wire::CreateFacts(builder, builder.CreateString("rk3566"), builder.CreateString("eu"),
                        builder.CreateString("plant-7"), builder.CreateString("acme"), builder.CreateString("12"), 2048,
                        builder.CreateString("small"), tags, 0, builder.CreateString("0.1.0"));
  std::vector<flatbuffers::Offset<wire::PlaneState>> planes;
  for (std::uint8_t plane = 0; plane < 3; ++plane) {
    const auto active = digest_of(static_cast<std::uint8_t>(plane + 1));
    planes.push_back(wire::CreatePlaneState(builder, static_cast<wire::Plane>(plane), &active, &active, nullptr,
                                            builder.CreateString("reader"), builder.CreateString("1.0.0"), 1));
  }
  const auto in_work =
      wire::CreateAttempt(builder, epoch, static_cast<wire::AttemptState>(attempt), wire::Plane::model);
  wire::FinishStateReportBuffer(
      builder, wire::CreateStateReport(builder, builder.CreateString(device), seq, 1, 1'000'000, facts,
                                       wire::DeviceState::healthy, builder.CreateVector(planes), in_work, epoch));
  return bytes_of(builder);
}

Bytes health_summary(const std::string& device, std::uint64_t seq) {
  FlatBufferBuilder builder;
  const auto id = builder.CreateString(device);
  const auto config = builder.CreateString("sorter@14");
  const auto runtime = builder.CreateString("1.16.3");
  const auto delegate = builder.CreateString("npu");
  const auto buckets = builder.CreateVector(std::vector<std::uint32_t>{0, 0, 1, 9, 120, 300, 80, 7, 1, 0, 0, 0});
  std::vector<flatbuffers::Offset<wire::TaskMetric>> metrics;
  for (const char* name : {"edit_distance", "label_confidence", "queue_len"}) {
    metrics.push_back(wire::CreateTaskMetric(builder, builder.CreateString(name), 518, 1500.5, 0.5, 9.0, 3.0));
  }
  const auto all_metrics = builder.CreateVector(metrics);
  const auto model = digest_of(2);
  wire::HealthSummaryBuilder summary(builder);
  summary.add_device_id(id);
  summary.add_seq(seq);
  summary.add_boot_id(1);
  summary.add_window_start_s(1'000'000);
  summary.add_window_s(60);
  summary.add_model_hash(&model);
  summary.add_config_version(config);
  summary.add_runtime_version(runtime);
  summary.add_delegate_active(delegate);
  summary.add_p50_ms(18);
  summary.add_p95_ms(33);
  summary.add_p99_ms(41);
  summary.add_peak_ram_mb(212);
  summary.add_temperature_c(61);
  summary.add_inferences(518);
  summary.add_latency_buckets(buckets);
  summary.add_metrics(all_metrics);
  wire::FinishHealthSummaryBuffer(builder, summary.Finish());
  return bytes_of(builder);
}

}  // namespace muster::instructions
