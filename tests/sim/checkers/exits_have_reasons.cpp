// Every exit has a reason that can be read: what a guardrail leads to (a halt, a way back, a freeze, a wave that goes
// on without its verdict) has an entry with the guardrail, the segment and the counts that were published, in the step
// in which it happens, and nothing happens without one; each end of a rollout has its counts.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/guarded.h"

namespace muster::sim {

namespace {

using rules::OnFail;
using rules::RolloutState;
using rules::Verdict;

constexpr std::string_view engine_itself = "muster";

class ExitsHaveReasons final : public Checker {
 public:
  ExitsHaveReasons() : Checker("exits_have_reasons") {}

  void on_commit(const EngineStep& step) override {
    // An abort ends what the books know of a rollout: its verdict is read before.
    failed_.clear();
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
      if (entry.what == audit::guardrail_failed) take_fail(entry);
    });
    for_each<rules::Direct>(step, [&](const rules::Direct& direct) {
      if (direct.scope != "fleet") return;
      frozen_releases_.clear();
      for (const auto& order : direct.orders) {
        if (order.kind == rules::OrderKind::freeze) frozen_releases_.insert(order.release);
      }
    });
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) { look_at_exit(step, entry); });
    for (const auto& fail_of : failed_) look_at_consequence(step, fail_of);
    runs_.take(step);
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) { look_at_verdict(step, entry); });
    for (const auto& [name, run] : runs_.all()) {
      if (!runs_.changed()) break;
      look_at_changes(step, name, run);
      look_at_left(step, name, run);
    }
    runs_.take_assigned(step);
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { note_brought(assign); });
  }
  void when_quiet(const FinalView& view) override {
    for (const auto& status : view.rollouts) look_at_halted(status);
  }
  void on_old_copy() override {
    runs_.clear();
    frozen_releases_.clear();
    brought_.clear();
    told_.clear();
  }

 private:
  struct Failed {
    std::string rollout, title;
    NamedVerdict named;
    OnFail on_fail = OnFail::pause;
    std::set<Sha256> targets;
  };

  static std::string text_of(const rules::Audit& entry) {
    return "the record says " + entry.what + " of " + entry.subject + " (" + entry.why + ")";
  }

  void take_fail(const rules::Audit& entry) {
    const auto* run = runs_.of(entry.subject);
    if (run == nullptr) return fail(text_of(entry) + ", but it has no guardrails");
    const auto named = verdict_in(*run, entry.why);
    if (!named) return fail(text_of(entry) + " and does not name guardrail, segment and counts");
    Failed failed{entry.subject,
                  title_of(*run, named->guardrail, named->segment),
                  *named,
                  run->rule.guardrails[named->guardrail].on_fail,
                  {}};
    for (const auto& [plane, manifest] : run->targets) failed.targets.insert(manifest);
    if (entry.why.find("on_fail: " + std::string(rules::name_of(failed.on_fail))) == std::string::npos)
      fail(text_of(entry) + " and does not say what its rule wants then");
    failed_.push_back(std::move(failed));
  }

  // The entry names one of the verdicts of this step that ask for this.
  [[nodiscard]] bool is_asked_for(const rules::Audit& entry, std::initializer_list<OnFail> kinds) const {
    return std::any_of(failed_.begin(), failed_.end(), [&](const Failed& failed) {
      return std::find(kinds.begin(), kinds.end(), failed.on_fail) != kinds.end() &&
             (entry.subject == failed.rollout || entry.subject == "fleet") &&
             entry.why.find(failed.title + ": " + std::to_string(failed.named.exceeded) + " of " +
                            std::to_string(failed.named.voted) + " exceeded") != std::string::npos;
    });
  }

  void look_at_exit(const EngineStep& step, const rules::Audit& entry) {
    const bool ends = entry.what == audit::rollout_completed || entry.what == audit::rollout_aborted ||
                      entry.what == audit::rollout_reverting || entry.what == audit::rollout_halted;
    if (ends && entry.why.find_first_of("0123456789") == std::string::npos)
      fail(text_of(entry) + " and gives no counts");
    if (entry.who != engine_itself) return;
    if (entry.what == audit::rollout_halted && entry.why.find("unacknowledged failure") == std::string::npos &&
        !is_asked_for(entry, {OnFail::pause, OnFail::freeze_release}))
      fail(text_of(entry) + ", but nothing in this step asks for it");
    if (entry.what == audit::rollout_reverting && !is_asked_for(entry, {OnFail::rollback}))
      fail(text_of(entry) + ", but nothing in this step asks for it");
    if (entry.what == audit::order_given && !is_asked_for(entry, {OnFail::freeze_release, OnFail::rollback}))
      fail(text_of(entry) + ", but nothing in this step asks for it");
    if (entry.what == audit::segment_frozen) {
      const bool asked = std::any_of(failed_.begin(), failed_.end(), [&](const Failed& failed) {
        return failed.rollout == entry.subject && failed.on_fail == OnFail::freeze_segment &&
               entry.why.find(failed.named.segment + " gets nothing more") != std::string::npos;
      });
      if (!asked) fail(text_of(entry) + ", but no guardrail failed there in this step");
    }
    if (entry.what == audit::guardrail_waived && !says(step, audit::wave_done, entry.subject))
      fail(text_of(entry) + ", but no wave goes on");
  }

  void look_at_consequence(const EngineStep& step, const Failed& failed) {
    const auto missing = [&](const std::string& what) {
      fail("rollout " + failed.rollout + ", " + failed.title + " has failed, but " + what);
    };
    const rules::RolloutStatus* status = nullptr;
    for (const auto& each : step.statuses) status = each.rollout == failed.rollout ? &each : status;
    if (status == nullptr) return missing("its status does not change");
    const bool goes_on = status->state == RolloutState::running || status->state == RolloutState::awaiting_approval ||
                         status->state == RolloutState::completed;
    const bool ends = status->state == RolloutState::reverting || status->state == RolloutState::aborted;
    switch (failed.on_fail) {
      case OnFail::freeze_segment:
        // Another guardrail that failed in the same step may have ended the rollout.
        if (!ends && !says(step, audit::segment_frozen, failed.rollout)) missing("its segment is not frozen");
        return;
      case OnFail::freeze_release:
        look_at_freezes(failed);
        [[fallthrough]];
      case OnFail::pause:
        if (goes_on) missing("the rollout is " + std::string(rules::name_of(status->state)));
        return;
      case OnFail::rollback:
        look_at_freezes(failed);
        if (!ends) missing("the rollout is " + std::string(rules::name_of(status->state)));
        return;
    }
  }

  // One assignment can carry the versions of several rollouts.
  void note_brought(const rules::Assign& assign) {
    const auto* report = runs_.reports().of(assign.device);
    if (report == nullptr) return;
    for (const auto& [plane, manifest] : assign.releases) {
      if (report->active[static_cast<std::size_t>(plane)] != manifest) brought_.insert(manifest);
    }
  }

  // A way back freezes what the rollout has brought, which is not what all its devices ran before.
  void look_at_freezes(const Failed& failed) {
    std::size_t frozen = 0;
    bool brought = false;
    for (const auto& target : failed.targets) {
      frozen += frozen_releases_.contains(target) ? 1u : 0u;
      brought = brought || brought_.contains(target);
    }
    const bool enough = failed.on_fail == OnFail::rollback ? frozen != 0 || !brought : frozen == failed.targets.size();
    if (!enough)
      fail("rollout " + failed.rollout + ", " + failed.title +
           " has failed, but a release of its is not frozen for the fleet");
  }

  // What an entry says of a verdict is what was published, and what the counts prove.
  void look_at_verdict(const EngineStep& step, const rules::Audit& entry) {
    const bool passes = entry.what == audit::guardrail_passed;
    const bool fails = entry.what == audit::guardrail_failed;
    const bool waived = entry.what == audit::guardrail_waived;
    const auto* run = runs_.of(entry.subject);
    if (run == nullptr || (!passes && !fails && !waived)) return;
    const auto named = verdict_in(*run, entry.why);
    if (!named) return fail(text_of(entry) + " and does not name guardrail, segment and counts");
    const auto found = run->judged[named->guardrail].find(named->segment);
    if (found == run->judged[named->guardrail].end()) return fail(text_of(entry) + ", but no status shows the segment");
    const auto& judged = found->second;
    const bool forgotten = says(step, audit::failures_acknowledged, entry.subject);
    if (!forgotten && (judged.voted != named->voted || judged.exceeded != named->exceeded))
      fail(text_of(entry) + ", its status says " + std::to_string(judged.exceeded) + " of " +
           std::to_string(judged.voted));
    if (passes && !judged.maybe_pass) fail(text_of(entry) + ", which the counts do not prove");
    if (fails && !judged.maybe_fail) fail(text_of(entry) + ", which the counts do not prove");
    if (!waived) return;
    const auto patience_s = run->rule.guardrails[named->guardrail].advance_after_s;
    if (patience_s == 0 || runs_.now_s() < run->opened_s[run->left_before] + patience_s)
      fail(text_of(entry) + ", which its rule does not allow yet");
  }

  // A verdict that people see has its entry.
  void look_at_changes(const EngineStep& step, const std::string& name, const Guarded& run) {
    for (std::size_t i = 0; i < run.judged.size(); ++i) {
      for (const auto& [segment, judged] : run.judged[i]) {
        if (!judged.changed) continue;
        auto& told = told_[{name, i, segment}];
        if (told == judged.verdict) continue;
        told = judged.verdict;
        if (judged.verdict == Verdict::inconclusive) continue;
        const auto what = judged.verdict == Verdict::pass ? audit::guardrail_passed : audit::guardrail_failed;
        bool named = false;
        for_each<rules::Audit>(step, [&, &segment_name = segment](const rules::Audit& entry) {
          if (entry.what != what || entry.subject != name) return;
          const auto one = verdict_in(run, entry.why);
          named = named || (one && one->guardrail == i && one->segment == segment_name);
        });
        if (!named)
          fail("rollout " + name + ", " + title_of(run, i, segment) + " is " +
               std::string(rules::name_of(judged.verdict)) + ", and no entry of the record says so");
      }
    }
  }

  // A wave that is left without a verdict says which.
  void look_at_left(const EngineStep& step, const std::string& name, const Guarded& run) {
    for (auto wave = run.left_before; wave < run.left && wave < run.opened_s.size(); ++wave) {
      if (!run.asks_for_verdicts(wave)) continue;
      for (std::size_t i = 0; i < run.judged.size(); ++i) {
        for (const auto& [segment, judged] : run.judged[i]) {
          if (judged.verdict != Verdict::inconclusive || judged.acknowledged || run.frozen.contains({i, segment}))
            continue;
          if (!run.waits_for(i, segment, true)) continue;
          bool waived = false;
          for_each<rules::Audit>(step, [&, &segment_name = segment](const rules::Audit& entry) {
            waived = waived || (entry.what == audit::guardrail_waived && entry.subject == name &&
                                entry.why.find(title_of(run, i, segment_name) + ": ") != std::string::npos);
          });
          if (!waived)
            fail("rollout " + name + " leaves wave " + run.rule.waves[wave].name + " without a verdict of " +
                 title_of(run, i, segment) + ", and no entry of the record says so");
        }
      }
    }
  }

  // Whoever looks at a rollout that a guardrail halted sees which one.
  void look_at_halted(const rules::RolloutStatus& status) {
    const auto* run = runs_.of(status.rollout);
    if (run == nullptr || status.state != RolloutState::halted) return;
    bool named = true;
    for (std::size_t i = 0; i < run->judged.size(); ++i) {
      for (const auto& [segment, judged] : run->judged[i]) {
        if (judged.verdict != Verdict::fail || run->frozen.contains({i, segment})) continue;
        if (status.waiting_for.find("guardrail " + run->rule.guardrails[i].name) != std::string::npos) return;
        named = false;
      }
    }
    if (!named)
      fail("rollout " + status.rollout + " is halted, a guardrail has failed, and its sentence names none: \"" +
           status.waiting_for + "\"");
  }

  GuardedRuns runs_;
  std::vector<Failed> failed_;  // in this step
  std::set<Sha256> frozen_releases_;
  std::set<Sha256> brought_;  // by whichever rollout, to a device that ran something else
  std::map<std::tuple<std::string, std::size_t, std::string>, Verdict> told_;
};

}  // namespace

std::unique_ptr<Checker> check_exits_have_reasons() {
  return std::make_unique<ExitsHaveReasons>();
}

}  // namespace muster::sim
