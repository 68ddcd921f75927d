#include "rules/engine/fleet.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "rules/engine/facts.h"

namespace muster::rules {

namespace {

std::string_view view_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace

Fleet::Fleet() {
  empty_plane_ = intern(Sha256());
}

DeviceIndex Fleet::find(std::string_view id) const {
  return ids_.find(id);
}

DeviceIndex Fleet::find_or_add(std::string_view id) {
  if (const auto known = ids_.find(id); known != 0) return known;
  const DeviceIndex index = ids_.intern(id);
  devices_.ensure(index);
  Device& device = devices_[index];
  device = Device();
  device.live = true;
  for (auto& slot : device.active) set_digest(slot, empty_plane_);
  return index;
}

void Fleet::remove(DeviceIndex index) {
  Device& device = devices_[index];
  assert(device.live && device.first_member == 0);
  for (const auto handle : device.active) drop(handle);
  for (const auto handle : device.assigned) drop(handle);
  facts_.release(device.facts);
  texts_.release(device.error);
  texts_.release(device.detail);
  texts_.release(device.versions);
  device = Device();
  ids_.release(index);
}

Handle Fleet::intern(const Sha256& digest) {
  return digests_.intern(view_of(digest));
}

Handle Fleet::find(const Sha256& digest) const {
  return digests_.find(view_of(digest));
}

Sha256 Fleet::digest(Handle handle) const {
  Sha256 value;
  const auto bytes = digests_.bytes(handle);
  if (bytes.size() == value.bytes.size()) std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
  return value;
}

void Fleet::set_digest(Handle& slot, Handle digest) {
  if (slot == digest) return;
  digests_.retain(digest);
  digests_.release(slot);
  slot = digest;
}

void Fleet::set_error(Device& device, std::string_view error, std::string_view detail) {
  texts_.assign(device.error, error);
  texts_.assign(device.detail, detail);
}

ReportChange Fleet::absorb(DeviceIndex index, const DeviceReport& report, std::uint64_t now_s) {
  Device& device = devices_[index];
  ReportChange change;
  const auto number = std::tie(report.boot_id, report.seq);
  if (device.reported && number <= std::tie(device.boot_id, device.seq)) {
    change.stale = true;
    return change;
  }
  change.facts = change.durable = !device.reported;
  device.reported = true;
  device.boot_id = report.boot_id;
  device.seq = report.seq;
  device.last_seen_s = now_s;

  scratch_.clear();
  pack_facts(report.facts, scratch_);
  if (facts_.bytes(device.facts) != scratch_.bytes()) {
    facts_.assign(device.facts, scratch_.bytes());
    change.facts = change.durable = true;
  }
  for (std::size_t plane = 0; plane < plane_count; ++plane) {
    if (digests_.bytes(device.active[plane]) == view_of(report.active[plane])) continue;
    digests_.assign(device.active[plane], view_of(report.active[plane]));
    change.versions = change.durable = true;
  }
  const auto known = view_versions(texts_.bytes(device.versions));
  if (!std::equal(known.begin(), known.end(), report.version.begin())) {
    set_versions(device, pack_versions(report.version));
    change.versions = change.durable = true;
  }
  if (device.floor != report.security_floor || device.state != report.state || device.attempt != report.attempt ||
      device.attempt_epoch != report.attempt_epoch || texts_.bytes(device.error) != report.attempt_error ||
      device.waits != report.waits) {
    change.durable = true;
  }
  device.floor = report.security_floor;
  device.state = report.state;
  device.attempt = report.attempt;
  device.attempt_epoch = report.attempt_epoch;
  device.waits = report.waits;
  set_error(device, report.attempt_error, report.attempt_detail);
  return change;
}

}  // namespace muster::rules
