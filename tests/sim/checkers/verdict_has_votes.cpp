// A verdict rests on votes, and each vote on a device. What is published of a guardrail and segment has one vote at
// most of each device that was reached there, over all acknowledgements; a vote against only of a device that by what
// it sent exceeded, lost a reading, fell back to another delegate or was silent for long enough; a fine one only of a
// device that sent the reading; and the verdict is the one that the counts prove. Once all is quiet nobody's vote is
// missing who was measured, or silent, long enough for it.
//
// Of a rollout that only shadows the samples are what was measured of the shadow. When one has run for how long is not
// followed here: no vote of such a device is missed.
//
// Means are not computed again: what a mean exceeds, some of its samples do. Against `control` the drift is not known
// here, only that it stays within bounds that keep clear of what releases do.
#include <cmath>
#include <limits>

#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/guarded.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

using rules::Against;
using rules::Guardrail;
using rules::Verdict;

constexpr double drift_least = 0.7;
constexpr double rounding = 1e-4;      // the engine keeps means as floats
constexpr std::uint64_t late_s = 120;  // for what is to have happened by now

struct Samples {
  std::uint32_t count = 0, missing = 0;
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();
  std::set<std::string> delegates;

  void add(double value) {
    ++count;
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

struct Gauge {
  Samples before, reached, done;  // done: since it is, and since the broker started
};

struct Measured {
  std::vector<Gauge> gauges;
  std::uint64_t heard_s = 0;    // 0: never
  std::uint64_t silence_s = 0;  // the longest since it was reached
  bool done = false;
  std::uint64_t done_s = 0, done_clock_s = 0, observed_s = 0;
};

bool is_delegate(const Guardrail& rule) {
  return rule.metric == "delegate_active";
}
// One sample of it is enough: it is not averaged.
bool is_state(const Guardrail& rule) {
  return rule.metric.empty() || rule.metric == "crash_count";
}

std::optional<double> sample_of(const Guardrail& rule, const rules::Readings& readings) {
  if (rule.metric.empty()) {
    for (const auto& condition : health_conditions()) {
      if (condition.text != rule.when_text) continue;
      const auto holds = condition.holds(readings);
      return holds ? std::optional<double>(*holds ? 1 : 0) : std::nullopt;
    }
    return std::nullopt;
  }
  double value = std::numeric_limits<double>::quiet_NaN();
  if (rule.metric == "p95_ms") value = readings.of(rules::Reading::p95_ms);
  if (rule.metric == "inferences") value = readings.of(rules::Reading::inferences);
  if (rule.metric == "crash_count") value = readings.of(rules::Reading::crash_count);
  for (const auto& task : readings.tasks) {
    if (task.name == rule.metric) value = task.value;
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void take_sample(const Guardrail& rule, const rules::Readings& readings, Samples& samples) {
  if (is_delegate(rule)) {
    if (readings.delegate_active.empty()) {
      ++samples.missing;
    } else {
      ++samples.count;
      samples.delegates.insert(readings.delegate_active);
    }
  } else if (const auto value = sample_of(rule, readings)) {
    samples.add(*value);
  } else {
    ++samples.missing;
  }
}

bool can_be_compared(const Guardrail& rule, const Gauge& gauge) {
  const bool compares = is_delegate(rule) || (!is_state(rule) && rule.against != Against::absolute);
  return !compares || gauge.before.count != 0;
}

// Some of these samples may have made the device vote against.
bool may_exceed(const Guardrail& rule, const Gauge& gauge) {
  const auto& after = gauge.reached;
  if (after.count == 0 || !can_be_compared(rule, gauge)) return false;
  if (is_delegate(rule)) {
    auto both = gauge.before.delegates;
    both.insert(after.delegates.begin(), after.delegates.end());
    return both.size() > 1;
  }
  if (rule.metric.empty()) return after.most > 0;
  double limit = rule.limit;
  if (rule.lower_is_worse) {
    if (rule.against != Against::absolute) limit = gauge.before.most * (1 - rule.limit);
    return after.least < limit * (1 + rounding);
  }
  if (rule.against != Against::absolute) limit = gauge.before.least * (1 + rule.limit);
  if (rule.against == Against::control) limit *= drift_least;
  return after.most > limit * (1 - rounding);
}

// Each of its samples since it is done exceeds, whatever the engine makes of them.
bool must_exceed(const Guardrail& rule, const Gauge& gauge) {
  const auto& after = gauge.done;
  if (after.count == 0 || after.missing != 0 || is_delegate(rule) || !can_be_compared(rule, gauge)) return false;
  if (rule.metric.empty()) return after.least > 0;
  if (rule.against == Against::control) return false;
  double limit = rule.limit;
  if (rule.lower_is_worse) {
    if (rule.against != Against::absolute) limit = gauge.before.least * (1 - rule.limit);
    return after.most < limit * (1 - rounding);
  }
  if (rule.against != Against::absolute) limit = gauge.before.most * (1 + rule.limit);
  return after.least > limit * (1 + rounding);
}

class VerdictHasVotes final : public Checker {
 public:
  VerdictHasVotes() : Checker("verdict_has_votes") {}

  void on_commit(const EngineStep& step) override {
    runs_.take(step);
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { assigned_[assign.device] = assign; });
    if (started_s_ == 0) started_s_ = runs_.now_s();
    if (const auto* seen = std::get_if<rules::DeviceSeen>(&step.event.what)) come_back(seen->device);
    if (const auto* lost = std::get_if<rules::DeviceLost>(&step.event.what)) {
      connected_.erase(lost->device);
      lost_s_[lost->device] = runs_.now_s();
    }
    if (runs_.all().empty()) return;
    if (const auto* health = std::get_if<rules::DeviceHealth>(&step.event.what)) measure(*health);
    if (const auto* report = std::get_if<rules::DeviceReport>(&step.event.what)) take_report(*report);
    runs_.take_assigned(
        step, [&](const std::string& name, const Guarded& run, const Reached&, bool back, const rules::Assign& assign) {
          if (!back) begin(name, run, assign.device);
        });
    if (!runs_.changed()) return;
    for (const auto& [name, run] : runs_.all()) look(name, run);
  }
  // What was measured before the update is not in the records but of those that were reached, and what was observed
  // since begins anew.
  void on_broker_start(const rules::Engine&) override {
    for (auto& [name, devices] : measured_) {
      const auto* run = runs_.of(name);
      if (run == nullptr) continue;
      for (auto device = devices.begin(); device != devices.end();) {
        if (!run->reached.contains(device->first)) {
          device = devices.erase(device);
          continue;
        }
        device->second.observed_s = 0;
        for (auto& gauge : device->second.gauges) gauge.done = Samples();
        ++device;
      }
    }
    started_s_ = 0;
    connected_.clear();
  }
  void when_quiet(const FinalView&) override {
    for (const auto& [name, run] : runs_.all()) look_at_missing(name, run);
  }
  void on_old_copy() override {
    runs_.clear();
    measured_.clear();
    left_.clear();
    assigned_.clear();
    connected_.clear();
    lost_s_.clear();
  }

 private:
  using Devices = std::map<std::string, Measured>;
  struct Left {
    std::vector<std::map<std::string, std::uint32_t>> against, fine;  // who could vote so, by guardrail and segment
  };

  // How long the device has been away, as far as the broker knows.
  [[nodiscard]] std::uint64_t away_s(const std::string& device) const {
    if (connected_.contains(device)) return 0;
    const auto lost = lost_s_.find(device);
    return runs_.now_s() - std::max(started_s_, lost == lost_s_.end() ? 0 : lost->second);
  }

  void come_back(const std::string& id) {
    for (auto& [name, devices] : measured_) {
      const auto device = devices.find(id);
      if (device != devices.end()) device->second.silence_s = std::max(device->second.silence_s, away_s(id));
    }
    connected_.insert(id);
  }

  Measured& measured(const std::string& name, const Guarded& run, const std::string& device) {
    auto& found = measured_[name][device];
    found.gauges.resize(run.rule.guardrails.size());
    return found;
  }

  void measure(const rules::DeviceHealth& health) {
    const auto* report = runs_.reports().of(health.device);
    if (report == nullptr) return;
    const auto now_s = runs_.now_s();
    for (const auto& [name, run] : runs_.all()) {
      const bool reached = run.reached.contains(health.device);
      if (!reached && !holds(run.rule.targets_text, report->facts)) continue;
      auto& device = measured(name, run, health.device);
      if (device.heard_s != 0) device.silence_s = std::max(device.silence_s, now_s - device.heard_s);
      device.heard_s = now_s;
      const auto start_s = health.window_start_s != 0 ? health.window_start_s : now_s - health.window_s;
      const bool counts = reached && device.done && start_s >= device.done_clock_s;
      if (counts) device.observed_s += health.window_s;
      const auto readings = reached && run.rule.shadow ? of_shadow(health.readings) : health.readings;
      for (std::size_t i = 0; i < device.gauges.size(); ++i) {
        auto& gauge = device.gauges[i];
        take_sample(run.rule.guardrails[i], readings, reached ? gauge.reached : gauge.before);
        if (counts) take_sample(run.rule.guardrails[i], health.readings, gauge.done);
      }
    }
  }

  void take_report(const rules::DeviceReport& report) {
    const auto* last = runs_.reports().of(report.device);
    if (last == nullptr || last->boot_id != report.boot_id || last->seq != report.seq) return;  // an old one
    const auto assigned = assigned_.find(report.device);
    for (const auto& [name, run] : runs_.all()) {
      const auto known = run.reached.find(report.device);
      if (known == run.reached.end()) {
        if (!holds(run.rule.targets_text, report.facts)) measured_[name].erase(report.device);
        continue;
      }
      if (run.rule.shadow) continue;
      auto& device = measured(name, run, report.device);
      const auto runs = [&](const std::pair<rules::Plane, Sha256>& line) {
        return report.active[static_cast<std::size_t>(line.first)] == line.second;
      };
      const bool own = std::all_of(run.targets.begin(), run.targets.end(), runs);
      const bool all = assigned != assigned_.end() &&
                       std::all_of(assigned->second.releases.begin(), assigned->second.releases.end(), runs);
      const bool done = known->second.may_be_done && own && all && report.attempt == rules::AttemptState::committed &&
                        report.attempt_epoch >= known->second.epoch && report.state == rules::DeviceState::healthy;
      if (!own) device.done = false;
      if (!done || device.done) continue;
      device.done = true;
      device.done_s = runs_.now_s();
      device.done_clock_s = report.reported_s != 0 ? report.reported_s : runs_.now_s();
    }
  }

  // Reached, perhaps once more: what it could vote the last time stays possible.
  void begin(const std::string& name, const Guarded& run, const std::string& id) {
    auto& device = measured(name, run, id);
    auto& left = left_[name];
    left.against.resize(device.gauges.size());
    left.fine.resize(device.gauges.size());
    const auto& segments = run.reached.at(id).segments;
    for (std::size_t i = 0; i < device.gauges.size(); ++i) {
      auto& gauge = device.gauges[i];
      if (gauge.reached.count + gauge.reached.missing != 0) {
        left.against[i][segments[i]] += 1;
        left.fine[i][segments[i]] += 1;
      }
      gauge.reached = gauge.done = Samples();
    }
    device.done = false;
    device.silence_s = device.observed_s = 0;
  }

  // One that was lost while it changed what it runs is silent too, heard before or not.
  [[nodiscard]] bool may_be_against(const Guardrail& rule, const std::string& id, const Measured& device,
                                    std::size_t i) const {
    const auto& gauge = device.gauges[i];
    const auto unheard_s = device.heard_s == 0 ? 0 : runs_.now_s() - device.heard_s;
    const auto silence_s = std::max({device.silence_s, unheard_s, away_s(id)});
    return may_exceed(rule, gauge) || (gauge.before.count != 0 && gauge.reached.missing != 0) ||
           silence_s >= rule.silent_after_s;
  }

  void look(const std::string& name, const Guarded& run) {
    for (std::size_t i = 0; i < run.judged.size(); ++i) {
      for (const auto& [segment, judged] : run.judged[i]) {
        if (judged.changed) look(name, run, i, segment, judged);
      }
    }
  }

  void look(const std::string& name, const Guarded& run, std::size_t i, const std::string& segment,
            const Judged& judged) {
    const auto wrong = [&](const std::string& what) {
      fail("rollout " + name + ", " + title_of(run, i, segment) + ": " + std::to_string(judged.exceeded) + " of " +
           std::to_string(judged.voted) + " exceed, " + std::string(rules::name_of(judged.verdict)) +
           (judged.accepted == 0 ? "" : ", " + std::to_string(judged.accepted) + " votes were accepted before") +
           "; but " + what);
    };
    if (judged.exceeded > judged.voted) return wrong("more exceed than have voted");
    const auto ever = run.ever[i].find(segment);
    const auto reached = ever == run.ever[i].end() ? 0 : ever->second;
    if (judged.accepted + judged.voted > reached)
      return wrong("only " + std::to_string(reached) + " devices were assigned the rollout there");
    look_at_proof(judged, wrong);
    std::uint32_t against = 0;
    std::uint32_t fine = 0;
    const auto left = left_.find(name);
    if (left != left_.end() && i < left->second.against.size()) {
      against += left->second.against[i][segment];
      fine += left->second.fine[i][segment];
    }
    // Who has left the rollout since is in the counts too.
    for (const auto& [id, device] : measured_[name]) {
      const auto known = run.reached.find(id);
      if (known != run.reached.end() && known->second.segments[i] != segment) continue;
      against += may_be_against(run.rule.guardrails[i], id, device, i) ? 1u : 0u;
      fine += device.gauges[i].reached.count != 0 ? 1u : 0u;
    }
    if (judged.accepted_exceeded + judged.exceeded > against)
      wrong("only " + std::to_string(against) + " devices there exceeded, lost a reading, fell back or were silent");
    if (judged.voted - judged.exceeded > fine)
      wrong("only " + std::to_string(fine) + " devices there sent what they are judged by");
  }

  template <typename Wrong>
  static void look_at_proof(const Judged& judged, const Wrong& wrong) {
    const bool may_be = judged.verdict == Verdict::fail   ? judged.maybe_fail
                        : judged.verdict == Verdict::pass ? judged.maybe_pass && !judged.surely_fail
                                                          : !judged.surely_pass && !judged.surely_fail;
    if (!may_be) wrong("that is not what these counts prove");
  }

  void look_at_missing(const std::string& name, const Guarded& run) {
    for (std::size_t i = 0; i < run.judged.size(); ++i) {
      const auto& rule = run.rule.guardrails[i];
      for (const auto& [segment, judged] : run.judged[i]) {
        if (judged.acknowledged || run.frozen.contains({i, segment})) continue;
        std::uint32_t against = 0;
        std::uint32_t voted = 0;
        std::string ids;
        for (const auto& [id, known] : run.reached) {
          if (!known.sure || known.failed || known.taken_back || known.segments[i] != segment) continue;
          const auto& device = measured(name, run, id);
          const bool silent = is_silent(rule, device, i);
          const bool observed = device.done && device.observed_s >= 2 * rule.observe_s;
          const auto& gauge = device.gauges[i];
          const bool lost = observed && gauge.done.count == 0 && gauge.done.missing != 0 && gauge.before.count != 0;
          const bool is_against = silent || lost || (observed && must_exceed(rule, gauge));
          const bool has_voted = is_against || (observed && gauge.done.count != 0 && gauge.done.missing == 0 &&
                                                can_be_compared(rule, gauge));
          against += is_against ? 1u : 0u;
          voted += has_voted ? 1u : 0u;
          if (has_voted) ids += " " + id + (is_against ? "!" : "");
        }
        if (judged.exceeded >= against && judged.voted >= voted) continue;
        fail("rollout " + name + ", " + title_of(run, i, segment) + ": " + std::to_string(judged.exceeded) + " of " +
             std::to_string(judged.voted) + " exceed; by what devices sent, or did not, at least " +
             std::to_string(against) + " of " + std::to_string(voted) + " do:" + ids);
      }
    }
  }

  // Silent since long, and it was heard before the update: the engine knows that over a restart.
  [[nodiscard]] bool is_silent(const Guardrail& rule, const Measured& device, std::size_t i) const {
    if (!device.done || device.heard_s == 0 || device.gauges[i].before.count == 0) return false;
    const auto since_s = std::max({device.heard_s, device.done_s, started_s_});
    return runs_.now_s() >= since_s + rule.silent_after_s + late_s;
  }

  GuardedRuns runs_;
  std::map<std::string, Devices> measured_;  // by rollout
  std::map<std::string, Left> left_;
  std::map<std::string, rules::Assign> assigned_;  // by device, the newest
  std::set<std::string> connected_;
  std::map<std::string, std::uint64_t> lost_s_;
  std::uint64_t started_s_ = 0;  // the broker, by its own clock
};

}  // namespace

std::unique_ptr<Checker> check_verdict_has_votes() {
  return std::make_unique<VerdictHasVotes>();
}

}  // namespace muster::sim
