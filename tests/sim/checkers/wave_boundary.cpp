// Never more devices in a wave than its boundary: when a wave opens, no more devices have the rollout's versions than
// ceil(percent × targets), or than its number of devices, and later only devices that joined and lie under the last
// one's key.
#include "rules/engine/rollout.h"
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

class WaveBoundary final : public Checker {
 public:
  WaveBoundary() : Checker("wave_boundary") {}

  void on_commit(const EngineStep& step) override {
    reports_.take(step);
    if (const auto* start = started_in(step)) runs_[start->rule.rollout].rule = start->rule;
    std::set<std::string> opened_now;
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::wave_opened) {
        open(entry);
        opened_now.insert(entry.subject);
      }
      if (entry.what == audit::device_joined) runs_[rollout_of(entry.why)].joined.insert(entry.subject);
      if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) runs_.erase(entry.subject);
    });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      const auto found = runs_.find(assign.rollout);
      if (found != runs_.end()) found->second.reached.insert(assign.device);
    });
    for (const auto& rollout : opened_now) look(rollout);
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      if (!opened_now.contains(assign.rollout)) look(assign.rollout);
    });
  }
  void on_old_copy() override {
    runs_.clear();
    reports_.clear();
  }

 private:
  struct Run {
    rules::Rule rule;
    std::size_t opened = 0;     // waves
    std::uint64_t allowed = 0;  // devices, besides those that joined later
    std::set<std::string> reached, joined;
  };

  // The waves open in the order of the rule; a second entry for the open one says that it got its first devices.
  void open(const rules::Audit& entry) {
    auto found = runs_.find(entry.subject);
    if (found == runs_.end()) return;
    auto& run = found->second;
    if (entry.why.find("has its first devices") == std::string::npos) ++run.opened;
    if (run.opened == 0 || run.opened > run.rule.waves.size()) {
      return fail("rollout " + entry.subject + " opens a wave that its rule does not have: " + entry.why);
    }
    const auto& wave = run.rule.waves[run.opened - 1];
    std::uint64_t targets = 0;
    std::uint64_t in_ring = 0;
    std::uint64_t in_already = 0;  // of the targets
    for (const auto& [device, report] : reports_.all()) {
      if (!report || !holds(run.rule.targets_text, report->facts)) continue;
      ++targets;
      if (run.reached.contains(device) || run.joined.contains(device)) ++in_already;
      if (wave.is_ring() && holds(wave.ring_text, report->facts) && !run.reached.contains(device)) ++in_ring;
    }
    if (wave.is_ring()) {
      run.allowed = std::max(run.allowed, count(run)) + in_ring;  // besides those of earlier waves that were held
    } else {
      const auto wanted =
          wave.devices != 0 ? std::min<std::uint64_t>(wave.devices, targets) : (wave.percent * targets + 99) / 100;
      run.allowed = std::max(run.allowed, count(run) + (wanted > in_already ? wanted - in_already : 0));
    }
    if (entry.why.find(" opened with ") != std::string::npos && targets_in(entry.why) != targets)
      fail("rollout " + entry.subject + " opens a wave for " + std::to_string(targets_in(entry.why)) + " targets, " +
           std::to_string(targets) + " devices match: " + entry.why);
  }

  static std::uint64_t targets_in(const std::string& why) {
    const auto at = why.find(" of ", why.find(" opened with "));
    return std::strtoull(why.c_str() + at + 4, nullptr, 10);
  }

  static std::uint64_t count(const Run& run) {
    std::uint64_t count = 0;
    for (const auto& device : run.reached) count += run.joined.contains(device) ? 0u : 1u;
    return count;
  }

  void look(const std::string& rollout) {
    const auto found = runs_.find(rollout);
    if (found == runs_.end()) return;
    const auto& run = found->second;
    const auto reached = count(run);
    if (reached > run.allowed) {
      fail("rollout " + rollout + " has reached " + std::to_string(reached) + " devices (without " +
           std::to_string(run.joined.size()) + " that joined), its open waves allow " + std::to_string(run.allowed));
    }
    look_at_joined(rollout, run);
  }

  // Who joins a percentage wave has a key under the largest one that is in; a ring takes whoever matches it.
  void look_at_joined(const std::string& rollout, const Run& run) {
    bool rings = false;
    bool all = false;
    for (std::size_t wave = 0; wave < run.opened; ++wave) {
      rings = rings || run.rule.waves[wave].is_ring();
      all = all || run.rule.waves[wave].percent == 100;
    }
    if (rings || all || count(run) < run.allowed) return;
    std::uint64_t largest = 0;
    for (const auto& device : run.reached) {
      if (!run.joined.contains(device)) largest = std::max(largest, rules::bucket_of(run.rule.seed, device));
    }
    for (const auto& device : run.joined) {
      if (run.reached.contains(device) && rules::bucket_of(run.rule.seed, device) > largest)
        fail("rollout " + rollout + " took " + device + ", which joined late and lies behind the boundary");
    }
  }

  std::map<std::string, Run> runs_;
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_wave_boundary() {
  return std::make_unique<WaveBoundary>();
}

}  // namespace muster::sim
