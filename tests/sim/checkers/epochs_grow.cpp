// Assignment epochs only grow: a device's, and a scope's directive epochs, in everything that the engine decides and in
// everything that is published, over all restarts. What a device holds never goes back either.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

class EpochsGrow final : public Checker {
 public:
  EpochsGrow() : Checker("epochs_grow") {}

  void on_commit(const EngineStep& step) override {
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      grow(decided_[assign.device], assign.epoch, "the assignment of " + assign.device, true);
    });
    for_each<rules::Direct>(step, [&](const rules::Direct& direct) {
      grow(decided_[direct.scope + " (orders)"], direct.epoch, "the directive of " + direct.scope, true);
    });
  }
  // The same may be published again, as after a restart.
  void on_assignment(const std::string& device, const edge::Assignment& assignment) override {
    grow(published_[device], assignment.epoch, "the published assignment of " + device, false);
  }
  void on_directive(const edge::Directive& directive) override {
    grow(published_[directive.scope + " (orders)"], directive.epoch, "the published directive of " + directive.scope,
         false);
  }
  void on_disk(const DeviceView& device) override {
    if (!device.disk->journal_whole || device.disk->journal.empty()) return;
    const auto state = edge::decode(device.disk->journal);
    if (!state) return fail(device.id + " has written a journal that cannot be read");
    auto& held = held_[device.id];
    grow(held[""], state->attempt.assignment.epoch, "the assignment that " + device.id + " holds", false);
    for (const auto& scope : state->scopes)
      grow(held[scope.scope], scope.epoch, device.id + "'s orders of " + scope.scope, false);
  }
  void on_mended(const DeviceView& device) override { held_.erase(device.id); }
  void on_old_copy() override {
    decided_.clear();
    published_.clear();
  }

 private:
  void grow(std::uint64_t& last, std::uint64_t epoch, const std::string& what, bool strictly) {
    if (epoch < last || (strictly && epoch == last))
      fail(what + " has epoch " + std::to_string(epoch) + " after " + std::to_string(last));
    last = epoch;
  }

  std::map<std::string, std::uint64_t> decided_, published_;
  std::map<std::string, std::map<std::string, std::uint64_t>> held_;
};

}  // namespace

std::unique_ptr<Checker> check_epochs_grow() {
  return std::make_unique<EpochsGrow>();
}

}  // namespace muster::sim
