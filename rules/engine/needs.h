// What a release needs of a device before it may run there, and the one reason why a device does not fit. Devices check
// the same for themselves; here it keeps a release from being assigned in vain. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/rule.h"

namespace muster::rules {

class ByteReader;
class ByteWriter;
struct FactsView;

// Nothing is asked for by an empty list, an empty text, a zero. What is asked for and not reported is not met.
struct Needs {
  std::vector<std::string> classes, os_versions;  // a device is of one of them
  std::vector<std::string> accelerators;          // it has all of them
  std::string runtime;                            // it has this one
  std::uint32_t memory_mb_min = 0;
  std::array<std::string, plane_count> version_min;  // it runs at least this on that plane

  [[nodiscard]] bool any() const;
  bool operator==(const Needs&) const = default;
};

void encode(const Needs& needs, ByteWriter& out);
[[nodiscard]] bool decode(ByteReader& in, Needs& needs);

enum class Misfit : std::uint8_t {
  none,
  device_class,
  memory,
  accelerators,
  runtime,
  os_version,
  prerequisite,
  overridden
};
inline constexpr std::size_t misfit_count = 8;
[[nodiscard]] std::string_view name_of(Misfit misfit);

// The versions that a device runs, by plane: empty where it runs nothing or does not say.
using VersionsView = std::array<std::string_view, plane_count>;

// Both as one text, and back; an empty text when none is said.
[[nodiscard]] std::string pack_versions(const std::array<std::string, plane_count>& versions);
[[nodiscard]] VersionsView view_versions(std::string_view packed);

// The first of what `needs` asks for and the device does not have. A plane of `governed` is not looked at: the rollout
// brings its own release there.
[[nodiscard]] Misfit misfit_of(const Needs& needs, const FactsView& facts, const VersionsView& versions,
                               const std::array<bool, plane_count>& governed);
// The same as a sentence about `release`; empty when it fits.
[[nodiscard]] std::string describe_misfit(std::string_view release, const Needs& needs, const FactsView& facts,
                                          const VersionsView& versions, const std::array<bool, plane_count>& governed);

}  // namespace muster::rules
