// The devices of one rollout that wait for their maintenance window, by time zone. What a device waits for stands in
// its Member (window_zone), and an entry here whose member waits no more, or in another zone, is only passed over: so
// to begin, to end and to move cost the same whatever the number of devices. Owned by the engine; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "rules/engine/device.h"
#include "rules/engine/window.h"

namespace muster::rules {

class WindowRun {
 public:
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }
  // When the next window of those who wait opens; 0: nobody waits.
  [[nodiscard]] std::uint64_t next_s() const { return waiting_ == 0 ? 0 : next_s_; }
  // The same as it is recorded, which is before those who wait are known again.
  [[nodiscard]] std::uint64_t recorded_next_s() const { return next_s_; }
  [[nodiscard]] bool due(std::uint64_t now_s) const { return waiting_ != 0 && now_s >= next_s_; }

  // A member begins to wait in a zone whose window opens then, and ends to. `live(member)` says whether it still waits
  // in the zone: entries of those that do not are dropped when they are too many.
  template <typename Live>
  void begin(Zone zone, MemberIndex member, std::uint64_t opens_s, Live live) {
    auto& entries = zones_[zone].members;
    if (entries.size() > 2 * zones_[zone].waiting + entries_kept) {
      std::erase_if(entries, [&](MemberIndex each) { return !live(each); });
    }
    entries.push_back(member);
    next_s_ = waiting_ == 0 || opens_s < next_s_ ? opens_s : next_s_;
    ++zones_[zone].waiting;
    ++waiting_;
  }
  void end(Zone zone) {
    --zones_[zone].waiting;
    --waiting_;
  }

  [[nodiscard]] bool waits_in(Zone zone) const { return zones_[zone].waiting != 0; }
  // The entries of a zone, which has none after that; a member may stand there twice.
  [[nodiscard]] std::vector<MemberIndex> take(Zone zone) { return std::exchange(zones_[zone].members, {}); }
  void set_next(std::uint64_t next_s) { next_s_ = next_s; }

 private:
  static constexpr std::size_t entries_kept = 64;
  struct Entries {
    std::vector<MemberIndex> members;
    std::uint32_t waiting = 0;
  };
  std::array<Entries, zones_end> zones_;
  std::uint32_t waiting_ = 0;
  std::uint64_t next_s_ = 0;
};

}  // namespace muster::rules
