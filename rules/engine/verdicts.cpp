// What follows from the verdicts of guardrails: what is written down, gates, and what a fail asks for.
#include <algorithm>

#include "rules/engine/audit_words.h"
#include "rules/engine/core.h"

namespace muster::rules {

// What devices measured before a restart is not known any more, but of those that were reached.
std::uint64_t Core::baseline_until_s(const Rollout& rollout) const {
  if (!rollout.guards.compares()) return 0;
  return std::max(rollout.started_s, started_s_) + rollout.rule.baseline_window_s;
}

// Writes down each verdict once and does what a fail asks for. Segments are looked at by index: a fail may add some.
void Core::act_on_verdicts(Rollout& rollout) {
  for (std::size_t i = 0; i < rollout.guards.runs().size(); ++i) {
    for (std::uint16_t s = 0; s < rollout.guards.runs()[i].segments.size(); ++s) {
      Segment& segment = rollout.guards.runs()[i].segments[s];
      const auto verdict = segment.run.verdict();
      const auto text = [&] { return "rollout " + rollout.name() + ": " + rollout.guards.verdict_text(i, s); };
      if (verdict == Verdict::pass && !segment.passed) {
        segment.passed = rollout.persist = true;
        turn_.audit("muster", audit::guardrail_passed, rollout.name(), text());
      }
      if (verdict != Verdict::fail || segment.acted) continue;
      segment.acted = rollout.persist = true;
      ++troubles_.guardrails_failed;
      rollout.waves[rollout.wave].approved_by.clear();  // they approved what it was
      const auto on_fail = rollout.rule.guardrails[i].on_fail;
      turn_.audit("muster", audit::guardrail_failed, rollout.name(),
                  text() + "; on_fail: " + std::string(name_of(on_fail)));
      follow_fail(rollout, i, s);
    }
  }
}

void Core::follow_fail(Rollout& rollout, std::size_t guardrail, std::uint16_t segment) {
  const std::string why = rollout.guards.verdict_text(guardrail, segment);
  switch (rollout.rule.guardrails[guardrail].on_fail) {
    case OnFail::freeze_segment:
      return freeze_segment(rollout, guardrail, segment);
    case OnFail::rollback:
      // First back, then frozen: what devices go back to is decided by what stands when they are told.
      if (rollout.serving()) abort(rollout, true, "muster", why);
      return freeze_releases(rollout, why, true);
    case OnFail::freeze_release:
      freeze_releases(rollout, why, false);
      return halt_for(rollout, why);
    case OnFail::pause:
      return halt_for(rollout, why);
  }
}

void Core::halt_for(Rollout& rollout, const std::string& why) {
  if (!rollout.assigning()) return;
  set_state(rollout, RolloutState::halted);
  turn_.audit("muster", audit::rollout_halted, rollout.name(), "rollout " + rollout.name() + ": " + why);
}

// Nobody in the segment is assigned any more, and who was goes back.
void Core::freeze_segment(Rollout& rollout, std::size_t guardrail, std::uint16_t segment) {
  rollout.guards.freeze(guardrail, segment);
  const auto members = members_.sorted(rollout, [&](const Member& member) {
    return !member.frozen &&
           rollout.guards.in_segment(guardrail, segment, member.watch, member.reached, fleet_.facts(member.device));
  });
  std::size_t back = 0;
  for (const auto index : members) {
    members_.change(index, [](Member& m) { m.frozen = true; });
    const Member& member = members_[index];
    if (member.wave != no_wave) mark_persist(member.device);
    await_no_window(index);
    if (has_remains(member)) take_up_remains(index);
    if (!member.reached || member.withdrawn) continue;  // also who has failed: it may yet finish what it was given
    withdraw(index);
    ++back;
  }
  const Segment& frozen = rollout.guards.runs()[guardrail].segments[segment];
  turn_.audit("muster", audit::segment_frozen, rollout.name(),
              "rollout " + rollout.name() + ": " + frozen.name + " gets nothing more; of " +
                  count_text(members.size(), "device") + " there " + std::to_string(back) +
                  " go back to their earlier versions" + rollout.lines.cite(Clause::guardrail, guardrail));
}

// Whether the rollout has brought the release of this plane to some device. One that all its devices ran before is what
// they go back to: it is not what has failed, and other rollouts may need it.
bool Core::has_brought(const Rollout& rollout, std::size_t plane) const {
  if (rollout.rule.shadow) return true;
  bool reached = false;
  const bool brought = members_.any(rollout, [&](const Member& member) {
    reached = reached || member.reached;
    return member.reached && member.prior[plane] != rollout.target[plane];
  });
  return brought || !reached;
}

void Core::freeze_releases(Rollout& rollout, const std::string& why, bool only_brought) {
  for (const auto& release : rollout.releases) {
    if (only_brought && !has_brought(rollout, static_cast<std::size_t>(release.plane))) continue;
    GiveOrder order;
    order.scope = "fleet";
    order.kind = OrderKind::freeze;
    order.plane = release.plane;
    order.release = release.manifest;
    order.release_name = describe(release);
    const auto outcome = orders_.give(order, "muster", why, directive_epoch_ + 1);
    if (!outcome.ok) {
      turn_.audit("muster", audit::command_refused, order.scope, "rollout " + rollout.name() + ": " + outcome.message);
      continue;
    }
    ++directive_epoch_;
    turn_.engine = true;
    turn_.scopes.insert(order.scope);
    turn_.audit("muster", audit::order_given, order.scope, outcome.message + "; " + why);
  }
}

// Whether the open wave may be left, as far as guardrails go; says when time alone could change that.
bool Core::guards_open(Rollout& rollout) {
  if (!rollout.guards.any()) return true;
  const auto opened_s = rollout.waves[rollout.wave].opened_s;
  const auto waited_s = turn_.now_s - opened_s;
  const auto next_s = rollout.guards.next_waiver_s(waited_s);
  rollout.guards_due_s = next_s == 0 ? 0 : opened_s + next_s;
  return rollout.guards.open(waited_s, nullptr);
}

// The wave is left: what it goes on without is written down.
void Core::note_waivers(Rollout& rollout) {
  std::vector<std::string> waived;
  (void)rollout.guards.open(turn_.now_s - rollout.waves[rollout.wave].opened_s, &waived);
  for (const auto& text : waived)
    turn_.audit("muster", audit::guardrail_waived, rollout.name(),
                "rollout " + rollout.name() + ": " + describe_wave(rollout.rule.waves[rollout.wave]) +
                    " goes on without a verdict; " + text);
}

}  // namespace muster::rules
