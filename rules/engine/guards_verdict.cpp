// Verdicts of segments: gates and sentences.
#include <algorithm>
#include <utility>

#include "rules/engine/guards.h"
#include "rules/engine/percent.h"

namespace muster::rules {

namespace {

// "5 of 9 exceeded, 3 of them silent, 1 of them no longer measured"
std::string count_of(const Segment& segment) {
  const auto& votes = segment.run.votes();
  auto text = std::to_string(votes.exceeded) + " of " + std::to_string(votes.devices) + " exceeded";
  const auto& [vanished, silent] = segment.unmeasured;
  if (silent != 0) text += ", " + std::to_string(silent) + " of them silent";
  if (vanished != 0) text += ", " + std::to_string(vanished) + " of them no longer measured";
  return text;
}

std::string terms_of(const Guards::Run& run) {
  return "tolerate " + percent_text(run.rule->tolerate_ppm) + " % at " +
         percent_text(SequentialTest::ppm - run.rule->error_ppm) + " %" + run.cited;
}

bool holds(const Segment& segment) {
  if (segment.devices == segment.gone || segment.frozen) return false;
  if (segment.run.has_passed(segment.test, segment.outstanding)) return false;
  return !(segment.acknowledged && segment.run.verdict() == Verdict::inconclusive);
}

std::uint32_t votes_not_expected(const Segment& segment) {
  const auto known = segment.run.votes().devices + segment.outstanding.all;
  return known < segment.devices ? segment.devices - known : 0;
}

// What the verdict rests on, or what it takes.
std::string sentence_of(const Guards::Run& run, const Segment& segment) {
  const auto& votes = segment.run.votes();
  const auto& outstanding = segment.outstanding;
  std::string text = count_of(segment) + " (" + terms_of(run) + ")";
  const auto yet = outstanding.all == 1 ? "1 of its devices has not voted yet"
                                        : std::to_string(outstanding.all) + " of its devices have not voted yet";
  switch (segment.run.verdict()) {
    case Verdict::pass:
      if (holds(segment)) text += "; " + yet + " and could undo it";
      break;
    case Verdict::fail:
      if (outstanding.begun != 0)
        text += "; " + std::to_string(outstanding.begun) +
                (outstanding.begun == 1 ? " is still observed and counts as if it did not"
                                        : " are still observed and count as if they did not");
      break;
    case Verdict::inconclusive:
      text += "; a pass takes " + std::to_string(segment.test.more_fine_to_pass(votes)) + " more that do not";
      if (outstanding.all != 0) text += "; " + yet;
      if (const auto none = votes_not_expected(segment); none != 0)
        text += "; " + std::to_string(none) + (none == 1 ? " gives" : " give") +
                " no vote: failed, lost, or had nothing to measure";
      break;
  }
  if (segment.acknowledged) text += "; an earlier fail was acknowledged";
  if (segment.frozen) text += "; the segment is frozen and goes back";
  return text;
}

std::string title_of(const Guards::Run& run, const Segment& segment) {
  return run.rule->name + (segment.name.empty() ? "" : " in " + segment.name);
}

// What `words` say of each segment that is `listed`, at most `shown_max` of them, behind `head`.
template <typename Listed, typename Words>
std::string list(std::string_view head, std::size_t shown_max, const std::vector<Guards::Run>& runs, Listed listed,
                 Words words) {
  std::string text;
  std::size_t count = 0;
  for (const auto& run : runs) {
    for (const auto& segment : run.segments) {
      if (!listed(segment) || ++count > shown_max) continue;
      text.append(text.empty() ? head : "; ").append(title_of(run, segment)).append(": ").append(words(run, segment));
    }
  }
  if (count > shown_max) text += "; and " + std::to_string(count - shown_max) + " more";
  return text;
}

bool failed(const Segment& segment) {
  return segment.run.verdict() == Verdict::fail && !segment.frozen;
}

}  // namespace

std::uint32_t Guards::failed_unacknowledged() const {
  std::uint32_t count = 0;
  for (const auto& run : runs_)
    count += static_cast<std::uint32_t>(std::count_if(run.segments.begin(), run.segments.end(), failed));
  return count;
}

bool Guards::take_decided() {
  return std::exchange(decided_, false);
}

bool Guards::open(std::uint64_t waited_s, std::vector<std::string>* waived) {
  const auto may_go = [&](const Run& run, const Segment& segment) {
    // Whose time has begun is waited for in any case: it is observed, or it is silent, and both end.
    const auto patience_s = run.rule->advance_after_s;
    return segment.run.verdict() == Verdict::inconclusive && patience_s != 0 && waited_s >= patience_s &&
           segment.outstanding.begun == 0;
  };
  const auto is_held = [&](const Run& run, const Segment& segment) { return holds(segment) && !may_go(run, segment); };
  if (holding_run_ < runs_.size() && holding_segment_ < runs_[holding_run_].segments.size() &&
      is_held(runs_[holding_run_], runs_[holding_run_].segments[holding_segment_]))
    return false;
  for (const auto& run : runs_) {
    for (const auto& segment : run.segments) {
      if (!holds(segment)) continue;
      if (!may_go(run, segment)) {
        holding_run_ = static_cast<std::size_t>(&run - runs_.data());
        holding_segment_ = static_cast<std::size_t>(&segment - run.segments.data());
        return false;
      }
      if (waived != nullptr)
        waived->push_back("guardrail " + title_of(run, segment) + ": " + sentence_of(run, segment));
    }
  }
  return true;
}

std::uint64_t Guards::next_waiver_s(std::uint64_t waited_s) const {
  std::uint64_t next = 0;
  for (const auto& run : runs_) {
    const auto patience_s = run.rule->advance_after_s;
    if (patience_s > waited_s && (next == 0 || patience_s < next)) next = patience_s;
  }
  return next;
}

std::vector<GuardrailStatus> Guards::status() const {
  std::vector<GuardrailStatus> found;
  for (const auto& run : runs_) {
    std::vector<const Segment*> segments;
    for (const auto& segment : run.segments) segments.push_back(&segment);
    const auto rank = [](const Segment* segment) {
      return segment->run.verdict() == Verdict::fail ? 0 : holds(*segment) ? 1 : 2;
    };
    std::sort(segments.begin(), segments.end(), [&](const Segment* a, const Segment* b) {
      return rank(a) != rank(b) ? rank(a) < rank(b) : a->name < b->name;
    });
    if (segments.size() > segments_shown_max) segments.resize(segments_shown_max);
    for (const auto* segment : segments) {
      const auto& votes = segment->run.votes();
      found.push_back({run.rule->name, segment->name, segment->run.verdict(), votes.devices, votes.exceeded,
                       segment->outstanding.all, segment->outstanding.begun, segment->frozen,
                       sentence_of(run, *segment), run.line});
    }
  }
  return found;
}

std::string Guards::missing_sentence() const {
  return list("guardrail ", 3, runs_, holds, sentence_of);
}

std::string Guards::failed_sentence() const {
  return list("guardrail ", 3, runs_, failed, sentence_of);
}

// What has failed first, then what has not passed: of many segments those are the ones that were to be looked at.
std::string Guards::review() const {
  constexpr std::size_t shown_max = 10;
  std::string text;
  std::size_t count = 0;
  for (std::size_t wanted = 0; wanted < 3; ++wanted) {
    for (const auto& run : runs_) {
      for (const auto& segment : run.segments) {
        const auto verdict = segment.run.verdict();
        const bool open = verdict == Verdict::inconclusive || holds(segment);
        const std::size_t rank = verdict == Verdict::fail ? 0 : open ? 1 : 2;
        if (segment.devices == 0 || rank != wanted || ++count > shown_max) continue;
        text += (text.empty() ? "; guardrails: " : "; ") + title_of(run, segment) + ": " +
                std::string(name_of(verdict)) + ", " + count_of(segment);
      }
    }
  }
  if (count > shown_max) text += "; and " + std::to_string(count - shown_max) + " more";
  return text;
}

std::string Guards::votes_to_come() const {
  std::uint32_t most = 0;
  for (const auto& run : runs_) {
    std::uint32_t count = 0;
    for (const auto& segment : run.segments) count += segment.frozen ? 0 : segment.outstanding.all;
    most = std::max(most, count);
  }
  if (most == 0) return {};
  return "; " + std::to_string(most) + (most == 1 ? " device has" : " devices have") + " not voted yet";
}

std::string Guards::verdict_text(std::size_t guardrail, std::uint16_t segment) const {
  const Run& run = runs_[guardrail];
  return "guardrail " + title_of(run, run.segments[segment]) + ": " + sentence_of(run, run.segments[segment]);
}

std::string Guards::votes_of(WatchIndex watch) const {
  if (!any() || watch == 0) return {};
  constexpr std::string_view words[] = {
      "none yet", "fine", "exceeded", "no longer measured", "silent", "excused", "none, as it had nothing to measure"};
  std::string text;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    const auto& segment = runs_[i].segments[gauge.segment].name;
    text.append(text.empty() ? "; its votes: " : ", ").append(runs_[i].rule->name).append(" ");
    text.append(words[static_cast<std::size_t>(gauge.vote)]).append(segment.empty() ? "" : " (" + segment + ")");
  }
  return text;
}

void Guards::acknowledge(const std::vector<WatchIndex>& reached) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    for (std::uint16_t s = 0; s < run.segments.size(); ++s) {
      Segment& segment = run.segments[s];
      if (!failed(segment)) continue;
      segment.run = RunningTest();
      segment.devices -= segment.departed_devices;
      segment.departed_devices = segment.gone = segment.departed_gone = 0;
      segment.departed = Votes();
      segment.unmeasured = segment.departed_unmeasured = Unmeasured();
      segment.acknowledged = true;
      segment.acted = segment.passed = false;
      for (const auto watch : reached) {
        Gauge& gauge = watches.gauge(watch, i);
        if (gauge.segment != s || !has_voted(gauge.vote)) continue;
        gauge.vote = Vote::excused;
        --segment.devices;
      }
    }
  }
}

}  // namespace muster::rules
