// What a device reports as committed is what its links point at; and a release is only committed after the device has
// been given it. So the broker's counts rest on what is on disks.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class DeviceIsTruthful final : public Checker {
 public:
  DeviceIsTruthful() : Checker("device_is_truthful") {}

  void on_taken(const DeviceView& device, const edge::Assignment& assignment) override {
    auto& taken = taken_[device.id];
    // An epoch that it has is refused; one that waits only gives way to another assignment with the same, of a broker
    // whose data was put back.
    const auto state = edge::decode(device.disk->journal);
    const bool waits = assignment.epoch == taken.epoch && state && state->attempt.assignment.epoch < assignment.epoch;
    if (assignment.epoch > taken.epoch || waits) taken = assignment;
  }
  void on_mended(const DeviceView& device) override { taken_.erase(device.id); }
  void on_report(const DeviceView& device, const rules::DeviceReport& report) override {
    if (report.attempt != rules::AttemptState::committed) return;
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      if (device.disk->links[plane].active == report.active[plane] || device.mended) continue;
      fail(device.id + " reports a committed attempt and another active release on plane " +
           std::string(rules::name_of(static_cast<rules::Plane>(plane))) + " than its link points at");
    }
    const auto taken = taken_.find(device.id);
    if (taken == taken_.end() || taken->second.epoch != report.attempt_epoch) return;
    for (const auto& release : taken->second.releases) {
      if (report.active[edge::index_of(release.plane)] == release.manifest) continue;
      fail(device.id + " reports assignment " + std::to_string(report.attempt_epoch) +
           " as committed and does not run it on plane " + std::string(wire::EnumNamePlane(release.plane)));
    }
  }

 private:
  std::map<std::string, edge::Assignment> taken_;
};

}  // namespace

std::unique_ptr<Checker> check_device_is_truthful() {
  return std::make_unique<DeviceIsTruthful>();
}

}  // namespace muster::sim
