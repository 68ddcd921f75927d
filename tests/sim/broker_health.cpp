// Health summaries as the plugin's inbox takes them: in the order of each device's own, and as events only while some
// rollout judges the device.
#include <cmath>
#include <utility>

#include "tests/sim/broker.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t save_interval_ms = 5'000;

std::string text_of(const rules::Readings& readings) {
  const auto number = [](double value) {
    return std::isfinite(value) ? std::to_string(static_cast<std::int64_t>(value * 10)) : std::string("-");
  };
  return "p95 " + number(readings.of(rules::Reading::p95_ms)) + ", distance " +
         (readings.tasks.empty() ? "-" : number(readings.tasks.front().value)) + " (tenths), crashes " +
         number(readings.of(rules::Reading::crash_count)) + ", " + readings.delegate_active;
}

}  // namespace

void Broker::health(const HealthSummary& summary) {
  if (!up()) return;
  const auto& device = summary.measured.device;
  const std::pair order(summary.boot_id, summary.seq);
  const auto known = health_.find(device);
  if (known != health_.end() && order <= known->second) return;  // older, or the same one again
  health_[device] = unsaved_health_[device] = order;
  if (!deciding() || !engine_->wants_health(device)) return;
  log("health of " + device + ": " + text_of(summary.measured.readings));
  static_cast<void>(step(summary.measured, {}, {{device, order}}));
}

// Those without an effect are written in batches: after a crash the last of them may count once more.
void Broker::save_health() {
  const auto now_ms = scheduler_.now_ms();
  if (unsaved_health_.empty() || !deciding() || now_ms < health_saved_ms_ + save_interval_ms) return;
  health_saved_ms_ = now_ms;
  Work work;
  work.health = std::exchange(unsaved_health_, {});
  submit(std::move(work));
}

}  // namespace muster::sim
