// The releases of a world and what they do to the devices that take them. One object a world.
#pragma once

#include <string>
#include <unordered_map>
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

// What a release does to what devices measure, without making them fail.
enum class Harm : std::uint8_t {
  slower,      // three times as slow
  leaks,       // slower with each window
  worse,       // four times the edit distance
  vanishes,    // some readings are not there any more
  falls_back,  // the model runs on another delegate
  crashes,     // the workload counts crashes
  silent,      // no summaries any more
};
class Harms {
 public:
  void add(Harm harm) { bits_ |= 1u << static_cast<unsigned>(harm); }
  [[nodiscard]] bool has(Harm harm) const { return ((bits_ >> static_cast<unsigned>(harm)) & 1u) != 0; }
  [[nodiscard]] bool none() const { return bits_ == 0; }

 private:
  unsigned bits_ = 0;
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
  [[nodiscard]] Harms harms(const Sha256& manifest, const std::string& device, const std::string& region) const;

 private:
  struct Quality {
    Flaw flaw = Flaw::none;
    std::uint64_t percent = 0, salt = 0;
    Harms harms;
    std::uint64_t harm_percent = 0, harm_salt = 0;
    std::string harm_region;  // empty: everywhere
  };
  void add(const Options& options, Random& random, rules::Plane plane, std::uint32_t version);
  void add_harm(Random& random, rules::Plane plane);

  Releases releases_;
  std::array<std::vector<Sha256>, rules::plane_count> by_plane_;
  struct FirstBytes {
    std::size_t operator()(const Sha256& digest) const;
  };
  std::unordered_map<Sha256, Quality, FirstBytes> qualities_;  // asked for with each reading of each device
};

[[nodiscard]] std::string short_name(const Sha256& digest);
[[nodiscard]] inline edge::Plane edge_plane(rules::Plane plane) {
  return static_cast<edge::Plane>(plane);
}

}  // namespace muster::sim
