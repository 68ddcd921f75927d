// All devices: who they are, what they last reported and what they were last assigned; no rollouts. Owned by the
// engine; not thread-safe. Iteration is in no meaningful order: sort by id before anything becomes an effect.
#pragma once

#include <cstdint>
#include <string_view>

#include "rules/engine/device.h"
#include "rules/engine/event.h"
#include "rules/engine/pool.h"
#include "rules/engine/record.h"
#include "rules/engine/slab.h"

namespace muster::rules {

// What a report changed.
struct ReportChange {
  bool stale = false;     // not newer than the last one: dropped, nothing changed
  bool facts = false;     // the facts, or this was the first report
  bool versions = false;  // which versions it says that it runs
  bool durable = false;   // something that must survive a restart
};

class Fleet {
 public:
  Fleet();

  [[nodiscard]] DeviceIndex find(std::string_view id) const;  // 0: unknown
  [[nodiscard]] DeviceIndex find_or_add(std::string_view id);
  void remove(DeviceIndex index);  // REQUIRES: it has no members

  [[nodiscard]] Device& operator[](DeviceIndex index) { return devices_[index]; }
  [[nodiscard]] const Device& operator[](DeviceIndex index) const { return devices_[index]; }
  [[nodiscard]] std::string_view id(DeviceIndex index) const { return ids_.bytes(index); }
  [[nodiscard]] std::string_view facts(DeviceIndex index) const { return facts_.bytes(devices_[index].facts); }
  [[nodiscard]] std::string_view text(Handle handle) const { return texts_.bytes(handle); }

  // Takes a report over when it is newer than the last one.
  ReportChange absorb(DeviceIndex index, const DeviceReport& report, std::uint64_t now_s);

  // Digests by handle. intern() adds a reference; keep() copies one.
  [[nodiscard]] Handle intern(const Sha256& digest);
  [[nodiscard]] Sha256 digest(Handle handle) const;       // zero for none
  [[nodiscard]] Handle find(const Sha256& digest) const;  // 0: no device and no rollout has it
  [[nodiscard]] Handle empty_plane() const { return empty_plane_; }
  void keep(Handle digest) { digests_.retain(digest); }
  void drop(Handle digest) { digests_.release(digest); }
  void set_digest(Handle& slot, Handle digest);

  void set_facts(Device& device, std::string_view packed) { facts_.assign(device.facts, packed); }
  void set_versions(Device& device, std::string_view packed) { texts_.assign(device.versions, packed); }
  void set_error(Device& device, std::string_view error, std::string_view detail);

  template <typename Visit>
  void for_each(Visit visit) const {
    for (DeviceIndex index = 1; index < ids_.end(); ++index) {
      if (devices_[index].live) visit(index);
    }
  }

 private:
  Pool ids_, digests_, texts_, facts_;
  Slab<Device> devices_;  // by the handle of the id
  Handle empty_plane_ = 0;
  ByteWriter scratch_;
};

}  // namespace muster::rules
