// No device is left between slots: `active` and `previous` always point to a slot that is there, and once all is well
// every device stands still on what its journal says, which is what it was assigned or what it went back to. One that
// holds with an assignment that the broker has lost with its data waits for the next one that it is given.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class BetweenSlots final : public Checker {
 public:
  BetweenSlots() : Checker("between_slots") {}

  void on_disk(const DeviceView& device) override {
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      const auto& links = device.disk->links[plane];
      const auto& slots = device.disk->slots[plane];
      for (const auto* link : {&links.active, &links.previous}) {
        if (link->is_zero() || slots.contains(*link)) continue;
        fail(device.id + ", plane " + std::string(rules::name_of(static_cast<rules::Plane>(plane))) + ": its link " +
             (link == &links.active ? "active" : "previous") + " points to a slot that is not there");
      }
    }
  }

  void at_end(const FinalView& view) override {
    for (const auto& device : view.devices) {
      if (device.gone) continue;
      if (!device.running || !device.connected) {
        fail(device.id + " is not back although all is well");
        continue;
      }
      const auto state = edge::decode(device.disk->journal);
      if (!state) {
        fail(device.id + " has no readable journal");
        continue;
      }
      lost_ = copied_back_ &&
              (assigned_[device.id] < state->attempt.assignment.epoch || says_otherwise(view, device.id, *state));
      look(device, *state);
    }
  }
  // The broker has given the same epoch once more, to something else.
  static bool says_otherwise(const FinalView& view, const std::string& device, const edge::DurableState& state) {
    const auto& taken = state.attempt.assignment;
    const auto newest = view.assignments.find(device);
    return newest != view.assignments.end() && newest->second.epoch == taken.epoch &&
           (!newest->second.same_releases(taken) || newest->second.hold != taken.hold);
  }
  void on_commit(const EngineStep& step) override {
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { assigned_[assign.device] = assign.epoch; });
  }
  void on_old_copy() override {
    copied_back_ = true;
    assigned_.clear();
  }

 private:
  void look(const DeviceView& device, const edge::DurableState& state) {
    using edge::AttemptPhase;
    const auto phase = state.attempt.phase;
    const bool settled = phase == AttemptPhase::idle || phase == AttemptPhase::committed ||
                         phase == AttemptPhase::rolled_back || phase == AttemptPhase::failed;
    const bool holds = phase == AttemptPhase::held ||
                       (phase == AttemptPhase::staged && state.attempt.assignment.hold == edge::Hold::before_swap);
    if (lost_ && holds) return;
    if (!settled) {
      return fail(device.id + " is still " + std::string(edge::name_of(phase)) + " with assignment " +
                  std::to_string(state.attempt.assignment.epoch) + " although nothing has happened for long");
    }
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      const auto& links = device.disk->links[plane];
      const auto where = device.id + ", plane " + std::string(rules::name_of(static_cast<rules::Plane>(plane)));
      if (links.active != state.planes[plane].active.manifest) fail(where + ": link and journal differ");
    }
    if (phase != AttemptPhase::committed) return;
    for (const auto& release : state.attempt.assignment.releases) {
      if (state.planes[edge::index_of(release.plane)].active.manifest == release.manifest) continue;
      fail(device.id + " has committed assignment " + std::to_string(state.attempt.assignment.epoch) +
           " and runs something else");
    }
  }

  std::map<std::string, std::uint64_t> assigned_;  // by device, the newest epoch that the broker knows
  bool copied_back_ = false;
  bool lost_ = false;  // the broker does not know any more what the device that is looked at was assigned
};

}  // namespace

std::unique_ptr<Checker> check_between_slots() {
  return std::make_unique<BetweenSlots>();
}

}  // namespace muster::sim
