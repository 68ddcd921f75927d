// A hold is let go by an operator and by nothing else. On the device: nothing that it was not running before is
// activated while every assignment of just these releases that it has got holds before the swap, nothing is committed
// while each of them holds somewhere, and no security floor is raised meanwhile. At the broker: as long as all waves of
// a rollout that have opened hold and none was released, each assignment that brings its releases to a device that is
// not done with them has a hold.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

using edge::AttemptPhase;

bool is_settled(AttemptPhase phase) {
  return phase == AttemptPhase::idle || phase == AttemptPhase::committed || phase == AttemptPhase::rolled_back ||
         phase == AttemptPhase::failed;
}

class NothingPassesAHold final : public Checker {
 public:
  NothingPassesAHold() : Checker("nothing_passes_a_hold") {}

  // --- the device ---
  void on_taken(const DeviceView& device, const edge::Assignment& assignment) override {
    auto& run = runs_[device.id];
    const bool goes_on = !run.epochs.empty() && assignment.same_releases(run.assignment);
    if (goes_on) {
      run.hold = assignment.hold == edge::Hold::none || run.hold == edge::Hold::none
                     ? edge::Hold::none
                     : std::max(run.hold, assignment.hold);
      run.epochs.insert(assignment.epoch);
      return;
    }
    if (!run.epochs.empty() && assignment.epoch <= *run.epochs.rbegin()) return;  // which the device refuses
    run = Run();
    run.assignment = assignment;
    run.hold = assignment.hold;
    run.epochs.insert(assignment.epoch);
    run.own = settled_on_[device.id];
  }
  void on_activate(const DeviceView& device, const edge::Activate& activate) override {
    if (activate.going_back || activate.active.is_zero()) return;
    const auto state = edge::decode(device.disk->journal);
    const auto* run = state ? held(device.id, *state) : nullptr;
    if (run == nullptr || run->hold != edge::Hold::before_swap) return;
    // A flip that was under way when the next assignment came; the one that takes it back is right behind it.
    if (state->attempt.phase == AttemptPhase::rolling_back) return;
    if (run->own.contains({activate.plane, activate.active})) return;  // its slot was lost, and is put back
    fail(device.id + " swaps plane " + std::string(wire::EnumNamePlane(activate.plane)) + " of assignment " +
         std::to_string(state->attempt.assignment.epoch) + ", which holds before that");
  }
  void on_disk(const DeviceView& device) override {
    const auto state = device.disk->journal_whole ? edge::decode(device.disk->journal) : std::nullopt;
    if (!state) return;
    look_at_journal(device.id, *state);
    if (!is_settled(state->attempt.phase)) return;
    auto& own = settled_on_[device.id];
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane)
      own.insert({static_cast<edge::Plane>(plane), state->planes[plane].active.manifest});
  }
  void on_mended(const DeviceView& device) override {
    runs_.erase(device.id);
    settled_on_.erase(device.id);
  }

  // --- the broker ---
  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) {
      rules_[start->rule.rollout] = start->rule;
      begin(*start);
    }
    if (const auto* report = reports_.take(step); report != nullptr && has_settled(report->attempt))
      settled_[report->device] = *report;
    if (const auto* released = released_in(step)) release(*released);
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      const auto found = rollouts_.find(entry.subject);
      if (found == rollouts_.end()) return;
      const bool filled = entry.why.find("has its first devices") != std::string::npos;
      if (entry.what == audit::wave_opened && !filled) ++found->second.opened;
      if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) rollouts_.erase(found);
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      for (auto& [name, rollout] : rollouts_) look(name, rollout, assign);
    });
  }
  void on_old_copy() override {
    rollouts_.clear();
    rules_.clear();
    reports_.clear();
    settled_.clear();
  }

 private:
  using Own = std::set<std::pair<edge::Plane, Sha256>>;
  // Assignments of the same releases, one after the other.
  struct Run {
    edge::Assignment assignment;         // the first of them
    edge::Hold hold = edge::Hold::none;  // of all of them the latest, none if one has none
    std::set<std::uint64_t> epochs;
    Own own;                                                              // what it had settled on before
    std::optional<std::array<std::uint32_t, rules::plane_count>> floors;  // when it took the first of them
  };
  struct Rollout {
    rules::Rule rule;
    std::map<rules::Plane, Sha256> targets;
    std::size_t opened = 0;
    std::set<std::string> released;                // waves
    std::map<std::string, std::uint64_t> reached;  // and the epoch, until it is done
  };

  // The assignments of the device's attempt, if all of them hold.
  Run* held(const std::string& device, const edge::DurableState& state) {
    const auto found = runs_.find(device);
    if (found == runs_.end() || found->second.hold == edge::Hold::none) return nullptr;
    if (!found->second.assignment.shadow.empty()) return nullptr;  // nothing is switched that could be held
    return found->second.epochs.contains(state.attempt.assignment.epoch) ? &found->second : nullptr;
  }

  void look_at_journal(const std::string& device, const edge::DurableState& state) {
    auto* run = held(device, state);
    if (run == nullptr) return;
    if (!run->floors) {
      run->floors.emplace();
      for (std::size_t plane = 0; plane < rules::plane_count; ++plane)
        (*run->floors)[plane] = state.planes[plane].security_floor;
    }
    const auto epoch = std::to_string(state.attempt.assignment.epoch);
    for (std::size_t plane = 0; plane < rules::plane_count; ++plane) {
      if (state.planes[plane].security_floor > (*run->floors)[plane])
        fail(device + " raises the security floor of plane " +
             std::string(rules::name_of(static_cast<rules::Plane>(plane))) + " with assignment " + epoch +
             ", which holds");
    }
    if (state.attempt.phase != AttemptPhase::committed) return;
    for (const auto& release : run->assignment.releases) {
      if (run->own.contains({release.plane, release.manifest})) continue;
      fail(device + " commits plane " + std::string(wire::EnumNamePlane(release.plane)) + " of assignment " + epoch +
           ", which holds before that");
    }
  }

  void begin(const rules::StartRollout& start) {
    const auto& waves = start.rule.waves;
    if (waves.front().hold == rules::HoldPoint::none) return;
    Rollout rollout;
    rollout.rule = start.rule;
    for (const auto& release : start.releases) rollout.targets[release.plane] = release.manifest;
    rollouts_[start.rule.rollout] = std::move(rollout);
  }
  static bool has_settled(rules::AttemptState attempt) {
    return attempt == rules::AttemptState::committed || attempt == rules::AttemptState::idle;
  }
  void release(const rules::ReleaseHold& released) {
    const auto found = rollouts_.find(released.rollout);
    if (found == rollouts_.end() || found->second.opened == 0) return;
    auto& rollout = found->second;
    rollout.released.insert(released.wave.empty() ? rollout.rule.waves[rollout.opened - 1].name : released.wave);
  }

  // Which of them a device belongs to is not followed here: so all that have opened have to hold.
  static bool all_hold(const Rollout& rollout) {
    const auto& waves = rollout.rule.waves;
    return rollout.opened != 0 &&
           std::all_of(waves.begin(), waves.begin() + static_cast<std::ptrdiff_t>(rollout.opened),
                       [&](const auto& wave) {
                         return wave.hold != rules::HoldPoint::none && !rollout.released.contains(wave.name);
                       });
  }

  [[nodiscard]] bool takes(const std::string& name, const Rollout& rollout) const {
    const auto by = rules_.find(name);
    return by != rules_.end() && outranks(by->second, rollout.rule);
  }

  void look(const std::string& name, Rollout& rollout, const rules::Assign& assign) {
    const bool carries = assign.shadow.empty() && brings(assign, rollout.targets, false);
    const auto reached = rollout.reached.find(assign.device);
    const bool is_new = reached == rollout.reached.end();
    if (!is_new && takes(assign.rollout, rollout)) {  // it is the other one's now
      rollout.reached.erase(reached);
      return;
    }
    if (assign.rollout == name && carries) rollout.reached[assign.device] = assign.epoch;
    if ((is_new && assign.rollout != name) || !carries) return;
    const auto* report = reports_.of(assign.device);
    if (report == nullptr || assign.hold != rules::HoldPoint::none || !all_hold(rollout)) return;
    // It had settled on them before and runs them still: there is nothing to hold.
    const auto settled = settled_.find(assign.device);
    if (settled != settled_.end() && runs(settled->second, rollout.targets) && runs(*report, rollout.targets)) return;
    fail("rollout " + assign.rollout + " assigns " + assign.device + " epoch " + std::to_string(assign.epoch) +
         " without a hold, and with the releases of rollout " + name + ", whose waves hold and were not released");
  }

  std::map<std::string, Run> runs_;
  std::map<std::string, Own> settled_on_;     // by device: what it has run when no attempt was under way
  std::map<std::string, rules::Rule> rules_;  // of every rollout
  std::map<std::string, Rollout> rollouts_;   // that hold in their first wave
  LastReports reports_;
  std::map<std::string, rules::DeviceReport> settled_;  // the last that said so
};

}  // namespace

std::unique_ptr<Checker> check_nothing_passes_a_hold() {
  return std::make_unique<NothingPassesAHold>();
}

}  // namespace muster::sim
