#include "edge-client/agent/checks.h"

#include <algorithm>

#include "schemas/version_order.h"

namespace muster::edge {
namespace {

bool lists(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string plane_name(Plane plane) {
  return wire::EnumNamePlane(plane);
}

}  // namespace

std::optional<Fault> check_release(const ReleaseInfo& release, const Facts& facts, std::uint32_t security_floor) {
  const auto name = release.name + "@" + release.version;
  if (!release.classes.empty() && !lists(release.classes, facts.device_class)) {
    return Fault{ErrorCode::incompatible, name + " is not made for class " + facts.device_class};
  }
  if (facts.memory_mb < release.memory_mb_min) {
    return Fault{ErrorCode::incompatible, name + " needs " + std::to_string(release.memory_mb_min) +
                                              " MB of memory, this device has " + std::to_string(facts.memory_mb)};
  }
  for (const auto& accelerator : release.accelerators) {
    if (!lists(facts.accelerators, accelerator)) {
      return Fault{ErrorCode::incompatible,
                   name + " needs the accelerator " + accelerator + ", which this device lacks"};
    }
  }
  if (release.security_version < security_floor) {
    return Fault{ErrorCode::under_security_floor, name + " has security version " +
                                                      std::to_string(release.security_version) + ", the floor is " +
                                                      std::to_string(security_floor)};
  }
  return std::nullopt;
}

std::optional<UnmetRequirement> check_requirements(const std::array<PlaneOutcome, plane_count>& outcome) {
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto* release = outcome[i].release;
    if (release == nullptr) continue;
    for (const auto& need : release->needs) {
      const auto& other = outcome[index_of(need.plane)];
      if (!outcome[i].changes && !other.changes) continue;
      const auto asks =
          release->name + "@" + release->version + " needs " + plane_name(need.plane) + " >= " + need.min_version;
      const auto plane = static_cast<Plane>(i);
      if (other.version.empty()) return UnmetRequirement{plane, asks + ", that plane is empty"};
      if (compare_versions(other.version, need.min_version) < 0) {
        return UnmetRequirement{plane, asks + ", there is " + other.version};
      }
    }
  }
  return std::nullopt;
}

}  // namespace muster::edge
