// Of two rollouts on a plane the lower one gives nothing to a target of the higher one while that is at work: neither
// an assignment of its releases, nor a second try. Taking back is no giving, and nor is an operator's word that lets a
// device go on with what it was given before. And nobody starts over the devices of a rollout that is at work but by a
// higher priority.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

using rules::RolloutState;

class HigherGoesFirst final : public Checker {
 public:
  HigherGoesFirst() : Checker("higher_goes_first") {}

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) begin(*start);
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      look(step, assign);
      note_left(assign);
    });
    // What a step rests on is older than the step, and has to be true after it too.
    for (const auto& status : step.statuses) {
      const auto found = runs_.find(status.rollout);
      if (found != runs_.end()) found->second.state = status.state;
    }
    reports_.take(step);
    for (const auto& [higher, assign] : suspects_) judge(higher, assign);
    suspects_.clear();
  }
  void on_old_copy() override {
    runs_.clear();
    reports_.clear();
  }

 private:
  struct Run {
    rules::Rule rule;
    std::map<rules::Plane, Sha256> targets;
    std::optional<RolloutState> state;  // as published last
    std::set<std::string> left;         // devices that others have been given since it completed: theirs for good

    // Holds its devices, and takes more.
    [[nodiscard]] bool at_work() const {
      return state && (*state == RolloutState::running || *state == RolloutState::awaiting_approval ||
                       *state == RolloutState::paused || *state == RolloutState::halted);
    }
    [[nodiscard]] bool shares_plane_with(const Run& other) const {
      return std::any_of(targets.begin(), targets.end(),
                         [&](const auto& target) { return other.targets.contains(target.first); });
    }
  };

  void note_left(const rules::Assign& assign) {
    const auto by = runs_.find(assign.rollout);
    if (by == runs_.end()) return;
    for (auto& [name, run] : runs_) {
      if (name == assign.rollout) {
        run.left.erase(assign.device);
      } else if (run.state == RolloutState::completed && run.shares_plane_with(by->second)) {
        run.left.insert(assign.device);
      }
    }
  }

  void begin(const rules::StartRollout& start) {
    Run run;
    run.rule = start.rule;
    for (const auto& release : start.releases) run.targets[release.plane] = release.manifest;
    for (const auto& [name, other] : runs_) {
      if (!other.at_work() || !other.shares_plane_with(run) || start.rule.priority > other.rule.priority) continue;
      for (const auto& [device, report] : reports_.all()) {
        if (!is_target(run, device) || !is_target(other, device) || other.left.contains(device)) continue;
        fail("rollout " + start.rule.rollout + " starts over " + device + ", a target of rollout " + name +
             ", which is at work with a priority that is no lower");
        break;
      }
    }
    runs_[start.rule.rollout] = std::move(run);
  }

  [[nodiscard]] bool is_target(const Run& run, const std::string& device) const {
    const auto* report = reports_.of(device);
    return report != nullptr && holds(run.rule.targets_text, report->facts);
  }
  [[nodiscard]] bool comes_first(const Run& higher, const std::string& device) const {
    return higher.at_work() && is_target(higher, device) && !higher.left.contains(device);
  }

  // What it runs already is left to it, also when it is taken back to that.
  [[nodiscard]] bool is_there(const std::string& device, const Run& run) const {
    const auto* report = reports_.of(device);
    return report != nullptr && !run.rule.shadow && runs(*report, run.targets);
  }

  void look(const EngineStep& step, const rules::Assign& assign) {
    const auto found = runs_.find(assign.rollout);
    const bool is_let_go = released_in(step) != nullptr;
    if (found == runs_.end() || is_let_go || says(step, audit::segment_frozen, assign.rollout)) return;
    const auto& lower = found->second;
    if (!brings(assign, lower.targets, lower.rule.shadow) || is_there(assign.device, lower)) return;
    for (const auto& [name, higher] : runs_) {
      if (!outranks(higher.rule, lower.rule)) continue;
      if (comes_first(higher, assign.device)) suspects_.emplace_back(name, assign);
    }
  }
  void judge(const std::string& higher, const rules::Assign& assign) {
    if (!comes_first(runs_.at(higher), assign.device)) return;
    fail("rollout " + assign.rollout + " assigns " + assign.device + " epoch " + std::to_string(assign.epoch) +
         " although rollout " + higher + ", which has a higher priority, is to have it");
  }

  std::map<std::string, Run> runs_;
  std::vector<std::pair<std::string, rules::Assign>> suspects_;  // of this step: the higher one, and what is given
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_higher_goes_first() {
  return std::make_unique<HigherGoesFirst>();
}

}  // namespace muster::sim
