// A device switches to nothing whose release has it wait, unless what it last measured was enough; but to what it goes
// back to, or repairs. And no attempt runs out of time at the broker whose device has said that it waits.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

using edge::AttemptPhase;

// All conditions of the catalogue are of one form.
double least_charge(const edge::WaitCondition& condition) {
  constexpr std::string_view form = "charge >= ";
  return condition.source.empty() ? 0 : std::stod(condition.source.substr(form.size()));
}

class ConditionsAreWaitedFor final : public Checker {
 public:
  explicit ConditionsAreWaitedFor(const Releases& releases)
      : Checker("conditions_are_waited_for"), releases_(releases) {}

  void on_disk(const DeviceView& device) override {
    const auto state = device.disk->journal_whole ? edge::decode(device.disk->journal) : std::nullopt;
    if (!state) return;
    const auto& attempt = state->attempt;
    const auto before = std::exchange(phases_[device.id], attempt.phase);
    const bool begins = attempt.phase == AttemptPhase::swapped && before != AttemptPhase::swapped;
    if (!begins || attempt.aim == edge::AttemptAim::repair || attempt.aim == edge::AttemptAim::repair_first) return;
    for (const auto& change : attempt.changes) {
      const auto found = releases_.find(change.to.manifest);
      if (found == releases_.end()) continue;
      if (change.to.manifest == state->planes[edge::index_of(change.plane)].previous.manifest) continue;
      const auto least = least_charge(found->second.info.swap_when);
      if (device.charge.value_or(-1) >= least || least == 0) continue;
      fail(device.id + " switches to " + change.to.name + "@" + change.to.version + " with a charge of " +
           (device.charge ? std::to_string(*device.charge) : "nobody knows") + ", and has to wait for " +
           found->second.info.swap_when.source);
    }
  }
  void on_mended(const DeviceView& device) override { phases_.erase(device.id); }

  void on_commit(const EngineStep& step) override {
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { assigned_[assign.device] = assign.epoch; });
    if (const auto* report = reports_.take(step)) {
      if (report->waits)
        waits_[report->device] = report->attempt_epoch;
      else
        waits_.erase(report->device);
    }
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what != audit::device_failed || entry.why.find(": attempt_timeout: ") == std::string::npos) return;
      const auto waits = waits_.find(entry.subject);
      if (waits == waits_.end() || waits->second != assigned_[entry.subject]) return;
      fail(entry.subject + " has run out of time (" + entry.why + "), and has said that it waits");
    });
  }
  void on_old_copy() override {
    waits_.clear();
    assigned_.clear();
    reports_.clear();
  }

 private:
  const Releases& releases_;
  std::map<std::string, AttemptPhase> phases_;
  std::map<std::string, std::uint64_t> waits_, assigned_;  // epochs
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_conditions_are_waited_for(const Releases& releases) {
  return std::make_unique<ConditionsAreWaitedFor>(releases);
}

}  // namespace muster::sim
