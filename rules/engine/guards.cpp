// Segments, and what devices measured as votes.
#include "rules/engine/guards.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <set>

#include "rules/engine/facts.h"
#include "rules/engine/readings_environment.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

using Kind = Guards::Run::Kind;

constexpr std::string_view delegate_metric = "delegate_active";
constexpr std::string_view other_segments = "(others)";
constexpr double value_max = 1e9;  // what is beyond counts as this: sums of a million devices stay exact
constexpr double sum_unit = 1024;
constexpr std::uint8_t before_count_max = 255, after_count_max = 63;
constexpr std::uint32_t late_halvings_max = 20;

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

std::int64_t in_sum(float value) {
  return static_cast<std::int64_t>(static_cast<double>(value) * sum_unit);
}

void average(float& mean, double value, double weight) {
  mean = static_cast<float>(static_cast<double>(mean) + (value - static_cast<double>(mean)) * weight);
}

// Nothing when it cannot be said yet: there is nothing to compare with.
std::optional<bool> exceeds(const Guards::Run& run, const Gauge& gauge, double value, std::size_t wave) {
  const Guardrail& rule = *run.rule;
  if (run.kind == Kind::condition) return value != 0;
  double limit = rule.limit;
  if (run.kind == Kind::delegate || rule.against != Against::absolute) {
    if (gauge.before_count == 0) return std::nullopt;
    limit = static_cast<double>(gauge.before);
  }
  if (run.kind == Kind::delegate) return value != limit;
  if (rule.against == Against::control) limit *= run.drift / run.drift_at_wave[wave];
  if (rule.against != Against::absolute)
    limit += (limit < 0 ? -limit : limit) * (rule.lower_is_worse ? -rule.limit : rule.limit);
  return rule.lower_is_worse ? value < limit : value > limit;
}

}  // namespace

void Guards::adopt(const Rule& rule) {
  rule_ = &rule;
  runs_.resize(rule.guardrails.size());
  watches.set_gauges(runs_.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    run.rule = &rule.guardrails[i];
    run.reading = reading_from(run.rule->metric);
    run.kind = run.rule->metric.empty()                             ? Kind::condition
               : run.rule->metric == delegate_metric                ? Kind::delegate
               : run.reading && *run.reading >= first_state_reading ? Kind::state
                                                                    : Kind::measurement;
    run.drift_at_wave.assign(rule.waves.size(), 1);
    while (runs_[run.same_by].rule->by != run.rule->by) ++run.same_by;
    const auto silent_s = run.rule->silent_after_s;
    silent_after_s_ = silent_after_s_ == 0 ? silent_s : std::min(silent_after_s_, silent_s);
  }
}

bool Guards::compares() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const Run& run) {
    return run.kind == Kind::delegate || run.rule->against != Against::absolute;
  });
}

// --- segments ---

namespace {

std::string_view value_of(const FactsView& facts, Attribute attribute) {
  switch (attribute) {
    case Attribute::device_class:
      return facts.device_class;
    case Attribute::region:
      return facts.region;
    case Attribute::site:
      return facts.site;
    case Attribute::customer:
      return facts.customer;
    case Attribute::os_version:
      return facts.os_version;
    case Attribute::memory_tier:
      return facts.memory_tier;
  }
  return {};
}

std::string segment_name(const Guardrail& rule, const FactsView& facts) {
  std::string name;
  for (const auto attribute : rule.by) {
    const auto value = value_of(facts, attribute);
    name.append(name.empty() ? "" : " ").append(name_of(attribute)).append("=").append(value.empty() ? "?" : value);
  }
  return name;
}

}  // namespace

// The segments known at the start have 1/(K + 1) of the error rate each; those that come later share the rest, each
// half of what is left.
std::uint16_t Guards::add_segment(Run& run, std::string name) {
  const auto index = static_cast<std::uint32_t>(run.segments.size());
  std::uint32_t shared_by = 1;
  if (!run.rule->by.empty()) {
    shared_by = run.planned + 1;
    if (index >= run.planned) shared_by <<= std::min(index - run.planned + 1, late_halvings_max);
  }
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
          names.insert(segment_name(*run.rule, facts));
      }
    }
    run.planned = static_cast<std::uint32_t>(names.size());
    for (const auto& name : names) add_segment(run, name);
  }
}

std::uint16_t Guards::segment_of(Run& run, std::string_view packed) {
  if (run.rule->by.empty()) return run.segments.empty() ? add_segment(run, {}) : std::uint16_t{0};
  FactsView facts;
  if (!view_facts(packed, facts)) facts = FactsView();
  auto name = segment_name(*run.rule, facts);
  if (const auto known = run.by_name.find(name); known != run.by_name.end()) return known->second;
  if (run.segments.size() + 1 < limits::segments_max) return add_segment(run, std::move(name));
  const auto others = run.by_name.find(other_segments);
  return others != run.by_name.end() ? others->second : add_segment(run, std::string(other_segments));
}

bool Guards::reach(WatchIndex watch, std::string_view facts) {
  bool added = false;
  watches[watch].observed_s = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    forget_control(runs_[i], gauge);
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
  bool viewed = false;
  for (const auto& run : runs_) {
    if (std::none_of(run.segments.begin(), run.segments.end(), [](const Segment& each) { return each.frozen; }))
      continue;
    viewed = viewed || view_facts(packed, facts);
    const auto known = run.by_name.find(segment_name(*run.rule, facts));
    if (known != run.by_name.end() && run.segments[known->second].frozen) return true;
  }
  return false;
}

bool Guards::in_segment(std::size_t guardrail, std::uint16_t segment, std::string_view packed) const {
  FactsView facts;
  const Run& run = runs_[guardrail];
  return view_facts(packed, facts) && run.segments[segment].name == segment_name(*run.rule, facts);
}

