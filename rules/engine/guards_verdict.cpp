// Verdicts of segments: gates, sentences, records.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "rules/engine/guards.h"
#include "rules/engine/percent.h"
#include "schemas/limits.h"

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

// What the verdict rests on, or what it takes.
std::string sentence_of(const Guards::Run& run, const Segment& segment) {
  const auto& votes = segment.run.votes();
  std::string text = count_of(segment) + " (" + terms_of(run) + ")";
  const auto counted = votes.devices < segment.devices ? segment.devices - votes.devices : 0;
  switch (segment.run.verdict()) {
    case Verdict::pass:
    case Verdict::fail:
      break;
    case Verdict::inconclusive:
      text += "; a pass takes " + std::to_string(segment.test.more_fine_to_pass(votes)) + " more that do not";
      if (counted != 0) text += "; " + std::to_string(counted) + " of its devices have not voted";
      break;
  }
  if (segment.acknowledged) text += "; an earlier fail was acknowledged";
  if (segment.frozen) text += "; the segment is frozen and goes back";
  return text;
}

bool holds(const Segment& segment) {
  if (segment.devices == segment.gone || segment.frozen) return false;
  if (segment.run.verdict() == Verdict::pass) return false;
  return !(segment.acknowledged && segment.run.verdict() == Verdict::inconclusive);
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

constexpr std::size_t name_len_max = limits::segments_max;  // far above three attributes with their names

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
    const auto patience_s = run.rule->advance_after_s;
    return segment.run.verdict() == Verdict::inconclusive && patience_s != 0 && waited_s >= patience_s;
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
                       segment->frozen, sentence_of(run, *segment), run.line});
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

std::string Guards::review() const {
  return list(
      "; guardrails: ", 10, runs_, [](const Segment& segment) { return segment.devices != 0; },
      [](const Run&, const Segment& segment) {
        return std::string(name_of(segment.run.verdict())) + ", " + count_of(segment);
      });
}

std::string Guards::verdict_text(std::size_t guardrail, std::uint16_t segment) const {
  const Run& run = runs_[guardrail];
  return "guardrail " + title_of(run, run.segments[segment]) + ": " + sentence_of(run, run.segments[segment]);
}

std::string Guards::votes_of(WatchIndex watch) const {
  if (!any() || watch == 0) return {};
  constexpr std::string_view words[] = {"none yet", "fine", "exceeded", "no longer measured", "silent", "excused"};
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
        if (gauge.segment != s || (gauge.vote != Vote::fine && !is_against(gauge.vote))) continue;
        gauge.vote = Vote::excused;
        --segment.devices;
      }
    }
  }
}

// --- records ---

void Guards::encode(ByteWriter& out) const {
  for (const auto& run : runs_) {
    out.number(run.planned);
    std::uint64_t bits = 0;
    const double level = run.drift.level();
    std::memcpy(&bits, &level, sizeof bits);
    out.number(bits);
    out.number(run.segments.size());
    for (const auto& segment : run.segments) {
      out.text(segment.name);
      out.number(static_cast<std::uint64_t>(segment.run.verdict()));
      out.number((segment.acted ? 1u : 0u) | (segment.acknowledged ? 2u : 0u) | (segment.frozen ? 4u : 0u) |
                 (segment.passed ? 8u : 0u));
      out.number(segment.departed_devices);
      out.number(segment.departed_gone);
      out.number(segment.departed.devices);
      out.number(segment.departed.exceeded);
      out.number(segment.departed_unmeasured.vanished);
      out.number(segment.departed_unmeasured.silent);
    }
  }
}

bool Guards::decode(ByteReader& in) {
  for (auto& run : runs_) {
    run.planned = static_cast<std::uint32_t>(in.number_max(limits::segments_max));
    const auto bits = in.number();
    double level = 0;
    std::memcpy(&level, &bits, sizeof level);
    if (!std::isfinite(level) || level <= 0) return false;
    run.drift.restore(level);
    run.drift_kept = level;
    const auto count = in.number_max(limits::segments_max);
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      std::string name(in.text(name_len_max));
      if (run.by_name.count(name) != 0) return false;
      Segment& segment = run.segments[add_segment(run, std::move(name))];
      const auto verdict = static_cast<Verdict>(in.number_max(static_cast<std::uint64_t>(Verdict::fail)));
      const auto flags = in.number_max(15);
      segment.acted = (flags & 1) != 0;
      segment.acknowledged = (flags & 2) != 0;
      segment.frozen = (flags & 4) != 0;
      if (segment.frozen) ++frozen_;
      segment.passed = (flags & 8) != 0;
      segment.devices = segment.departed_devices = in.number32();
      segment.gone = segment.departed_gone = in.number32();
      segment.departed.devices = in.number32();
      segment.departed.exceeded = in.number32();
      segment.departed_unmeasured.vanished = in.number32();
      segment.departed_unmeasured.silent = in.number32();
      segment.unmeasured = segment.departed_unmeasured;
      const auto unmeasured = std::uint64_t{segment.unmeasured.vanished} + segment.unmeasured.silent;
      if (unmeasured > segment.departed.exceeded) return false;
      if (segment.departed_gone > segment.departed.devices || segment.departed.exceeded > segment.departed.devices ||
          segment.departed.devices > segment.departed_devices || segment.departed_devices > SequentialTest::devices_max)
        return false;
      segment.run = RunningTest(segment.departed, verdict);
    }
  }
  return in.ok();
}

