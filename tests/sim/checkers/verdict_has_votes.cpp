// A verdict rests on votes, and each vote on a device. What is published of a guardrail and segment has one vote at
// most of each device that was reached there, over all acknowledgements; a vote against only of a device that by what
// it sent exceeded, lost a reading, fell back to another delegate or was silent for long enough; a fine one only of a
// device that sent the reading; and the verdict is the one that the counts prove. Once all is quiet nobody's vote is
// missing who was measured, or silent, long enough for it.
//
// Of a rollout that only shadows the samples are what was measured of the shadow. When one has run for how long is not
// followed here: no vote of such a device is missed.
#include <utility>

#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/guarded.h"
#include "tests/sim/checkers/samples.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

using rules::Guardrail;
using rules::Verdict;

constexpr std::uint64_t late_s = 120;  // for what is to have happened by now

struct Measured {
  std::vector<Gauge> gauges;
  std::vector<std::string> segments;  // in which it was reached last, by guardrail; none: it never was
  std::uint64_t heard_s = 0;          // 0: never
  std::uint64_t silence_s = 0;        // the longest since it was reached
  bool restarted = false;             // the broker, since it was reached last
  bool done = false;
  std::uint64_t done_s = 0, done_clock_s = 0, observed_s = 0;
};

class VerdictHasVotes final : public Checker {
 public:
  VerdictHasVotes() : Checker("verdict_has_votes") {}

  void on_commit(const EngineStep& step) override {
    // What an old copy holds comes again without the starts in between.
    if (again_ && starts_.contains(last_step_)) forget_what_is_not_recorded();
    last_step_ = step.number;
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
    for (const auto& [name, run] : runs_.all()) {
      look(name, run);
      if (run.left != run.left_before) look_at_left(name, run);
    }
  }
  void on_broker_start(const rules::Engine&) override {
    starts_.erase(starts_.upper_bound(last_step_), starts_.end());
    starts_.insert(last_step_);
    again_ = false;
    forget_what_is_not_recorded();
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
    last_step_ = started_s_ = 0;
    again_ = true;
  }

 private:
  using Devices = std::map<std::string, Measured>;
  struct Left {
    std::vector<std::map<std::string, std::uint32_t>> against, fine;  // who could vote so, by guardrail and segment
  };

  // What was measured before the update is not in the records but of those that were reached, and what was observed
  // since begins anew. Of those that have left since they were reached, the votes are in the records.
  void forget_what_is_not_recorded() {
    for (auto& [name, devices] : measured_) {
      const auto* run = runs_.of(name);
      if (run == nullptr) continue;
      for (auto device = devices.begin(); device != devices.end();) {
        if (!run->reached.contains(device->first)) {
          keep_votes(name, *run, device->first, device->second);
          device = devices.erase(device);
          continue;
        }
        device->second.restarted = true;
        device->second.observed_s = 0;
        for (auto& gauge : device->second.gauges) gauge.done = Samples();
        ++device;
      }
    }
    started_s_ = 0;
    connected_.clear();
  }

