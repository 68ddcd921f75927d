#include "tests/sim/checkers/guarded.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <utility>

#include "tests/sim/fleet.h"

namespace muster::sim {

namespace {

constexpr double slack = 1e-5;  // how far two ways of computing the same stake may be apart

const std::string& fact_of(const rules::DeviceFacts& facts, const rules::SegmentKey& key) {
  switch (key.attribute) {
    case rules::Attribute::device_class:
      return facts.device_class;
    case rules::Attribute::region:
      return facts.region;
    default:
      assert(key.attribute == rules::Attribute::site);
      return facts.site;
  }
}

// Into how many parts the error rate is divided for a segment: from, to.
std::pair<double, double> parts_of(const Guarded& run, std::size_t guardrail, const std::string& segment) {
  const auto& planned = run.planned[guardrail];
  if (run.rule.guardrails[guardrail].by.empty()) return {1, 1};
  const auto parts = static_cast<double>(planned.size() + 1);
  if (planned.contains(segment)) return {parts, parts};
  // One part more is shared by those that came later, in the order of their first devices: each has half of the rest.
  double most = parts;
  for (const auto& [name, count] : run.ever[guardrail]) most *= planned.contains(name) ? 1 : 2;
  return {parts * 2, std::max(most, parts * 2)};
}

}  // namespace

std::string segment_of(const std::vector<rules::SegmentKey>& by, const rules::DeviceFacts& facts) {
  std::string name;
  for (const auto& key : by) {
    const auto& value = fact_of(facts, key);
    name += (name.empty() ? "" : " ") + rules::name_of(key) + "=" + (value.empty() ? "?" : value);
  }
  return name;
}

std::string title_of(const Guarded& run, std::size_t guardrail, const std::string& segment) {
  return "guardrail " + run.rule.guardrails[guardrail].name + (segment.empty() ? "" : " in " + segment);
}

rules::Readings of_shadow(const rules::Readings& readings) {
  constexpr std::string_view prefix = "shadow.";
  rules::Readings shadow;
  for (const auto& task : readings.tasks) {
    if (task.name.rfind(prefix, 0) != 0) continue;
    const auto name = task.name.substr(prefix.size());
    if (name == "p95_ms") {
      shadow.set(rules::Reading::p95_ms, task.value);
    } else if (name == "inferences") {
      shadow.set(rules::Reading::inferences, task.value);
    } else if (name == "crash_count") {
      shadow.set(rules::Reading::crash_count, task.value);
    } else {
      shadow.tasks.push_back({name, task.value});
    }
  }
  return shadow;
}

std::optional<NamedVerdict> verdict_in(const Guarded& run, const std::string& sentence) {
  constexpr std::string_view head = "guardrail ";
  const auto at = sentence.find(head);
  if (at == std::string::npos) return std::nullopt;
  for (std::size_t i = 0; i < run.rule.guardrails.size(); ++i) {
    const auto& name = run.rule.guardrails[i].name;
    if (sentence.compare(at + head.size(), name.size(), name) != 0) continue;
    const auto behind = at + head.size() + name.size();
    const auto colon = sentence.find(": ", behind);
    if (colon == std::string::npos) continue;
    NamedVerdict named;
    named.guardrail = i;
    if (colon != behind) {
      if (sentence.compare(behind, 4, " in ") != 0) continue;
      named.segment = sentence.substr(behind + 4, colon - behind - 4);
    }
    char* end = nullptr;
    named.exceeded = static_cast<std::uint32_t>(std::strtoul(sentence.c_str() + colon + 2, &end, 10));
    if (std::string_view(end).substr(0, 4) != " of ") return std::nullopt;
    named.voted = static_cast<std::uint32_t>(std::strtoul(end + 4, &end, 10));
    if (std::string_view(end).substr(0, 9) != " exceeded") return std::nullopt;
    return named;
  }
  return std::nullopt;
}

bool Guarded::is_frozen(const rules::DeviceFacts& facts) const {
  return std::any_of(frozen.begin(), frozen.end(), [&](const auto& each) {
    return segment_of(rule.guardrails[each.first].by, facts) == each.second;
  });
}

bool Guarded::is_in(const Reached& device, const Places& places) {
  return std::any_of(places.begin(), places.end(),
                     [&](const auto& each) { return device.segments[each.first] == each.second; });
}

bool Guarded::waits_for(std::size_t guardrail, const std::string& segment, bool surely) const {
  return std::any_of(reached.begin(), reached.end(), [&](const auto& each) {
    const auto& device = each.second;
    const bool goes_back = device.taken_back || is_frozen(device);  // with another guardrail's segment
    return (device.sure || !surely) && !goes_back && device.segments[guardrail] == segment;
  });
}

void GuardedRuns::clear() {
  runs_.clear();
  planes_.clear();
  newest_.clear();
  reports_.clear();
  now_s_ = 0;
}

void GuardedRuns::begin(const rules::StartRollout& start) {
  auto& planes = planes_[start.rule.rollout];
  for (const auto& release : start.releases) {
    if (!start.rule.shadow) planes.insert(release.plane);
  }
  if (start.rule.guardrails.empty()) return;
  Guarded& run = runs_[start.rule.rollout] = Guarded();
  run.rule = start.rule;
  for (const auto& release : start.releases) run.targets[release.plane] = release.manifest;
  const auto count = run.rule.guardrails.size();
  run.planned.resize(count);
  run.ever.resize(count);
  run.judged.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (run.rule.guardrails[i].by.empty()) run.planned[i].insert("");
    for (const auto& [device, report] : reports_.all()) {
      if (report && holds(run.rule.targets_text, report->facts))
        run.planned[i].insert(segment_of(run.rule.guardrails[i].by, report->facts));
    }
  }
}

