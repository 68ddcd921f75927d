#include "broker-plugin/core/devices.h"

#include "broker-plugin/store/keys.h"

namespace muster::broker {

bool DeviceTable::take_report(std::string_view device, std::uint64_t boot_id, std::uint64_t seq) {
  return row(device).report.advance(boot_id, seq);
}

bool DeviceTable::take_health(std::string_view device, std::uint64_t boot_id, std::uint64_t seq, ByteView summary) {
  auto& at = row(device);
  if (!at.summary.advance(boot_id, seq)) return false;
  at.health.assign(summary.begin(), summary.end());
  if (!at.unsaved) {
    at.unsaved = true;
    unsaved_.emplace_back(device);
  }
  return true;
}

void DeviceTable::restore_health(std::string_view device, ByteView summary) {
  row(device).health.assign(summary.begin(), summary.end());
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
    records.push_back({keys::join(keys::health, device), std::string(ByteView(at.health).text())});
  }
  return records;
}

}  // namespace muster::broker