void Guards::encode_watch(WatchIndex watch, ByteWriter& out) const {
  out.number(watch != 0 ? runs_.size() : 0);
  for (std::size_t i = 0; watch != 0 && i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &gauge.before, sizeof bits);
    out.number(bits);
    out.number(gauge.before_count);
    out.number(static_cast<std::uint64_t>(gauge.vote));
    out.number(gauge.segment);
  }
}

void Guards::skip_watch(ByteReader& in) {
  const auto gauges = in.number_max(limits::guardrails_max);
  for (std::uint64_t i = 0; i < 4 * gauges; ++i) (void)in.number();
}

bool Guards::decode_watch(WatchIndex& watch, bool reached, bool withdrawn, ByteReader& in) {
  watch = 0;
  const auto gauges = in.number_max(limits::guardrails_max);
  if (gauges == 0) return in.ok();
  if (gauges != runs_.size()) return false;
  watch = watches.allocate();
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    const auto bits = in.number32();
    gauge.before_count = static_cast<std::uint8_t>(in.number_max(255));
    gauge.vote = static_cast<Vote>(in.number_max(static_cast<std::uint64_t>(Vote::excused)));
    gauge.segment = static_cast<std::uint16_t>(in.number_max(limits::segments_max));
    std::memcpy(&gauge.before, &bits, sizeof bits);
    if (!in.ok() || !std::isfinite(gauge.before)) return false;
    if (!reached) {
      gauge = Gauge();  // what it measured counts from here: so do the sums that it was part of
      continue;
    }
    if (gauge.segment >= run.segments.size()) return false;
    count(run.segments[gauge.segment], gauge.vote, withdrawn);
  }
  return true;
}

void Guards::count(Segment& segment, Vote vote, bool withdrawn) {
  if (vote == Vote::excused) return;
  ++segment.devices;
  if (vote == Vote::none) return;
  if (withdrawn) ++segment.gone;
  auto votes = segment.run.votes();
  ++votes.devices;
  if (is_against(vote)) ++votes.exceeded;
  add(segment.unmeasured, vote);
  segment.run = RunningTest(votes, segment.run.verdict());
}

void Guards::count_departed(Segment& segment, Vote vote, bool withdrawn) {
  if (vote == Vote::excused) return;
  ++segment.departed_devices;
  if (vote == Vote::none) return;
  if (withdrawn) ++segment.departed_gone;
  ++segment.departed.devices;
  if (is_against(vote)) ++segment.departed.exceeded;
  add(segment.departed_unmeasured, vote);
}

Guards::Recount Guards::recount_begin() const {
  Recount recount;
  for (const auto& run : runs_) {
    recount.emplace_back();
    for (const auto& segment : run.segments) {
      recount.back().push_back(segment);
      recount.back().back().devices = segment.departed_devices;
      recount.back().back().gone = segment.departed_gone;
      recount.back().back().run = RunningTest(segment.departed, segment.run.verdict());
      recount.back().back().unmeasured = segment.departed_unmeasured;
    }
  }
  return recount;
}

void Guards::recount_add(Recount& recount, WatchIndex watch, bool withdrawn) const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    count(recount[i][gauge.segment], gauge.vote, withdrawn);
  }
}

std::string Guards::recount_end(const Recount& recount) const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    for (std::size_t s = 0; s < recount[i].size(); ++s) {
      const Segment& kept = runs_[i].segments[s];
      const Segment& found = recount[i][s];
      if (kept.devices == found.devices && kept.gone == found.gone && kept.run.votes() == found.run.votes() &&
          kept.unmeasured == found.unmeasured)
        continue;
      return "guardrail " + title_of(runs_[i], kept) + ": the counts say " + count_of(kept) + ", " +
             std::to_string(kept.devices) + " reached, " + std::to_string(kept.gone) + " gone; a scan finds " +
             count_of(found) + ", " + std::to_string(found.devices) + ", " + std::to_string(found.gone);
    }
  }
  return {};
}

}  // namespace muster::rules