void GuardedRuns::take(const EngineStep& step) {
  now_s_ = step.event.now_s;
  letting_go_ = released_in(step) != nullptr;
  sent_back_.clear();
  given_more_.clear();
  for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
    auto& newest = newest_[assign.device];
    if (newest != 0 && assign.epoch > newest + 1) given_more_.insert(assign.device);
    newest = assign.epoch;
  });
  reports_.take(step);
  if (const auto* start = started_in(step)) begin(*start);
  if (runs_.empty()) return;
  if (std::exchange(changed_, false)) settle();
  for_each<rules::Audit>(step, [&](const rules::Audit& entry) { take(entry); });
  for (const auto& status : step.statuses) {
    auto* run = of(status.rollout);
    if (run == nullptr) continue;
    for (const auto& each : status.guardrails) judge(*run, each, step);
  }
}

// What the step before changed is no news any more.
void GuardedRuns::settle() {
  for (auto& [name, run] : runs_) {
    run.left_before = run.left;
    run.frozen_now.clear();
    for (auto& segments : run.judged) {
      for (auto& [segment, judged] : segments) judged.changed = false;
    }
  }
}

void GuardedRuns::take(const rules::Audit& entry) {
  if (entry.what == audit::device_failed || entry.what == audit::device_recovered) {
    auto* run = of(rollout_of(entry.why));
    if (run == nullptr) return;
    const auto device = run->reached.find(entry.subject);
    if (device != run->reached.end()) device->second.failed = entry.what == audit::device_failed;
    return;
  }
  if (entry.what == audit::device_rehearsing_back) {
    sent_back_.emplace(rollout_of(entry.why), entry.subject);
    return;
  }
  auto* run = of(entry.subject);
  if (run == nullptr) return;
  changed_ = true;
  const bool opened_before = entry.why.find("has its first devices") != std::string::npos;
  if (entry.what == audit::wave_opened && !opened_before) {
    run->opened_s.push_back(now_s_);
  } else if (entry.what == audit::wave_done) {
    // Nobody is sent back from here on: who was not yet is done without that. Who is on its way still goes forward.
    if (++run->left == 1) {
      for (auto& [id, device] : run->reached) device.may_be_done = device.may_be_done || !device.rehearsing;
    }
  } else if (entry.what == audit::guardrail_failed) {
    const auto named = verdict_in(*run, entry.why);
    if (!named || run->rule.guardrails[named->guardrail].on_fail != rules::OnFail::freeze_segment) return;
    run->frozen.insert({named->guardrail, named->segment});
    run->frozen_now.insert({named->guardrail, named->segment});
  } else if (entry.what == audit::failures_acknowledged) {
    acknowledge(*run);
  } else if (entry.what == audit::rollout_completed) {
    run->completed = true;
  } else if (entry.what == audit::rollout_paused || entry.what == audit::rollout_halted ||
             entry.what == audit::rollout_resumed) {
    run->completed = false;
  } else if (entry.what == audit::rollout_aborted || entry.what == audit::rollout_reverting ||
             entry.what == audit::rollout_forgotten) {
    runs_.erase(entry.subject);
  }
}

void GuardedRuns::acknowledge(Guarded& run) {
  for (std::size_t i = 0; i < run.judged.size(); ++i) {
    for (auto& [segment, judged] : run.judged[i]) {
      if (judged.verdict != rules::Verdict::fail || run.frozen.contains({i, segment})) continue;
      Judged anew;
      anew.accepted = judged.accepted + judged.voted;
      anew.accepted_exceeded = judged.accepted_exceeded + judged.exceeded;
      anew.acknowledged = true;
      judged = anew;
    }
  }
}

// Whose vote is awaited only since what this step decided.
std::uint32_t GuardedRuns::newly_awaited(const Guarded& run, std::size_t guardrail, const std::string& segment,
                                         const EngineStep& step) const {
  std::uint32_t count = 0;
  for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
    const auto* report = reports_.of(assign.device);
    if (report == nullptr || !brings(assign, run.targets, run.rule.shadow)) return;
    count += segment_of(run.rule.guardrails[guardrail].by, report->facts) == segment ? 1u : 0u;
  });
  return count;
}

