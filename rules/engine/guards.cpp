// Segments, and what devices measured.
#include "rules/engine/guards.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "rules/engine/facts.h"
#include "rules/engine/readings_environment.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

using Kind = Guards::Run::Kind;

const std::string other_segments = "(others)";
constexpr double value_max = 1e9;  // what is beyond counts as this: sums of a million devices stay exact
constexpr std::uint8_t before_count_max = 255, after_count_max = 30;
constexpr std::uint8_t exceeds_for_now = 31;  // as after_count
constexpr std::uint8_t out_of_control = 1;    // as after_count of a device that was not assigned
constexpr double drift_kept_share = 0.005;    // a drift that has moved by less is not written down again

float hash_of(std::string_view text) {
  std::uint32_t hash = 0x811c9dc5u;  // FNV-1a, 32 bits
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193u;
  hash &= 0xbfffffffu;  // neither infinite nor not a number: it is kept as one
  float value = 0;
  std::memcpy(&value, &hash, sizeof value);
  return value;
}

// What one summary says for one guardrail: a number, or nothing. Of a condition 1 where it is true and 0 where not.
std::optional<double> sample_of(const Guards::Run& run, const Readings& readings) {
  double value = 0;
  switch (run.kind) {
    case Kind::delegate:
      if (readings.delegate_active.empty()) return std::nullopt;
      return hash_of(readings.delegate_active);
    case Kind::condition: {
      const auto outcome = evaluate(ByteView(run.rule->when), ReadingsEnvironment(readings));
      if (outcome == Outcome::unknown) return std::nullopt;
      return outcome == Outcome::yes ? 1 : 0;
    }
    case Kind::measurement:
    case Kind::state:
      if (run.reading) {
        value = readings.of(*run.reading);
      } else {
        const auto task = std::find_if(readings.tasks.begin(), readings.tasks.end(),
                                       [&](const TaskReading& each) { return each.name == run.rule->metric; });
        if (task == readings.tasks.end()) return std::nullopt;
        value = task->value;
      }
      if (!std::isfinite(value)) return std::nullopt;
      return std::clamp(value, -value_max, value_max);
  }
  return std::nullopt;
}

void average(float& mean, double value, double weight) {
  mean = static_cast<float>(static_cast<double>(mean) + (value - static_cast<double>(mean)) * weight);
}

// Means are kept in seven digits: 0.1 is not over 0.1, nor is 0.011 over a tenth more than 0.01.
constexpr double kept_digits = 1e-6;

bool is_beyond(double value, double limit, bool lower_is_worse) {
  const double slack = std::abs(limit) * kept_digits;
  return lower_is_worse ? value < limit - slack : value > limit + slack;
}

// Of a value that was measured until `end_s`. Nothing when it cannot be said yet: there is nothing to compare with.
std::optional<bool> exceeds(const Guards::Run& run, const Gauge& gauge, double value, std::uint64_t end_s) {
  const Guardrail& rule = *run.rule;
  if (run.kind == Kind::condition) return value != 0;
  if (run.kind != Kind::delegate && rule.against == Against::absolute)
    return is_beyond(value, rule.limit, rule.lower_is_worse);
  if (run.asked) return value != static_cast<double>(*run.asked);
  if (gauge.before_count == 0) return std::nullopt;
  double limit = static_cast<double>(gauge.before);
  if (run.kind == Kind::delegate) return value != limit;
  if (rule.against == Against::control) limit *= run.drift.over(end_s);
  limit += (limit < 0 ? -limit : limit) * (rule.lower_is_worse ? -rule.limit : rule.limit);
  return is_beyond(value, limit, rule.lower_is_worse);
}

}  // namespace

void Guards::adopt(const Rule& rule, const RuleLines& lines, std::string_view delegate) {
  rule_ = &rule;
  runs_.resize(rule.guardrails.size());
  watches.set_gauges(runs_.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    run.rule = &rule.guardrails[i];
    run.line = lines.of(Clause::guardrail, i);
    run.cited = lines.cite_within(Clause::guardrail, i);
    run.reading = reading_from(run.rule->metric);
    run.drift.set_span(run.rule->observe_s);
    run.kind = run.rule->metric.empty()                             ? Kind::condition
               : run.rule->metric == delegate_metric                ? Kind::delegate
               : run.reading && *run.reading >= first_state_reading ? Kind::state
                                                                    : Kind::measurement;
    if (run.kind == Run::Kind::delegate && !delegate.empty()) run.asked = hash_of(delegate);
    while (runs_[run.same_by].rule->by != run.rule->by) ++run.same_by;
  }
}

bool Guards::compares() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const Run& run) {
    return run.kind == Kind::delegate ? !run.asked : run.rule->against != Against::absolute;
  });
}

// --- segments ---

std::uint16_t Guards::add_segment(Run& run, std::string name) {
  const auto index = static_cast<std::uint32_t>(run.segments.size());
  const auto shared_by = run.rule->by.empty() ? 1 : error_parts(run.planned, index);
  run.by_name.emplace(name, static_cast<std::uint16_t>(index));
  run.segments.emplace_back(std::move(name), SequentialTest(run.rule->tolerate_ppm, run.rule->error_ppm, shared_by));
  return static_cast<std::uint16_t>(index);
}

