// What a device measures of its workload, as edge-client/shell does: windows one after the other, each with its
// summary. Summaries wait while there is no connection, and what nobody may have acknowledged is sent again on the next
// one.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "tests/sim/device.h"

namespace muster::sim {

namespace {

constexpr std::uint64_t unacknowledged_ms = 40'000;  // after the keepalive a sent message has arrived or its line ended
constexpr std::size_t spool_max = 60;

// From 0.9 to 1.1 and back in 40 minutes, the same for all.
double drift_at(std::uint64_t now_ms) {
  constexpr std::uint64_t half_s = 1200;
  const auto at_s = now_ms / 1000 % (2 * half_s);
  return 0.9 + 0.2 * static_cast<double>(at_s < half_s ? at_s : 2 * half_s - at_s) / static_cast<double>(half_s);
}

}  // namespace

bool Device::has_clock() const {
  return Random::mix(number_ + 9) % 10 != 0;
}

void Device::begin_measuring() {
  health_seq_ = 0;
  boot_id_ = agent_->snapshot().boot_id;
  window_start_ms_ = parts_.scheduler.now_ms();
  window_start_s_ = now_s();
  running_for_ = {};
  later(1 + random_.below(options_.health_ms), [this] { close_health_window(); });
}

void Device::close_health_window() {
  later(options_.health_ms, [this] { close_health_window(); });
  const auto now_ms = parts_.scheduler.now_ms();
  const auto start_s = std::exchange(window_start_s_, now_s());
  const auto start_ms = std::exchange(window_start_ms_, now_ms);
  auto readings = measure();
  if (!readings) return;
  auto summary = std::make_shared<HealthSummary>();
  summary->measured.device = id_;
  summary->measured.window_start_s = has_clock() ? start_s : 0;
  summary->measured.window_s = static_cast<std::uint32_t>((now_ms - start_ms + 500) / 1000);
  summary->measured.readings = std::move(*readings);
  summary->boot_id = boot_id_;
  summary->seq = ++health_seq_;
  spool_.push_back(std::move(summary));
  if (spool_.size() > spool_max) spool_.pop_front();
  send_waiting();
}

void Device::add_harms(Workload& workload, const Sha256& manifest, std::uint32_t windows) const {
  if (manifest.is_zero()) return;
  const auto harms = parts_.catalogue.harms(manifest, id_, facts_.region);
  if (harms.has(Harm::silent)) workload.silent = true;
  if (harms.has(Harm::slower)) workload.slowness *= 3;
  if (harms.has(Harm::leaks)) workload.slowness *= 1 + 0.4 * std::min<double>(windows, 10);
  if (harms.has(Harm::worse)) workload.worseness *= 4;
  workload.falls_back = workload.falls_back || harms.has(Harm::falls_back);
  workload.partly = workload.partly || harms.has(Harm::vanishes);
  workload.crashes = workload.crashes || harms.has(Harm::crashes);
}

// What runs in the shadow, on the planes that it is not for beside what is active there.
std::optional<Device::Workload> Device::workload_beside() const {
  if (shadows_.empty()) return std::nullopt;
  std::array<Sha256, rules::plane_count> runs;
  for (std::size_t plane = 0; plane < rules::plane_count; ++plane) runs[plane] = disk_.links[plane].active;
  for (const auto& release : shadows_.back().releases) runs[edge::index_of(release.plane)] = release.manifest;
  Workload workload;
  for (const auto& manifest : runs) add_harms(workload, manifest, 0);
  return workload;
}

// Nothing when the release that runs keeps it from measuring.
std::optional<rules::Readings> Device::measure() {
  using rules::Reading;
  Workload workload;
  for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
    const auto& active = disk_.links[plane].active;
    auto& [release, windows] = running_for_[plane];
    windows = release == active ? windows + 1 : 0;
    release = active;
    add_harms(workload, active, windows);
  }
  if (workload.silent) return std::nullopt;
  const double noise = 0.995 + 0.001 * static_cast<double>(random_.below(11));
  const double drift = options_.drift ? drift_at(parts_.scheduler.now_ms()) : 1;
  const auto fastest_ms = static_cast<double>(20 + Random::mix(number_) % 40);
  const auto distance = static_cast<double>(4 + Random::mix(number_ + 3) % 5);
  const bool has_task = Random::mix(number_ + 7) % 5 != 0;  // some devices have no such task at all
  rules::Readings readings;
  readings.delegate_active = workload.falls_back ? "cpu" : "npu";
  readings.set(Reading::crash_count, workload.crashes ? 1 : 0);
  if (!workload.partly) {
    readings.set(Reading::p95_ms, fastest_ms * workload.slowness * drift * noise);
    readings.set(Reading::inferences, std::floor(1000 / workload.slowness));
    if (has_task) readings.tasks.push_back({"edit_distance", distance * workload.worseness * drift * noise});
  }
  const auto beside = workload_beside();
  if (!beside || beside->silent) return readings;
  readings.tasks.push_back({"shadow.crash_count", beside->crashes ? 1.0 : 0.0});
  if (beside->partly) return readings;
  readings.tasks.push_back({"shadow.p95_ms", fastest_ms * beside->slowness * drift * noise});
  readings.tasks.push_back({"shadow.inferences", std::floor(1000 / beside->slowness)});
  if (has_task) readings.tasks.push_back({"shadow.edit_distance", distance * beside->worseness * drift * noise});
  return readings;
}

void Device::send_waiting() {
  if (link_ == 0) return;
  const auto now_ms = parts_.scheduler.now_ms();
  while (!in_flight_.empty() && in_flight_.front().first + unacknowledged_ms < now_ms) in_flight_.pop_front();
  for (auto& summary : std::exchange(spool_, {})) {
    parts_.network.send(number_, summary);
    in_flight_.emplace_back(now_ms, std::move(summary));
  }
}

void Device::keep_unacknowledged() {
  for (; !in_flight_.empty(); in_flight_.pop_back()) spool_.push_front(std::move(in_flight_.back().second));
  while (spool_.size() > spool_max) spool_.pop_front();
}

}  // namespace muster::sim
