#include "broker-plugin/readiness/required_policies.h"

#include <algorithm>

namespace muster::broker {
namespace {

template <typename Item>
bool has(const std::vector<Item>& items, const Item& wanted) {
  return std::find(items.begin(), items.end(), wanted) != items.end();
}

// Empty means all.
template <typename Item>
bool overlap(const std::vector<Item>& some, const std::vector<Item>& others) {
  return some.empty() || others.empty() ||
         std::any_of(some.begin(), some.end(), [&](const auto& item) { return has(others, item); });
}

bool concerns(const RequiredPolicy& required, const Release& release) {
  return overlap(required.planes, {release.plane}) && overlap(required.classes, release.needs.classes);
}

// What is wrong with what the release carries; empty when nothing is.
std::string trouble_with(const Readiness& carried, const RequiredPolicy& required) {
  if (carried.policy.empty()) return "its manifest carries none";
  if (carried.policy != required.policy) return "it was judged by " + carried.policy;
  if (carried.version < required.version_min) return "it was judged by version " + std::to_string(carried.version);
  if (!required.digests.empty() && !has(required.digests, carried.policy_sha256)) {
    return "it was judged by a policy file of that name (" + to_hex(carried.policy_sha256).substr(0, 12) +
           "…) that this broker does not know";
  }
  return {};
}

}  // namespace

bool exclude_each_other(const RequiredPolicy& one, const RequiredPolicy& other) {
  return one.policy != other.policy && overlap(one.planes, other.planes) && overlap(one.classes, other.classes);
}

std::string lacks_readiness(const Release& release, const std::vector<RequiredPolicy>& required) {
  for (const auto& each : required) {
    if (!concerns(each, release)) continue;
    const auto trouble = trouble_with(release.readiness, each);
    if (trouble.empty()) continue;
    return release.ref() + " may not be rolled out: this broker asks for the readiness policy " + each.policy +
           ", version " + std::to_string(each.version_min) + " or later, and " + trouble +
           "; name that policy in the release file, build, sign and publish it as a new version";
  }
  return {};
}

}  // namespace muster::broker