// --- measuring ---

void Guards::measure_before(WatchIndex watch, const DeviceHealth& health) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    if (run.kind == Kind::condition || (run.kind == Kind::state)) continue;
    const auto value = sample_of(run, health.readings);
    if (!value) continue;
    if (gauge.before_count < before_count_max) ++gauge.before_count;
    if (run.kind == Kind::delegate) {
      gauge.before = static_cast<float>(*value);
      continue;
    }
    const bool first = gauge.before_count == 1;
    if (run.rule->against == Against::control && !first) run.now_sum -= in_sum(gauge.before);
    // The mean of all, and once there are many, one that forgets what is older than the window.
    const double window_s = std::max<double>(1, static_cast<double>(rule_->baseline_window_s));
    const double share = std::min(1.0, static_cast<double>(health.window_s) / window_s);
    average(gauge.before, *value, first ? 1 : std::max(1.0 / gauge.before_count, share));
    if (run.rule->against != Against::control) continue;
    if (first) {
      gauge.after = gauge.before;
      run.first_sum += in_sum(gauge.after);
      ++run.control_devices;
    }
    run.now_sum += in_sum(gauge.before);
    if (run.first_sum > 0 && run.now_sum > 0)
      run.drift = run.drift_at_restart * (static_cast<double>(run.now_sum) / static_cast<double>(run.first_sum));
  }
}

// The last word on drift stands when the last device has left.
void Guards::forget_control(Run& run, const Gauge& gauge) {
  if (run.rule->against != Against::control || run.kind != Kind::measurement || gauge.before_count == 0) return;
  run.first_sum -= in_sum(gauge.after);
  run.now_sum -= in_sum(gauge.before);
  --run.control_devices;
}

bool Guards::cast(Run& run, Gauge& gauge, Vote vote) {
  if (gauge.vote == vote || gauge.vote == Vote::exceeded || gauge.vote == Vote::excused) return false;
  Segment& segment = run.segments[gauge.segment];
  if (gauge.vote == Vote::fine) {
    segment.run.worsen(segment.test);
  } else {
    segment.run.add(segment.test, vote == Vote::exceeded);
  }
  gauge.vote = vote;
  return true;
}

bool Guards::measure_after(WatchIndex watch, const DeviceHealth& health, std::size_t wave) {
  bool voted = false;
  auto& observed_s = watches[watch].observed_s;
  const auto before_s = observed_s;
  observed_s += std::min<std::uint32_t>(health.window_s, UINT32_MAX - observed_s);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    Gauge& gauge = watches.gauge(watch, i);
    const auto value = sample_of(run, health.readings);
    std::optional<bool> over;
    if (value) {
      if (gauge.after_count < after_count_max) ++gauge.after_count;
      if (run.kind == Kind::measurement) {
        average(gauge.after, *value, 1.0 / gauge.after_count);
      } else {
        over = exceeds(run, gauge, *value, wave);
        if (over.value_or(false)) voted = cast(run, gauge, Vote::exceeded) || voted;
      }
    }
    const auto observe_s = run.rule->observe_s;
    if (before_s / observe_s == observed_s / observe_s) continue;  // the observation is not complete
    if (gauge.after_count == 0) {
      // What was there before and is not any more is a vote against; what never was there, none.
      if (gauge.before_count != 0) voted = cast(run, gauge, Vote::exceeded) || voted;
      continue;
    }
    if (run.kind == Kind::measurement) over = exceeds(run, gauge, static_cast<double>(gauge.after), wave);
    if (run.kind != Kind::delegate || gauge.before_count != 0) {
      if (run.kind != Kind::measurement || over)
        voted = cast(run, gauge, over.value_or(false) ? Vote::exceeded : Vote::fine) || voted;
    }
    gauge.after = 0;
    gauge.after_count = 0;
  }
  return voted;
}

bool Guards::was_heard(WatchIndex watch) const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    if (gauge.before_count != 0 || gauge.vote != Vote::none) return true;
  }
  return false;
}

std::uint64_t Guards::silence_due_s(WatchIndex watch) const {
  std::uint64_t due_s = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const auto vote = watches.gauge(watch, i).vote;
    if (vote != Vote::none && vote != Vote::fine) continue;
    const auto silent_s = runs_[i].rule->silent_after_s;
    if (due_s == 0 || silent_s < due_s) due_s = silent_s;
  }
  return due_s;
}

void Guards::excuse(WatchIndex watch) {
  if (watch == 0) return;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    if (gauge.vote != Vote::none) continue;
    gauge.vote = Vote::excused;
    --runs_[i].segments[gauge.segment].devices;
  }
}

bool Guards::silent(WatchIndex watch, std::uint64_t silence_s) {
  bool voted = false;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (silence_s < runs_[i].rule->silent_after_s) continue;
    voted = cast(runs_[i], watches.gauge(watch, i), Vote::exceeded) || voted;
  }
  return voted;
}

void Guards::wave_opens(std::size_t wave) {
  for (auto& run : runs_) run.drift_at_wave[wave] = run.drift;
}

void Guards::leave(WatchIndex watch, bool reached, bool kept) {
  if (watch == 0) return;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    const Gauge& gauge = watches.gauge(watch, i);
    if (!reached) {
      forget_control(run, gauge);
      continue;
    }
    if (!kept) continue;
    Segment& segment = run.segments[gauge.segment];
    if (gauge.vote == Vote::excused) continue;
    ++segment.departed_devices;
    if (gauge.vote == Vote::none) continue;
    ++segment.departed.devices;
    if (gauge.vote == Vote::exceeded) ++segment.departed.exceeded;
  }
  watches.release(watch);
}

}  // namespace muster::rules
