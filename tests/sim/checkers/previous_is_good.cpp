// Nothing that was not committed ever becomes `previous`, so that going back always leads to something that worked
// here.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class PreviousIsGood final : public Checker {
 public:
  PreviousIsGood() : Checker("previous_is_good") {}

  void on_disk(const DeviceView& device) override {
    auto& worked = worked_[device.id];
    const auto state = device.disk->journal_whole ? edge::decode(device.disk->journal) : std::nullopt;
    if (state) {
      using edge::AttemptPhase;
      const auto phase = state->attempt.phase;
      const bool settled = phase == AttemptPhase::idle || phase == AttemptPhase::committed;
      // What a device came with worked in the factory; what is active and committed works here.
      for (std::size_t plane = 0; settled && plane < rules::plane_count; ++plane)
        worked.insert(state->planes[plane].active.manifest);
    }
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      const auto& previous = device.disk->links[plane].previous;
      if (previous.is_zero() || worked.contains(previous)) continue;
      fail(device.id + ", plane " + std::string(rules::name_of(static_cast<rules::Plane>(plane))) +
           ": previous is a release that was never committed here");
    }
  }
  void on_mended(const DeviceView& device) override {
    for (const auto& links : device.disk->links) {
      worked_[device.id].insert(links.active);
      worked_[device.id].insert(links.previous);
    }
  }

 private:
  std::map<std::string, std::set<Sha256>> worked_;
};

}  // namespace

std::unique_ptr<Checker> check_previous_is_good() {
  return std::make_unique<PreviousIsGood>();
}

}  // namespace muster::sim
