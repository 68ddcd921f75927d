// The device ids of a described fleet by number and back, in 4 bytes a device: an id is made from its group's pattern
// whenever it is needed. The numbers go through the groups in order. Any thread, once built.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rules/simulate/fleet.h"

namespace muster::rules {

class FleetIds {
 public:
  using Number = std::uint32_t;
  using Buffer = std::array<char, 96>;  // for any id that DeviceNames can give

  // `fleet` must outlive this, unchanged.
  explicit FleetIds(const DescribedFleet& fleet);

  [[nodiscard]] Number size() const { return size_; }
  [[nodiscard]] std::uint32_t group_of(Number device) const;
  [[nodiscard]] Number first_of(std::uint32_t group) const { return starts_[group]; }
  // Into the buffer, which the result is a view of. REQUIRES: device < size().
  [[nodiscard]] std::string_view id(Number device, Buffer& buffer) const;
  [[nodiscard]] std::optional<Number> find(std::string_view id) const;

  // The first device whose id another one has too; no look-up finds it.
  [[nodiscard]] std::optional<Number> twice() const { return twice_; }

 private:
  // Where the id stands in the table, or would stand.
  [[nodiscard]] std::size_t place_of(std::string_view id) const;

  const DescribedFleet& fleet_;
  std::vector<Number> starts_;  // of each group
  Number size_ = 0;
  std::vector<Number> table_;  // open addressing by a hash of the id: number + 1, 0 where nothing is
  std::optional<Number> twice_;
};

}  // namespace muster::rules
