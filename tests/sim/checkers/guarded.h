// Rollouts with guardrails as somebody knows them who only reads along: their rules, what devices reported, whom the
// engine assigned, what its audit entries say and which counts it published. Segments, shares of the error rate and
// verdicts are worked out here anew. One object a checker.
//
// A step is taken in two parts: what waves and verdicts rest on is older than the assignments of the same step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/verdict/sequential_test.h"
#include "tests/sim/checker.h"
#include "tests/sim/checkers/stakes.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

// One guardrail's counts in one segment.
struct Judged {
  std::uint32_t voted = 0, exceeded = 0, awaited = 0, observed = 0;  // as published last
  rules::Verdict verdict = rules::Verdict::inconclusive;
  std::uint32_t accepted = 0, accepted_exceeded = 0;  // votes that acknowledging a fail took out of the count
  // What the counts have proved at some time since then: surely, or as near to the limit as arithmetic can tell. Of
  // segments that were not known at the start the share of the error rate is known within bounds only.
  bool surely_pass = false, maybe_pass = false, surely_fail = false, maybe_fail = false;
  bool holds_pass = true;  // as published last: whatever those may vote whose votes are awaited, a pass stays one
  bool acknowledged = false;
  bool changed = false;  // in this step
};

// A device that was assigned the rollout and has not left it since.
struct Reached {
  // With its newest assignment: for the first time, or after it had left altogether; while it was still known as
  // reached (another rollout may have had it since, or it goes on after it was stopped, or tries again); as a step of
  // its rehearsal.
  enum class Begun : std::uint8_t { first, anew, step };
  Begun begun = Begun::first;
  std::vector<std::string> segments;  // by guardrail, of the facts with which it was assigned
  std::uint64_t epoch = 0;
  // False: the assignment names another rollout, but brings the versions of this one too; or another rollout has taken
  // the device since, or has ended the shadow that it was at.
  bool sure = false;
  bool failed = false, taken_back = false;
  bool rehearsing = false;  // was sent back by a rehearsal, and is to go forward again
  bool may_be_done = true;  // false: a rehearsal has to take it back first
};

struct Guarded {
  rules::Rule rule;
  std::map<rules::Plane, Sha256> targets;
  std::vector<std::set<std::string>> planned;              // segments at the start, by guardrail
  std::vector<std::map<std::string, std::uint32_t>> ever;  // how often a device was reached, by guardrail and segment
  std::vector<std::map<std::string, Judged>> judged;
  std::map<std::string, Reached> reached;
  std::set<std::pair<std::size_t, std::string>> frozen;  // guardrail and segment
  std::vector<std::uint64_t> opened_s;                   // by wave that has opened
  std::size_t left = 0, left_before = 0;                 // waves that are done; before this step
  bool completed = false;
  std::set<std::pair<std::size_t, std::string>> frozen_now;  // in this step

  // Devices with these facts are in a frozen segment.
  [[nodiscard]] bool is_frozen(const rules::DeviceFacts& facts) const;
  [[nodiscard]] bool is_frozen(const Reached& device) const { return is_in(device, frozen); }
  [[nodiscard]] bool is_frozen_now(const Reached& device) const { return is_in(device, frozen_now); }
  // The gate of this wave asks for verdicts: not that of a few devices that rehearse, which asks for the rehearsal.
  [[nodiscard]] bool asks_for_verdicts(std::size_t wave) const {
    const auto& asking = rule.waves[wave];
    return asking.gate == rules::Gate::automatic && !(asking.rehearse && asking.devices != 0);
  }
  // Somebody there may still vote: a device that was reached and was not told to go back.
  [[nodiscard]] bool waits_for(std::size_t guardrail, const std::string& segment, bool surely) const;

 private:
  using Places = std::set<std::pair<std::size_t, std::string>>;
  [[nodiscard]] static bool is_in(const Reached& device, const Places& places);
};

// The guardrail, segment and counts that a sentence of the record names.
struct NamedVerdict {
  std::size_t guardrail = 0;
  std::string segment;
  std::uint32_t exceeded = 0, voted = 0;
};
[[nodiscard]] std::optional<NamedVerdict> verdict_in(const Guarded& run, const std::string& sentence);
[[nodiscard]] std::string segment_of(const std::vector<rules::SegmentKey>& by, const rules::DeviceFacts& facts);
// "guardrail g1 in region=eu"
[[nodiscard]] std::string title_of(const Guarded& run, std::size_t guardrail, const std::string& segment);

// What a summary says of the shadow, under the usual names.
[[nodiscard]] rules::Readings of_shadow(const rules::Readings& readings);

class GuardedRuns {
 public:
  // Its report, its audit entries and its statuses. An aborted rollout is not known any more.
  void take(const EngineStep& step);
  // Its assignments. `visit(name, run, device, back, assign)` after each; `back`: it takes versions back.
  template <typename Visit>
  void take_assigned(const EngineStep& step, Visit visit) {
    if (runs_.empty()) return;
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      for (auto& [name, run] : runs_) {
        bool back = false;
        if (auto* device = assigned(name, run, assign, back)) visit(name, run, *device, back, assign);
      }
    });
  }
  void take_assigned(const EngineStep& step) {
    take_assigned(step, [](const auto&, auto&, auto&, bool, const auto&) {});
  }
  void clear();

  [[nodiscard]] std::map<std::string, Guarded>& all() { return runs_; }
  [[nodiscard]] Guarded* of(const std::string& name) {
    const auto found = runs_.find(name);
    return found == runs_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const LastReports& reports() const { return reports_; }
  [[nodiscard]] std::uint64_t now_s() const { return now_s_; }
  // This step changed counts, a verdict, a freeze or which wave is open: most do not.
  [[nodiscard]] bool changed() const { return changed_; }

 private:
  void begin(const rules::StartRollout& start);
  void settle();
  void take(const rules::Audit& entry);
  void acknowledge(Guarded& run);
  void judge(Guarded& run, const rules::GuardrailStatus& status, const EngineStep& step);
  [[nodiscard]] std::uint32_t newly_awaited(const Guarded& run, std::size_t guardrail, const std::string& segment,
                                            const EngineStep& step) const;
  // What the assignment does to the device in this rollout; null: nothing.
  Reached* assigned(const std::string& name, Guarded& run, const rules::Assign& assign, bool& back);
  static Reached* take_back(Reached& device, const rules::Assign& assign, bool& back);

  std::map<std::string, Guarded> runs_;
  std::map<std::string, std::set<rules::Plane>> planes_;  // that a rollout switches; of every one
  LastReports reports_;
  Stakes stakes_;
  std::uint64_t now_s_ = 0;
  bool letting_go_ = false;                      // this step lets devices go on from a hold
  std::map<std::string, std::uint64_t> newest_;  // epoch of what each device was assigned last
  std::set<std::string> given_more_;             // in this step, one after the other: only the last one left
  std::set<std::pair<std::string, std::string>> sent_back_;  // rollout and device: for its rehearsal, in this step
  bool changed_ = false;
};

}  // namespace muster::sim
