// Measurements in, readings for the recovery policy and health summaries out.
#include <algorithm>
#include <utility>

#include "edge-client/shell/local_time.h"
#include "edge-client/shell/outbound.h"
#include "edge-client/shell/shell.h"
#include "schemas/topics.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t readings_pause_ms = 1000;  // between two looks at the recovery policy

}  // namespace

void Shell::on_statsd(std::string_view datagram) {
  measurements_.take(datagram);
  if (readings_timer_ != 0) return;
  const auto due = std::max(readings_given_ms_ + readings_pause_ms, EventLoop::now_ms());
  readings_timer_ = loop_.at(due, [this] {
    readings_timer_ = 0;
    give_readings();
  });
}

void Shell::give_readings() {
  readings_given_ms_ = EventLoop::now_ms();
  auto readings = measurements_.readings();
  // What the workload says of a name goes before what the agent measures.
  auto own = readings_of(system_now_);
  if (config_.slo_ms > 0) own.emplace_back("slo_ms", config_.slo_ms);
  for (auto& reading : own) {
    const auto at = std::lower_bound(readings.begin(), readings.end(), reading.first,
                                     [](const auto& each, const std::string& name) { return each.first < name; });
    if (at == readings.end() || at->first != reading.first) readings.insert(at, std::move(reading));
  }
  feed(Readings{std::move(readings)});
}

void Shell::close_health_window() {
  loop_.after(config_.health_interval_ms, [this] { close_health_window(); });
  system_now_ = system_.read();
  inbound_->look_again();
  // Judged before it is closed, while the counters of the window are all there.
  give_readings();
  HealthWindow window;
  window.device_id = config_.device_id;
  window.seq = ++health_seq_;
  window.start_s = window_start_s_;
  window.window_s = static_cast<std::uint32_t>((EventLoop::now_ms() - window_start_ms_ + 500) / 1000);
  window.refused_messages = std::exchange(refused_, 0) + (connection_ ? connection_->take_dropped() : 0);
  window.spool_dropped = outbox_->take_dropped();
  window_start_s_ = now_s();
  window_start_ms_ = EventLoop::now_ms();
  if (utc_offset_min(now_s()) != config_.facts.utc_offset_min) publish_report();  // summer time, or it was moved
  const auto snapshot = agent_.snapshot();
  auto summary = measurements_.close_window();
  // What a shadow said that is over is nobody's reading any more.
  if (shadow_->running()) {
    const auto too_long = shadow_measurements_.close_shadow_window(summary);
    if (!too_long.empty()) {
      log_.write_bounded(host::LogLevel::warning, "shadow_metric",
                         "the shadow's metric " + too_long + " is left out: with " + std::string(shadow_prefix) +
                             " before it its name is longer than " + std::to_string(limits::id_len_max));
    }
  }
  outbox_->put(encode_health(window, snapshot, summary, system_now_), snapshot.boot_id, window.seq);
}

bool Shell::send_health(const Bytes& summary, std::function<void(bool accepted)> acked) {
  if (!connection_) return false;
  const std::string topic(format_topic({TopicKind::device_health, config_.device_id}).view());
  return connection_->publish(topic, summary, 1, false, [this, acked = std::move(acked)](int reason) {
    if (reason < 0) return;  // the connection ended: it is kept
    if (reason >= 0x80)
      log_.write_bounded(host::LogLevel::warning, "health",
                         "the broker refuses health summaries (reason " + std::to_string(reason) + ")");
    acked(reason < 0x80);
  });
}

}  // namespace muster::edge
