// The releases of a world and what they do to the devices that take them. One object a world.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/options.h"
#include "tests/sim/random.h"

namespace muster::sim {

enum class Flaw : std::uint8_t {
  none,
  corrupt,      // its files never match their digests
  probe_fails,  // the first probes fail
  crashes,      // the device goes down while it is probed, each time
  soak_fails,   // probes fail later, in the soak
  misbehaves,   // readings that the recovery policy acts upon
};

class Catalogue {
 public:
  Catalogue(const Options& options, Random random);

  [[nodiscard]] const Releases& all() const { return releases_; }
  [[nodiscard]] const Release& at(const Sha256& manifest) const { return releases_.at(manifest); }
  [[nodiscard]] const std::vector<Sha256>& of(rules::Plane plane) const {
    return by_plane_[static_cast<std::size_t>(plane)];
  }
  // What this release does to this device.
  [[nodiscard]] Flaw flaw(const Sha256& manifest, const std::string& device) const;

 private:
  struct Quality {
    Flaw flaw = Flaw::none;
    std::uint64_t percent = 0, salt = 0;
  };
  void add(const Options& options, Random& random, rules::Plane plane, std::uint32_t version);

  Releases releases_;
  std::array<std::vector<Sha256>, rules::plane_count> by_plane_;
  std::map<Sha256, Quality> qualities_;
};

[[nodiscard]] std::string short_name(const Sha256& digest);
[[nodiscard]] inline edge::Plane edge_plane(rules::Plane plane) {
  return static_cast<edge::Plane>(plane);
}

}  // namespace muster::sim