void GuardedRuns::judge(Guarded& run, const rules::GuardrailStatus& status, const EngineStep& step) {
  std::size_t i = 0;
  while (i < run.rule.guardrails.size() && run.rule.guardrails[i].name != status.guardrail) ++i;
  if (i == run.rule.guardrails.size()) return;
  const auto& rule = run.rule.guardrails[i];
  Judged& judged = run.judged[i][status.segment];
  judged.changed = judged.voted != status.voted || judged.exceeded != status.exceeded ||
                   judged.verdict != status.verdict || judged.awaited != status.awaited ||
                   judged.observed != status.observed;
  changed_ = changed_ || judged.changed;
  judged.voted = status.voted;
  judged.exceeded = status.exceeded;
  judged.verdict = status.verdict;
  judged.awaited = status.awaited;
  judged.observed = status.observed;
  if (!judged.changed || status.exceeded > status.voted) return;
  const auto [from, to] = parts_of(run, i, status.segment);
  const double limit = 1e6 / rule.error_ppm;
  const auto for_fail = stakes_.of(rule.tolerate_ppm, status.voted + status.observed, status.exceeded).fail;
  const auto fresh = newly_awaited(run, i, status.segment, step);
  const auto awaited = status.awaited - std::min(status.awaited, fresh);
  const auto for_pass = stakes_.of(rule.tolerate_ppm, status.voted + awaited, status.exceeded + awaited).pass;
  judged.surely_fail = judged.surely_fail || for_fail >= limit * to * (1 + slack);
  judged.maybe_fail = judged.maybe_fail || for_fail >= limit * from * (1 - slack);
  judged.surely_pass = judged.surely_pass || (fresh == 0 && for_pass >= limit * to * (1 + slack));
  judged.holds_pass = awaited == 0 || for_pass >= limit * from * (1 - slack);
  judged.maybe_pass = judged.maybe_pass || for_pass >= limit * from * (1 - slack);
}

Reached* GuardedRuns::take_back(Reached& device, const rules::Assign& assign, bool& back) {
  back = device.taken_back = true;
  device.epoch = assign.epoch;
  return &device;
}

Reached* GuardedRuns::assigned(const std::string& name, Guarded& run, const rules::Assign& assign, bool& back) {
  const auto known = run.reached.find(assign.device);
  const auto* report = reports_.of(assign.device);
  if (assign.rollout != name) {
    // Two rollouts that take it back in one step do so with one assignment, which names the last of them.
    if (known != run.reached.end() && run.is_frozen_now(known->second)) return take_back(known->second, assign, back);
    const auto& planes = planes_[assign.rollout];
    const bool shares = std::any_of(run.targets.begin(), run.targets.end(),
                                    [&](const auto& target) { return planes.contains(target.first); });
    if ((shares || run.rule.shadow) && known != run.reached.end()) {
      if (run.completed && !run.rule.shadow) {
        run.reached.erase(known);  // it is the other one's now
      } else {
        known->second.sure = false;  // its own may begin anew there
      }
      return nullptr;
    }
    // Or it begins anew after another one had it, and was given that before what came of it last.
    const bool may_begin = known == run.reached.end() || (!known->second.sure && given_more_.contains(assign.device));
    if (shares || run.rule.shadow || !may_begin || report == nullptr || run.opened_s.empty()) return nullptr;
    const bool carries = brings(assign, run.targets, false);
    if (!carries || !holds(run.rule.targets_text, report->facts)) return nullptr;
  }
  if (report == nullptr) return nullptr;
  if (letting_go_ && known != run.reached.end()) {  // it goes on with what it was given
    known->second.epoch = assign.epoch;
    return nullptr;
  }
  back = known != run.reached.end() && !run.frozen_now.empty() && (known->second.sure || run.is_frozen(known->second));
  if (back) return take_back(known->second, assign, back);
  // The steps of a rehearsal: the segment it was in when it was reached stays what it was. Who ran the versions before
  // the rollout goes back to them: what it is assigned does not say which way it goes.
  if (known != run.reached.end() && known->second.sure && run.rule.waves.front().rehearse) {
    const bool forth = brings(assign, run.targets, false) && !sent_back_.contains({name, assign.device});
    const bool step = !forth || known->second.rehearsing;
    if (step) {
      known->second.rehearsing = !forth;
      known->second.may_be_done = forth;
      known->second.begun = Reached::Begun::step;
      known->second.epoch = assign.epoch;
      return forth ? &known->second : nullptr;
    }
  }
  const auto begun = known == run.reached.end() ? Reached::Begun::first : Reached::Begun::anew;
  Reached& device = run.reached[assign.device] = Reached();
  device.begun = begun;
  device.epoch = assign.epoch;
  device.sure = assign.rollout == name;
  device.may_be_done = !run.rule.waves.front().rehearse || run.left != 0;
  for (std::size_t i = 0; i < run.rule.guardrails.size(); ++i) {
    device.segments.push_back(segment_of(run.rule.guardrails[i].by, report->facts));
    ++run.ever[i][device.segments.back()];
  }
  return &device;
}

}  // namespace muster::sim
