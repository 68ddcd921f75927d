// Whom operators have taken out of one rollout: groups that are stopped, and single devices that are cancelled. Knows
// no members; says what stands, and for whom. Pure; owned by the engine.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/record.h"
#include "rules/engine/status.h"

namespace muster::rules {

class Exclusions {
 public:
  // Each gives what is wrong, and has changed nothing then; empty when it was done.
  // A stop that stands already takes --revert on, nothing else. REQUIRES: `stop.group` is a group.
  [[nodiscard]] std::string stop(GroupStop stop);
  [[nodiscard]] std::string go_on(std::string_view group);
  [[nodiscard]] std::string cancel(CancelledDevice cancelled);
  [[nodiscard]] std::string readmit(std::string_view device);

  // The first stop, by group, that a device with these packed facts is under; null: none.
  [[nodiscard]] const GroupStop* stop_of(std::string_view packed_facts) const;
  [[nodiscard]] const CancelledDevice* cancelled(std::string_view device) const;  // null: it is not

  [[nodiscard]] std::vector<GroupStop> stops() const;  // by group
  // The newest cancelled_shown_max of them, newest first.
  [[nodiscard]] std::vector<CancelledDevice> cancelled_shown() const;
  [[nodiscard]] std::size_t cancelled_count() const { return cancelled_.size(); }
  // True once after something has changed, and at first: what people see is to be written anew.
  [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
  // "region=de by alice, site=plant-7 by bob"; empty when none stands.
  [[nodiscard]] std::string stops_sentence() const;

  void encode(ByteWriter& out) const;
  [[nodiscard]] bool decode(ByteReader& in);

 private:
  std::map<std::string, GroupStop, std::less<>> stops_;
  std::map<std::string, CancelledDevice, std::less<>> cancelled_;
  bool changed_ = true;
};

// "by alice: moved to another line"
[[nodiscard]] std::string by_whom(const std::string& who, const std::string& why);

}  // namespace muster::rules
