// Guardrails in records, and counted again for tests.
#include <cmath>
#include <cstring>
#include <utility>

#include "rules/engine/guards.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::size_t name_len_max = limits::segments_max;  // far above three attributes with their names

std::string counts_of(const Segment& segment) {
  return std::to_string(segment.run.votes().exceeded) + " of " + std::to_string(segment.run.votes().devices) +
         " exceeded, " + std::to_string(segment.unmeasured.silent) + " silent, " +
         std::to_string(segment.unmeasured.vanished) + " vanished, " + std::to_string(segment.devices) + " reached, " +
         std::to_string(segment.gone) + " gone, " + std::to_string(segment.outstanding.begun) + " of " +
         std::to_string(segment.outstanding.all) + " outstanding begun";
}

}  // namespace

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
    gauge.vote = static_cast<Vote>(in.number_max(static_cast<std::uint64_t>(Vote::idle)));
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
  if (!has_voted(vote)) return;
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
  if (!has_voted(vote)) return;
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
      recount.back().back().outstanding = {};
    }
  }
  return recount;
}

void Guards::recount_add(Recount& recount, WatchIndex watch, bool withdrawn, Nearness nearness) const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    count(recount[i][gauge.segment], gauge.vote, withdrawn);
    wait_for(recount[i][gauge.segment], gauge, nearness, 1);
  }
}

std::string Guards::recount_end(const Recount& recount) const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    for (std::size_t s = 0; s < recount[i].size(); ++s) {
      const Segment& kept = runs_[i].segments[s];
      const Segment& found = recount[i][s];
      if (kept.devices == found.devices && kept.gone == found.gone && kept.run.votes() == found.run.votes() &&
          kept.unmeasured == found.unmeasured && kept.outstanding == found.outstanding)
        continue;
      return "guardrail " + runs_[i].rule->name + (kept.name.empty() ? "" : " in " + kept.name) + ": the counts say " +
             counts_of(kept) + "; a scan finds " + counts_of(found);
    }
  }
  return {};
}

}  // namespace muster::rules
