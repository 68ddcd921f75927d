// What releases ask of each other across planes, seen from the one that is there: a model that needs firmware 1.4 keeps
// firmware 1.3 from a device for as long as it runs there. The device would refuse it too (requirement_unmet); here it
// is kept from being assigned in vain. Known is what rollouts and overrides name; of others the device knows more.
#include <algorithm>
#include <iterator>
#include <set>

#include "rules/engine/core.h"
#include "schemas/version_order.h"

namespace muster::rules {

namespace {

// Whether a version of a plane is under what is asked of it. Nothing there is under anything.
bool is_under(std::string_view version, const std::string& least) {
  return !least.empty() && (version.empty() || compare_versions(version, least) < 0);
}

}  // namespace

Core::Known Core::known_of(const KnownRelease& release) {
  return {describe(release), release.version, release.plane, release.security_version, release.needs.version_min};
}

// Of what rollouts and overrides name now.
void Core::know_releases() {
  known_.clear();
  for (const auto& [number, rollout] : rollouts_) {
    for (const auto& release : rollout->releases) known_[release.manifest] = known_of(release);
  }
  for (const auto& [device, planes] : overrides_.devices()) {
    for (std::size_t plane = 0; plane < plane_count; ++plane) {
      const auto& each = planes[plane];
      if (!each) continue;
      const auto version = each->release.substr(std::min(each->release.find('@'), each->release.size() - 1) + 1);
      known_[each->manifest] = {each->release, version, static_cast<Plane>(plane), each->security_version,
                                each->version_min};
    }
  }
  for (const auto& [number, rollout] : rollouts_) rollout->contrary = contrary_to(rollout->releases);
}

// The same, and where a rollout now has other releases against it, the devices that run those are looked at again.
void Core::learn_releases() {
  std::map<std::uint32_t, std::vector<Sha256>> before;
  for (const auto& [number, rollout] : rollouts_) before[number] = rollout->contrary;
  know_releases();
  std::vector<Sha256> differ;
  for (const auto& [number, rollout] : rollouts_) {
    const auto& was = before[number];
    const auto& now = rollout->contrary;
    if (rollout->serving())
      std::set_symmetric_difference(was.begin(), was.end(), now.begin(), now.end(), std::back_inserter(differ));
  }
  std::set<Handle> handles;
  for (const auto& manifest : differ) handles.insert(fleet_.find(manifest));
  handles.erase(0);  // which nobody runs
  if (handles.empty()) return;
  std::vector<DeviceIndex> devices;
  fleet_.for_each([&](DeviceIndex index) {
    const auto& active = fleet_[index].active;
    const bool runs = std::any_of(active.begin(), active.end(), [&](Handle each) { return handles.contains(each); });
    if (runs && fleet_[index].reported) devices.push_back(index);
  });
  std::sort(devices.begin(), devices.end(),
            [this](DeviceIndex a, DeviceIndex b) { return fleet_.id(a) < fleet_.id(b); });
  for (const auto index : devices) reconsider(index);
}

// In the order of their digests.
std::vector<Sha256> Core::contrary_to(const std::vector<KnownRelease>& releases) const {
  std::vector<Sha256> contrary;
  for (const auto& [manifest, known] : known_) {
    const bool replaced =
        std::any_of(releases.begin(), releases.end(), [&](const auto& each) { return each.plane == known.plane; });
    const bool against = std::any_of(releases.begin(), releases.end(), [&](const auto& each) {
      return is_under(each.version, known.version_min[static_cast<std::size_t>(each.plane)]);
    });
    if (against && !replaced) contrary.push_back(manifest);
  }
  return contrary;
}

// The first of these releases that the device runs; null when it runs none.
const Core::Known* Core::contrary_on(const std::vector<Sha256>& contrary, DeviceIndex index) const {
  for (const auto& manifest : contrary) {
    const auto& known = known_.find(manifest)->second;
    const Handle handle = fleet_.find(manifest);
    if (handle != 0 && fleet_[index].active[static_cast<std::size_t>(known.plane)] == handle) return &known;
  }
  return nullptr;
}

std::string Core::describe_contrary(const Known& asks, const std::vector<KnownRelease>& releases) const {
  for (const auto& release : releases) {
    const auto& least = asks.version_min[static_cast<std::size_t>(release.plane)];
    if (is_under(release.version, least))
      return asks.text + ", which it runs, needs " + std::string(name_of(release.plane)) + " >= " + least +
             ", and this is " + describe(release);
  }
  return {};
}

// Why what runs on the other planes, once they have gone back as far as they may, does not allow this plane its earlier
// release; empty when it does, or when nothing here names that release.
std::string Core::fault_of_requirements(const Member& member, std::size_t plane) const {
  const Device& device = fleet_[member.device];
  const Rollout& rollout = *member.rollout;
  const bool was_empty = member.prior[plane] == fleet_.empty_plane();
  const auto prior = known_.find(fleet_.digest(member.prior[plane]));
  if (prior == known_.end() && !was_empty) return {};
  for (std::size_t other = 0; other < plane_count; ++other) {
    if (other == plane) continue;
    const bool returns = rollout.governs(other) && device.holder[other] == rollout.number && member.prior[other] != 0 &&
                         fault_of_prior(member, other).empty();
    const auto asks = known_.find(fleet_.digest(returns ? member.prior[other] : device.active[other]));
    if (asks == known_.end()) continue;
    const auto& least = asks->second.version_min[plane];
    if (!is_under(was_empty ? std::string_view() : prior->second.version, least)) continue;
    return asks->second.text + ", which it runs, needs " + std::string(name_of(static_cast<Plane>(plane))) +
           " >= " + least + ", and " +
           (was_empty ? "there was nothing before" : "its earlier release is " + prior->second.text);
  }
  return {};
}

}  // namespace muster::rules
