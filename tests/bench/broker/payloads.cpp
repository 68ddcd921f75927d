#include "tests/bench/broker/payloads.h"

#include <cstring>
#include <string_view>

#include "schemas/health_summary_generated.h"
#include "schemas/topics.h"
#include "schemas/wire.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {

Bytes full_health(const std::string& device, std::uint64_t seq) {
  flatbuffers::FlatBufferBuilder b(1024);
  const std::vector<flatbuffers::Offset<wire::TaskMetric>> metrics = {
      wire::CreateTaskMetric(b, b.CreateString("edit_distance"), 3600, 410.5, 0, 3, 0.25),
      wire::CreateTaskMetric(b, b.CreateString("plates_read"), 3600, 3588, 0, 1, 1)};
  const auto metric_list = b.CreateVector(metrics);
  const auto buckets = b.CreateVector(std::vector<std::uint32_t>{0, 0, 0, 1, 12, 240, 1900, 1300, 130, 14, 2, 1});
  const auto id = b.CreateString(device);
  const auto config = b.CreateString("sorter@14");
  const auto runtime = b.CreateString("rknn 1.6.0");
  const auto delegate = b.CreateString("npu");
  wire::Digest model_hash;
  std::memset(static_cast<void*>(&model_hash), 7, sizeof model_hash);
  wire::HealthSummaryBuilder summary(b);
  summary.add_device_id(id);
  summary.add_seq(seq);
  summary.add_boot_id(1);
  summary.add_window_start_s(1'795'000'000);
  summary.add_window_s(60);
  summary.add_model_hash(&model_hash);
  summary.add_config_version(config);
  summary.add_runtime_version(runtime);
  summary.add_delegate_active(delegate);
  summary.add_load_time_ms(412);
  summary.add_p50_ms(14.2);
  summary.add_p95_ms(20.8);
  summary.add_p99_ms(31.1);
  summary.add_peak_ram_mb(311);
  summary.add_dropped_frames(2);
  summary.add_thermal(wire::ThermalState::nominal);
  summary.add_temperature_c(51.5);
  summary.add_inferences(3600);
  summary.add_cpu_percent(37.5);
  summary.add_disk_free_mb(10'240);
  summary.add_latency_buckets(buckets);
  summary.add_metrics(metric_list);
  wire::FinishHealthSummaryBuffer(b, summary.Finish());
  Bytes bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  return bytes;
}

Sender health_sender(const std::string& device) {
  constexpr std::uint64_t mark = 0x5e9a'11c0'ffee'0d15;  // stands nowhere else in the message
  Sender sender;
  sender.client_id = sender.user = device;
  sender.topic = std::string(format_topic({TopicKind::device_health, device}).view());
  sender.payload = full_health(device, mark);
  const std::string_view needle(reinterpret_cast<const char*>(&mark), sizeof mark);
  sender.counter_place = ByteView(sender.payload).text().find(needle);
  if (sender.counter_place == std::string_view::npos) break_off("the health summary does not hold its seq");
  // As it will be sent: what the plugin would refuse would measure nothing.
  sender.payload = full_health(device, 1);
  const AlignedBytes copy{ByteView(sender.payload)};
  const wire::HealthSummary* message = nullptr;
  if (verify(copy.view(), message) != WireFault::none || message->seq() != 1)
    break_off("the health summary is none that a broker takes");
  return sender;
}

std::vector<Sender> health_senders(std::size_t count, const std::string& prefix) {
  std::vector<Sender> senders;
  for (std::size_t i = 0; i < count; ++i) senders.push_back(health_sender(prefix + std::to_string(i)));
  return senders;
}

}  // namespace muster::bench
