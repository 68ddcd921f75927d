#include "edge-client/agent/checks.h"

#include <algorithm>

namespace muster::edge {
namespace {

// Takes the next part of a version off its front.
std::string_view next_part(std::string_view& rest) {
  const auto end = std::min(rest.find_first_of("._-"), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool is_number(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Digits of any length, without overflow: more digits win, then the letters.
int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// A word (rc1) comes before nothing, nothing before a number.
int rank(std::string_view part) {
  if (part.empty()) return 1;
  return is_number(part) ? 2 : 0;
}

bool lists(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string plane_name(Plane plane) {
  return wire::EnumNamePlane(plane);
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto part_a = next_part(a);
    const auto part_b = next_part(b);
    if (rank(part_a) != rank(part_b)) return rank(part_a) - rank(part_b);
    const int order = is_number(part_a) ? compare_numbers(part_a, part_b) : part_a.compare(part_b);
    if (order != 0) return order;
  }
  return 0;
}

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
