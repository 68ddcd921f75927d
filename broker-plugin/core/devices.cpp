#include "broker-plugin/core/devices.h"

#include <cassert>

#include "broker-plugin/store/keys.h"

namespace muster::broker {

bool DeviceTable::take_report(std::string_view device, std::uint64_t boot_id, std::uint64_t seq) {
  return row(device).report.advance(boot_id, seq);
}

Arrival DeviceTable::take_health(std::string_view device, std::uint64_t boot_id, std::uint64_t seq, ByteView summary) {
  auto& at = row(device);
  const bool any = !at.health.empty();  // before the first one, (0, 0) is newer too
  if (any && at.summary.boot_id == boot_id && at.summary.seq == seq) return Arrival::again;
  if (!at.summary.advance(boot_id, seq)) return Arrival::older;
  at.health.assign(summary.begin(), summary.end());
  if (!at.unsaved) {
    at.unsaved = true;
    unsaved_.emplace_back(device);
  }
  return Arrival::newer;
}

void DeviceTable::restore_health(std::string_view device, std::uint64_t boot_id, std::uint64_t seq, ByteView summary) {
  auto& at = row(device);
  at.summary = {boot_id, seq};
  at.health.assign(summary.begin(), summary.end());
}

ByteView DeviceTable::health(std::string_view device) const {
  const auto known = rows_.find(device);
  return known == rows_.end() ? ByteView() : ByteView(known->second.health);
}

std::vector<Record> DeviceTable::unsaved_health(std::size_t max) {
  std::vector<Record> records;
  while (!unsaved_.empty() && records.size() < max) {
    const auto device = std::move(unsaved_.back());
    unsaved_.pop_back();
    auto& at = row(device);
    at.unsaved = false;
    records.push_back(health_record(device));
  }
  return records;
}

Record DeviceTable::health_record(std::string_view device) const {
  const auto summary = health(device);
  assert(!summary.empty());
  return {keys::join(keys::health, device), std::string(summary.text())};
}

}  // namespace muster::broker
