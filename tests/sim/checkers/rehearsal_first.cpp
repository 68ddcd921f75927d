// The way back is rehearsed before it is relied on: a first wave that rehearses, with others after it, does not pass
// before every device of it has been assigned the versions, was taken back to others, was assigned them again, and has
// said each time that it got there. Who says nothing (it is not connected) or has failed in the record is not waited
// for; nor is one that was taken back for a guardrail, has gone back and is no target any more, or was taken by a
// rollout of higher priority; nor is one waited for that such a rollout is still to have. Once the wave has passed
// nobody of it is waited for: when the next one opens later, after its baseline or a halt, who was away may be back.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"
#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

class RehearsalFirst final : public Checker {
 public:
  RehearsalFirst() : Checker("rehearsal_first") {}

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) {
      others_[start->rule.rollout] = start->rule;
      if (start->rule.waves.front().rehearse) begin(*start);
    }
    if (const auto* seen = std::get_if<rules::DeviceSeen>(&step.event.what)) connected_.insert(seen->device);
    if (const auto* lost = std::get_if<rules::DeviceLost>(&step.event.what)) connected_.erase(lost->device);
    if (const auto* report = reports_.take(step)) {
      for (auto& [name, run] : runs_) take(run, *report);
    }
    // A wave may pass in the step that freezes a segment, of whose devices nothing is asked any more, and in that in
    // which another rollout's way back leaves out what this one was at.
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      if (says(step, audit::segment_frozen, assign.rollout)) excuse(assign);
      for (auto& [name, run] : runs_) {
        if (name != assign.rollout) note_left_out(run, assign);
      }
    });
    // What an entry of this step rests on is older than the assignments of the same step.
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) { take(entry); });
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { take(step, assign); });
  }
  void on_broker_start(const rules::Engine&) override { connected_.clear(); }
  void on_old_copy() override {
    runs_.clear();
    others_.clear();
    connected_.clear();
    reports_.clear();
  }

 private:
  // The steps of one device, in order; those with an odd number are assignments, the others what it said of them.
  enum Steps : std::uint8_t { none, forth, there, back, back_there, forth_again, all };
  struct Rehearsing {
    Steps steps = none;
    std::uint64_t epoch = 0;
    bool failed = false;  // and has not recovered
    bool excused = false;
    bool taken = false;  // by a rollout of higher priority
  };
  struct Run {
    rules::Rule rule;
    std::map<rules::Plane, Sha256> targets;
    std::size_t opened = 0;
    bool passed = false;  // the first wave has, and was looked at
    std::map<std::string, Rehearsing> devices;
  };

  void excuse(const rules::Assign& assign) {
    const auto found = runs_.find(assign.rollout);
    if (found != runs_.end()) found->second.devices[assign.device].excused = true;
  }

  static void note_left_out(Run& run, const rules::Assign& assign) {
    const auto found = run.devices.find(assign.device);
    if (found == run.devices.end() || brings(assign, run.targets, false)) return;
    auto& device = found->second;
    if (device.steps == forth || device.steps == forth_again) device.taken = true;
  }

  void begin(const rules::StartRollout& start) {
    Run run;
    run.rule = start.rule;
    for (const auto& release : start.releases) run.targets[release.plane] = release.manifest;
    runs_[start.rule.rollout] = std::move(run);
  }

  static void take(Run& run, const rules::DeviceReport& report) {
    const auto found = run.devices.find(report.device);
    if (found == run.devices.end()) return;
    auto& device = found->second;
    const bool awaited = device.steps == forth || device.steps == back || device.steps == forth_again;
    if (!awaited || report.attempt != rules::AttemptState::committed || report.attempt_epoch < device.epoch) return;
    // One that ran the versions before the rollout goes back to them.
    if (runs(report, run.targets) || device.steps == back) device.steps = static_cast<Steps>(device.steps + 1);
  }

  void take(const rules::Audit& entry) {
    if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting) {
      runs_.erase(entry.subject);
    } else if (entry.what == audit::wave_opened) {
      const auto found = runs_.find(entry.subject);
      const bool filled = entry.why.find("has its first devices") != std::string::npos;
      if (found == runs_.end() || filled) return;
      if (++found->second.opened == 2 && !found->second.passed) look(entry, found->second);
    } else if (entry.what == audit::wave_done) {
      const auto found = runs_.find(entry.subject);
      const bool others_follow = found != runs_.end() && found->second.rule.waves.size() > 1;
      if (others_follow && !std::exchange(found->second.passed, true)) look(entry, found->second);
    } else if (entry.what == audit::device_failed || entry.what == audit::device_recovered) {
      const auto found = runs_.find(rollout_of(entry.why));
      if (found == runs_.end()) return;
      const auto device = found->second.devices.find(entry.subject);
      if (device != found->second.devices.end()) device->second.failed = entry.what == audit::device_failed;
    }
  }

  void take(const EngineStep& step, const rules::Assign& assign) {
    for (auto& [name, run] : runs_) {
      if (run.opened != 1) continue;
      if (name == assign.rollout) {
        take(step, run, assign);
      } else if (run.devices.contains(assign.device)) {
        take_of_another(run, assign);
      } else if (joins(step, assign.device, name) && brings(assign, run.targets, false)) {
        take(step, run,
             assign);  // it joined both in this step, and the other one's assignment carries this one's versions
      }
    }
  }

  static bool joins(const EngineStep& step, const std::string& device, const std::string& rollout) {
    bool joined = false;
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      joined =
          joined || (entry.what == audit::device_joined && entry.subject == device && rollout_of(entry.why) == rollout);
    });
    return joined;
  }

  // One assignment carries the versions of several rollouts, and names the one that caused it last: a step may have
  // been taken with it all the same.
  void take_of_another(Run& run, const rules::Assign& assign) const {
    const bool carries = brings(assign, run.targets, false);
    auto& device = run.devices[assign.device];
    if (const auto by = others_.find(assign.rollout); by != others_.end() && outranks(by->second, run.rule))
      device.taken = true;
    if (device.steps == there ? carries : device.steps != back_there || !carries) return;
    device.steps = static_cast<Steps>(device.steps + 1);
    device.epoch = assign.epoch;
  }

  static void take(const EngineStep& step, Run& run, const rules::Assign& assign) {
    auto& device = run.devices[assign.device];
    if (device.taken) device = Rehearsing{.excused = device.excused};  // it begins anew
    device.epoch = assign.epoch;
    if (released_in(step) != nullptr) return;
    switch (device.steps) {
      case none:
      case forth:  // tried again
        device.steps = forth;
        return;
      case there:
      case back:
        device.steps = back;
        return;
      case back_there:
      case forth_again:
      case all:
        device.steps = forth_again;
        return;
    }
  }

  void look(const rules::Audit& entry, const Run& run) {
    for (const auto& [id, device] : run.devices) {
      if (device.steps == all || device.failed || device.excused || !connected_.contains(id)) continue;
      const auto* report = reports_.of(id);
      const bool target = report != nullptr && holds(run.rule.targets_text, report->facts);
      if ((device.steps == back_there && !target) || device.taken) continue;
      const bool to_be_taken =
          report != nullptr && std::any_of(others_.begin(), others_.end(), [&](const auto& other) {
            return outranks(other.second, run.rule) && holds(other.second.targets_text, report->facts);
          });
      if (to_be_taken) continue;
      static constexpr const char* texts[] = {"",
                                              "has not got there",
                                              "was not told to go back",
                                              "is not back",
                                              "has gone back only",
                                              "has not got there again",
                                              ""};
      fail("rollout " + entry.subject + " goes on from its rehearsal although " + id + " " + texts[device.steps] +
           ": " + entry.why);
    }
  }

  std::map<std::string, Run> runs_;
  std::map<std::string, rules::Rule> others_;  // of every rollout, also of those that have ended
  std::set<std::string> connected_;
  LastReports reports_;
};

}  // namespace

std::unique_ptr<Checker> check_rehearsal_first() {
  return std::make_unique<RehearsalFirst>();
}

}  // namespace muster::sim
