// From a shadow assignment until the next one of something else, nothing on the device changes because of it: no
// plane's active or previous but by a way back, the loss of a slot or the repair of what is assigned, and no security
// floor. One shadow runs at most, only while the attempt that it is for is in the shadow, and only of slots that are
// there.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class AShadowSwitchesNothing final : public Checker {
 public:
  AShadowSwitchesNothing() : Checker("a_shadow_switches_nothing") {}

  void on_shadowing(const DeviceView& device) override {
    const auto state = edge::decode(device.disk->journal);
    if (!state) return fail(device.id + " runs a shadow without a journal");
    const auto& attempt = state->attempt;
    const auto& runs = *device.shadows;
    if (runs.size() > 1) return fail(device.id + " runs " + std::to_string(runs.size()) + " shadows at once");
    if (attempt.phase != edge::AttemptPhase::shadowing)
      return fail(device.id + " runs a shadow, and its attempt is " + std::string(edge::name_of(attempt.phase)));
    for (const auto& release : runs.front().releases) {
      const bool wanted = std::any_of(
          attempt.assignment.shadow.begin(), attempt.assignment.shadow.end(),
          [&](const auto& each) { return each.plane == release.plane && each.manifest == release.manifest; });
      if (!wanted) fail(device.id + " runs a release in the shadow that is not assigned there");
      if (!device.disk->slots[edge::index_of(release.plane)].contains(release.manifest))
        fail(device.id + " runs a release in the shadow whose slot is not there");
    }
  }

  void on_disk(const DeviceView& device) override {
    const auto state = device.disk->journal_whole ? edge::decode(device.disk->journal) : std::nullopt;
    if (!state) return;
    const auto& assignment = state->attempt.assignment;
    if (assignment.shadow.empty()) {
      before_.erase(device.id);
      return;
    }
    const auto [found, is_new] = before_.try_emplace(device.id);
    auto& before = found->second;
    if (is_new || !before.assignment.same_releases(assignment)) {
      before = {assignment, state->planes, device.disk->links};
      return;
    }
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) look(device, *state, before, plane);
  }
  void on_mended(const DeviceView& device) override { before_.erase(device.id); }

 private:
  struct Before {
    edge::Assignment assignment;
    std::array<edge::PlaneRecord, rules::plane_count> planes;
    std::array<edge::PlaneLinks, rules::plane_count> links;
  };

  void look(const DeviceView& device, const edge::DurableState& state, const Before& before, std::size_t plane) {
    const auto wrong = [&](const std::string& what) {
      fail(device.id + " has a new " + what + " on plane " +
           std::string(rules::name_of(static_cast<rules::Plane>(plane))) + " since assignment " +
           std::to_string(before.assignment.epoch) + ", which is to run something in the shadow");
    };
    Sha256 assigned;
    for (const auto& release : before.assignment.releases) {
      if (edge::index_of(release.plane) == plane) assigned = release.manifest;
    }
    const auto& was = before.planes[plane];
    const auto& is = state.planes[plane];
    const auto among = [](const Sha256& one, std::initializer_list<Sha256> all) {
      return one.is_zero() || std::find(all.begin(), all.end(), one) != all.end();
    };
    const auto& links_were = before.links[plane];
    const auto& links = device.disk->links[plane];
    if (!among(is.active.manifest, {was.active.manifest, was.previous.manifest, assigned})) wrong("active");
    if (!among(links.active, {links_were.active, was.active.manifest, was.previous.manifest, assigned}))
      wrong("link active");
    // Only what is repaired leaves something behind.
    const bool repaired = is.active.manifest == assigned && was.active.manifest != assigned;
    const auto left = repaired || assigned != was.active.manifest ? was.active.manifest : was.previous.manifest;
    if (!among(is.previous.manifest, {was.previous.manifest, left})) wrong("previous");
    if (!among(links.previous, {links_were.previous, was.previous.manifest, left})) wrong("link previous");
    const auto floor = repaired ? std::max(was.security_floor, is.active.security_version) : was.security_floor;
    if (is.security_floor > floor) wrong("security floor");
  }

  std::map<std::string, Before> before_;  // of devices whose newest assignment has a shadow
};

}  // namespace

std::unique_ptr<Checker> check_a_shadow_switches_nothing() {
  return std::make_unique<AShadowSwitchesNothing>();
}

}  // namespace muster::sim