void Guards::plan(const std::vector<std::string_view>& targets) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    std::set<std::string> names;
    if (run.rule->by.empty()) {
      names.emplace();
    } else if (run.same_by < i) {
      for (const auto& segment : runs_[run.same_by].segments) names.insert(segment.name);
    } else {
      for (const auto packed : targets) {
        FactsView facts;
        if (names.size() + 1 < limits::segments_max && view_facts(packed, facts))
          names.insert(segment_name(run.rule->by, facts));
      }
    }
    run.planned = static_cast<std::uint32_t>(names.size());
    for (const auto& name : names) add_segment(run, name);
  }
}

std::optional<std::uint16_t> Guards::find_segment(const Run& run, std::string_view name) {
  if (const auto known = run.by_name.find(name); known != run.by_name.end()) return known->second;
  if (run.segments.size() + 1 < limits::segments_max) return std::nullopt;
  const auto others = run.by_name.find(other_segments);
  return others == run.by_name.end() ? std::nullopt : std::optional(others->second);
}

std::uint16_t Guards::segment_of(Run& run, std::string_view packed) {
  FactsView facts;
  if (!view_facts(packed, facts)) facts = FactsView();
  auto name = segment_name(run.rule->by, facts);
  if (const auto known = find_segment(run, name)) return *known;
  return add_segment(run, run.segments.size() + 1 < limits::segments_max ? std::move(name) : other_segments);
}

bool Guards::reach(WatchIndex watch, std::string_view facts) {
  bool added = false;
  assert(watches[watch].nearness == Nearness::out);
  watches[watch].observed_s = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    forget_control(runs_[i], gauge);
    // From here on drift counts for it.
    if (runs_[i].rule->against == Against::control)
      gauge.before = static_cast<float>(static_cast<double>(gauge.before) / runs_[i].drift.slow());
    gauge.after = 0;
    gauge.after_count = 0;
    const auto known = runs_[i].segments.size();
    if (runs_[i].same_by == i) {
      gauge.segment = segment_of(runs_[i], facts);
    } else {
      gauge.segment = watches.gauge(watch, runs_[i].same_by).segment;
      if (gauge.segment == known) add_segment(runs_[i], runs_[runs_[i].same_by].segments[gauge.segment].name);
    }
    added = added || runs_[i].segments.size() != known;
    ++runs_[i].segments[gauge.segment].devices;
  }
  return added;
}

bool Guards::frozen(std::string_view packed) const {
  FactsView facts;
  if (frozen_ == 0 || !view_facts(packed, facts)) return false;
  return std::any_of(runs_.begin(), runs_.end(), [&](const Run& run) {
    const auto segment = find_segment(run, segment_name(run.rule->by, facts));
    return segment && run.segments[*segment].frozen;
  });
}

void Guards::freeze(std::size_t guardrail, std::uint16_t segment) {
  auto& frozen = runs_[guardrail].segments[segment].frozen;
  if (!frozen) ++frozen_;
  frozen = true;
}

bool Guards::in_segment(std::size_t guardrail, std::uint16_t segment, WatchIndex watch, bool reached,
                        std::string_view packed) const {
  if (reached) return watches.gauge(watch, guardrail).segment == segment;
  FactsView facts;
  const Run& run = runs_[guardrail];
  return view_facts(packed, facts) && find_segment(run, segment_name(run.rule->by, facts)) == segment;
}

// --- measuring ---

void Guards::measure_before(WatchIndex watch, const DeviceHealth& health, std::uint64_t end_s) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    if (run.kind == Kind::condition || run.kind == Kind::state) {
      // That it was there is all that counts: what vanishes is a vote against.
      if (gauge.before_count == 0 && sample_of(run, health.readings)) gauge.before_count = 1;
      continue;
    }
    const auto value = sample_of(run, health.readings);
    if (!value) continue;
    if (gauge.before_count < before_count_max) ++gauge.before_count;
    if (run.kind == Kind::delegate) {
      gauge.before = static_cast<float>(*value);
      continue;
    }
    const bool first = gauge.before_count == 1;
    const auto was = gauge.before;
    // The mean of all, and once there are many, one that forgets what is older than the window.
    const double window_s = std::max<double>(1, static_cast<double>(rule_->baseline_window_s));
    const double share = std::min(1.0, static_cast<double>(health.window_s) / window_s);
    average(gauge.before, *value, first ? 1 : std::max(1.0 / gauge.before_count, share));
    if (!is_in_control(run, gauge)) continue;
    if (first) {
      gauge.after = run.drift.join(gauge.before);
    } else {
      run.drift.move(was, gauge.before);
    }
    run.drift.hear(gauge.after, *value, end_s);
  }
}

