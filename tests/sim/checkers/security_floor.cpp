// Rollback never goes under the security floor, and neither does anything else. The floor is counted here: the largest
// security version that the device has committed on the plane.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class SecurityFloor final : public Checker {
 public:
  explicit SecurityFloor(const Releases& releases) : Checker("security_floor"), releases_(releases) {}

  void on_taken(const DeviceView& device, const edge::Assignment& assignment) override {
    auto& taken = taken_[device.id];
    if (assignment.epoch > taken.epoch) taken = assignment;  // an epoch that it has is refused
  }
  void on_report(const DeviceView& device, const rules::DeviceReport& report) override {
    auto& floors = floors_[device.id];
    const auto taken = taken_.find(device.id);
    const bool commits = report.attempt == rules::AttemptState::committed && taken != taken_.end() &&
                         taken->second.epoch == report.attempt_epoch;
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      if (commits) raise(floors[plane], taken->second, plane, report);
      if (report.security_floor[plane] < floors[plane]) {
        fail(device.id + " reports the security floor " + std::to_string(report.security_floor[plane]) + " on plane " +
             std::to_string(plane) + ", it was " + std::to_string(floors[plane]));
      }
      floors[plane] = std::max(floors[plane], report.security_floor[plane]);
    }
  }
  void on_activate(const DeviceView& device, const edge::Activate& activate) override {
    const auto found = releases_.find(activate.active);
    if (found == releases_.end()) return;
    const auto floor = floors_[device.id][edge::index_of(activate.plane)];
    if (found->second.known.security_version >= floor) return;
    fail(device.id + " activates " + found->second.known.name + "@" + found->second.known.version +
         " with security version " + std::to_string(found->second.known.security_version) + " under its floor of " +
         std::to_string(floor) + (activate.going_back ? ", going back" : ""));
  }
  // What the engine sends back stays over the floor that the device has reported, as far as it knows the release: one
  // that no rollout has named is for the device to refuse.
  void on_commit(const EngineStep& step) override {
    reports_.take(step);
    if (const auto* start = started_in(step)) {
      for (const auto& release : start->releases) named_.insert(release.manifest);
    }
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      const bool back =
          says(step, audit::rollout_aborted, assign.rollout) || says(step, audit::rollout_reverting, assign.rollout);
      const auto* report = reports_.of(assign.device);
      if (!back || report == nullptr) return;
      for (const auto& [plane, manifest] : assign.releases) {
        const auto index = static_cast<std::size_t>(plane);
        const auto found = releases_.find(manifest);
        if (!named_.contains(manifest) || report->active[index] == manifest || !changed(assign.device, plane, manifest))
          continue;
        if (found->second.known.security_version >= report->security_floor[index]) continue;
        fail("rollout " + assign.rollout + " sends " + assign.device + " back to " + found->second.known.name + "@" +
             found->second.known.version + ", under its security floor");
      }
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      for (const auto& [plane, manifest] : assign.releases) assigned_[assign.device][plane] = manifest;
    });
  }
  void on_mended(const DeviceView& device) override {
    floors_.erase(device.id);
    taken_.erase(device.id);
  }
  void on_old_copy() override {
    reports_.clear();
    assigned_.clear();
    named_.clear();
  }

 private:
  void raise(std::uint32_t& floor, const edge::Assignment& taken, std::size_t plane,
             const rules::DeviceReport& report) {
    for (const auto& release : taken.releases) {
      if (edge::index_of(release.plane) != plane || report.active[plane] != release.manifest) continue;
      const auto found = releases_.find(release.manifest);
      if (found != releases_.end()) floor = std::max(floor, found->second.known.security_version);
    }
  }
  [[nodiscard]] bool changed(const std::string& device, rules::Plane plane, const Sha256& manifest) {
    return assigned_[device][plane] != manifest;
  }

  const Releases& releases_;
  std::map<std::string, std::array<std::uint32_t, rules::plane_count>> floors_;
  std::map<std::string, edge::Assignment> taken_;
  std::map<std::string, std::map<rules::Plane, Sha256>> assigned_;
  std::set<Sha256> named_;  // by a rollout
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_security_floor(const Releases& releases) {
  return std::make_unique<SecurityFloor>(releases);
}

}  // namespace muster::sim
