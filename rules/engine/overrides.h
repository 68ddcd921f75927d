// Releases that operators have given to single devices outside of any rollout, by device and plane. Knows no members;
// says what stands. Pure; owned by the engine.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rules/engine/device.h"
#include "rules/engine/record.h"

namespace muster::rules {

struct Override {
  std::string release;  // "reader@3"
  Sha256 manifest;
  std::uint32_t security_version = 0;
  std::uint64_t epoch = 0;  // of the assignment that gave it
  std::string who, why;
  std::uint64_t since_s = 0;
  std::array<std::string, plane_count> version_min = {};  // what the release needs of the other planes
};

class Overrides {
 public:
  using OfDevice = PerPlane<std::optional<Override>>;

  // What is wrong, and nothing was changed; empty when it stands. Takes the place of one that stands there.
  [[nodiscard]] std::string set(std::string_view device, std::size_t plane, Override override);
  void clear(std::string_view device, std::size_t plane);

  [[nodiscard]] bool none() const { return devices_.empty(); }
  [[nodiscard]] const Override* find(std::string_view device, std::size_t plane) const;  // null: none stands
  [[nodiscard]] const std::map<std::string, OfDevice, std::less<>>& devices() const { return devices_; }

  // REQUIRES: one stands for the device.
  void encode(std::string_view device, ByteWriter& out) const;
  [[nodiscard]] bool decode(std::string_view device, ByteReader& in);

 private:
  std::map<std::string, OfDevice, std::less<>> devices_;
};

// "the override of plane model stands: reader@3 by alice: bad disk"
[[nodiscard]] std::string describe_override(std::size_t plane, const Override& override);

}  // namespace muster::rules