void Guards::remember_before(WatchIndex watch, const DeviceHealth& health) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    if (gauge.before_count != 0 || runs_[i].rule->against == Against::control) continue;
    const auto value = sample_of(runs_[i], health.readings);
    if (!value) continue;
    gauge.before = static_cast<float>(*value);
    gauge.before_count = 1;
  }
}

// REQUIRES: its device is not reached.
bool Guards::is_in_control(const Run& run, const Gauge& gauge) {
  return run.rule->against == Against::control && run.kind == Kind::measurement && gauge.before_count != 0 &&
         gauge.after_count != out_of_control;
}

void Guards::leave_control(WatchIndex watch) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    if (runs_[i].rule->against != Against::control) continue;
    forget_control(runs_[i], gauge);
    gauge.after_count = out_of_control;
  }
}

void Guards::forget_control(Run& run, const Gauge& gauge) {
  if (is_in_control(run, gauge)) run.drift.leave(gauge.after, gauge.before);
}

bool Guards::take_drift() {
  bool moved = false;
  for (auto& run : runs_)
    moved = moved || std::abs(run.drift.level() - run.drift_kept) > drift_kept_share * run.drift_kept;
  if (!moved) return false;
  for (auto& run : runs_) run.drift_kept = run.drift.level();
  return true;
}

// A measurement's observation that ended at `end_s` is complete, and the next one begins. What exceeds only if the
// control cohort did not do so too is kept until the next summary (`may_wait`): the others' summaries of the same time
// may be on their way, and a vote against is final.
bool Guards::vote_of_mean(Run& run, WatchIndex watch, Gauge& gauge, std::uint64_t end_s, bool may_wait) {
  const auto over = exceeds(run, gauge, static_cast<double>(gauge.after), end_s);
  if (over.value_or(false) && run.rule->against == Against::control && may_wait) {
    gauge.after_count = exceeds_for_now;
    return false;
  }
  gauge.after = 0;
  gauge.after_count = 0;
  return cast(run, watch, gauge, !over ? Vote::idle : *over ? Vote::exceeded : Vote::fine);
}

bool Guards::measure_after(WatchIndex watch, const DeviceHealth& health, std::uint64_t end_s) {
  bool voted = false;
  const std::uint32_t before_s = watches[watch].observed_s;
  const auto observed_s = before_s + std::min<std::uint32_t>(health.window_s, observed_max_s - before_s);
  watches[watch].observed_s = observed_s & observed_max_s;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    if (gauge.after_count == exceeds_for_now)
      voted = vote_of_mean(run, watch, gauge, end_s - std::min<std::uint64_t>(end_s, health.window_s), false) || voted;
    const auto value = sample_of(run, health.readings);
    std::optional<bool> over;
    if (value) {
      if (gauge.after_count < after_count_max) ++gauge.after_count;
      if (run.kind == Kind::measurement) {
        average(gauge.after, *value, 1.0 / gauge.after_count);
      } else {
        over = exceeds(run, gauge, *value, end_s);
        if (over.value_or(false)) voted = cast(run, watch, gauge, Vote::exceeded) || voted;
      }
    }
    const auto observe_s = run.rule->observe_s;
    if (before_s / observe_s == observed_s / observe_s) continue;  // the observation is not complete
    if (gauge.after_count == 0) {
      // What was there once and is not any more is a vote against; what never was there, none.
      const bool was_there = gauge.before_count != 0 || gauge.vote == Vote::fine;
      voted = cast(run, watch, gauge, was_there ? Vote::vanished : Vote::idle) || voted;
      continue;
    }
    if (run.kind == Kind::measurement) {
      voted = vote_of_mean(run, watch, gauge, end_s, true) || voted;
      continue;
    }
    const bool comparable = run.kind != Kind::delegate || run.asked || gauge.before_count != 0;
    voted = cast(run, watch, gauge,
                 !comparable            ? Vote::idle
                 : over.value_or(false) ? Vote::exceeded
                                        : Vote::fine) ||
            voted;
    gauge.after = 0;
    gauge.after_count = 0;
  }
  return voted;
}

void Guards::leave(WatchIndex watch, bool reached, bool withdrawn, bool kept) {
  if (watch == 0) return;
  (void)follow(watch, Nearness::out);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    const Gauge& gauge = watches.gauge(watch, i);
    if (!reached) {
      forget_control(run, gauge);
      continue;
    }
    if (kept) count_departed(run.segments[gauge.segment], gauge.vote, withdrawn);
  }
  watches.release(watch);
}

void Guards::begin_anew(WatchIndex watch, bool reached, bool withdrawn) {
  if (watch == 0 || !reached) return;
  (void)follow(watch, Nearness::out);
  watches[watch].observed_s = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    count_departed(run.segments[gauge.segment], gauge.vote, withdrawn);
    const Gauge was = std::exchange(gauge, Gauge());
    gauge.before = was.before;
    gauge.before_count = was.before_count;
    if (!is_in_control(run, gauge)) continue;
    gauge.before = static_cast<float>(static_cast<double>(was.before) * run.drift.slow());
    gauge.after = run.drift.join(gauge.before);
  }
}

}  // namespace muster::rules