  void forget(const std::string& name, const Guarded& run, const std::string& id) {
    const auto device = measured_[name].find(id);
    if (device == measured_[name].end()) return;
    keep_votes(name, run, id, device->second);
    measured_[name].erase(device);
  }

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
      if (const auto since_s = silent_since_s(device); since_s != 0)
        device.silence_s = std::max(device.silence_s, now_s - since_s);
      device.heard_s = now_s;
      const auto start_s = health.window_start_s != 0 ? health.window_start_s : now_s - health.window_s;
      const bool counts = reached && device.done && start_s >= device.done_clock_s;
      if (counts) device.observed_s += health.window_s;
      const auto known = run.reached.find(health.device);
      const bool surely_done = reached && device.done && known->second.sure && !known->second.taken_back;
      const auto readings = reached && run.rule.shadow ? of_shadow(health.readings) : health.readings;
      for (std::size_t i = 0; i < device.gauges.size(); ++i) {
        auto& gauge = device.gauges[i];
        take_sample(run.rule.guardrails[i], readings, reached ? gauge.reached : gauge.before);
        if (reached && !surely_done) take_sample(run.rule.guardrails[i], health.readings, gauge.undone);
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
        if (!holds(run.rule.targets_text, report.facts)) forget(name, run, report.device);
        continue;
      }
      if (run.rule.shadow) continue;
      auto& device = measured(name, run, report.device);
      const bool own = runs(report, run.targets);
      // An assignment that was lost with the broker's data is about nothing that it knows. An attempt at an older one
      // than the newest is not asked for what that brings beside.
      const bool all = assigned != assigned_.end() &&
                       (report.attempt_epoch < assigned->second.epoch || runs(report, assigned->second.releases));
      const bool done = known->second.may_be_done && own && all && report.attempt == rules::AttemptState::committed &&
                        report.attempt_epoch >= known->second.epoch && report.attempt_epoch <= assigned->second.epoch &&
                        report.state == rules::DeviceState::healthy;
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
    keep_votes(name, run, id, device);
    const auto begun = run.reached.at(id).begun;
    if (!device.segments.empty()) look_back(device, begun);
    device.segments = run.reached.at(id).segments;
    for (auto& gauge : device.gauges) gauge.reached = gauge.undone = gauge.done = Samples();
    device.restarted = device.done = false;
    device.silence_s = device.observed_s = 0;
  }

  // It was reached before, and is so once more. In between it may have waited for that, measured as one that had not
  // been assigned; and what was measured before the update is not in the records of those that wait, nor known of those
  // that have left. In a rehearsal it did not wait: what it measured while it fetched the first time stays known.
  static void look_back(Measured& device, Reached::Begun begun) {
    const bool waited = begun != Reached::Begun::step;
    const bool forgotten = waited && (device.restarted || begun == Reached::Begun::first);
    for (auto& gauge : device.gauges) {
      gauge.maybe_before.add(gauge.undone);
      if (forgotten) gauge.maybe_before.add(std::exchange(gauge.before, Samples()));
    }
  }

  // What it may have voted in the segments in which it was reached last.
  void keep_votes(const std::string& name, const Guarded& run, const std::string& id, const Measured& device) {
    if (device.segments.empty()) return;
    auto& left = left_[name];
    left.against.resize(device.gauges.size());
    left.fine.resize(device.gauges.size());
    for (std::size_t i = 0; i < device.gauges.size(); ++i) {
      left.against[i][device.segments[i]] += may_be_against(run.rule.guardrails[i], id, device, i) ? 1u : 0u;
      left.fine[i][device.segments[i]] += device.gauges[i].reached.count != 0 ? 1u : 0u;
    }
  }

  // Its last summary; of one that was never heard, when it was done. 0: neither.
  [[nodiscard]] static std::uint64_t silent_since_s(const Measured& device) {
    return device.heard_s != 0 ? device.heard_s : device.done_s;
  }

  // One that was lost while it changed what it runs is silent too, heard before or not.
  [[nodiscard]] bool may_be_against(const Guardrail& rule, const std::string& id, const Measured& device,
                                    std::size_t i) const {
    const auto& gauge = device.gauges[i];
    const auto since_s = silent_since_s(device);
    const auto unheard_s = since_s == 0 ? 0 : runs_.now_s() - since_s;
    const auto silence_s = std::max({device.silence_s, unheard_s, away_s(id)});
    return may_exceed(rule, gauge) ||
           (gauge.before.count + gauge.maybe_before.count + gauge.undone.count + gauge.reached.count != 0 &&
            gauge.reached.missing != 0) ||
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
      if (device.segments.empty() || device.segments[i] != segment) continue;
      against += may_be_against(run.rule.guardrails[i], id, device, i) ? 1u : 0u;
      fine += device.gauges[i].reached.count != 0 ? 1u : 0u;
    }
    if (judged.accepted_exceeded + judged.exceeded > against)
      wrong("only " + std::to_string(against) + " devices there exceeded, lost a reading, fell back or were silent");
    if (judged.voted - judged.exceeded > fine)
      wrong("only " + std::to_string(fine) + " devices there sent what they are judged by");
  }

  // A wave was left: no vote can have come of who is done and was not observed for long enough, unless it exceeds. The
  // engine is to have counted those among the awaited ones.
  void look_at_left(const std::string& name, const Guarded& run) {
    for (std::size_t i = 0; i < run.judged.size(); ++i) {
      for (const auto& [segment, judged] : run.judged[i]) {
        if (run.frozen.contains({i, segment}) || judged.acknowledged || judged.verdict == Verdict::fail) continue;
        std::uint32_t unheard = 0;
        for (const auto& [id, known] : run.reached) {
          if (!known.sure || known.failed || known.taken_back || known.segments[i] != segment) continue;
          const auto device = measured_[name].find(id);
          if (device == measured_[name].end() || device->second.restarted) continue;
          unheard += device->second.done && device->second.observed_s < run.rule.guardrails[i].observe_s ? 1u : 0u;
        }
        if (unheard <= judged.exceeded + judged.observed) continue;
        fail("rollout " + name + ", " + title_of(run, i, segment) + ": a wave is left when " + std::to_string(unheard) +
             " devices there are done and were not observed for long enough, of which " +
             std::to_string(judged.exceeded) + " exceed and " + std::to_string(judged.observed) + " count as observed");
      }
    }
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
  std::uint64_t last_step_ = 0;
  std::set<std::uint64_t> starts_;  // of the broker: the last step before each
  bool again_ = false;              // what an old copy holds is given once more
};

}  // namespace

std::unique_ptr<Checker> check_verdict_has_votes() {
  return std::make_unique<VerdictHasVotes>();
}

}  // namespace muster::sim
