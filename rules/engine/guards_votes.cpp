// Votes: who is waited for, who votes without a word, and what that means for the tests.
#include "rules/engine/guards.h"

namespace muster::rules {

void Guards::wait_for(Segment& segment, const Gauge& gauge, Nearness nearness, std::uint32_t step) {
  if (gauge.vote != Vote::none || nearness == Nearness::out) return;
  segment.outstanding.all += step;
  if (nearness == Nearness::observed) segment.outstanding.begun += step;
}

bool Guards::follow(WatchIndex watch, Nearness nearness) {
  if (watches[watch].nearness == nearness) return false;
  const auto was = watches[watch].nearness;
  watches[watch].nearness = nearness;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Gauge& gauge = watches.gauge(watch, i);
    if (gauge.vote != Vote::none) continue;
    Segment& segment = runs_[i].segments[gauge.segment];
    wait_for(segment, gauge, was, UINT32_MAX);
    wait_for(segment, gauge, nearness, 1);
    if (nearness > was) continue;  // which makes no verdict nearer
    const auto before = segment.run.verdict();
    segment.run.expect_fewer(segment.test, segment.outstanding);
    decided_ = decided_ || segment.run.verdict() != before;
  }
  return true;
}

bool Guards::cast(Run& run, WatchIndex watch, Gauge& gauge, Vote vote) {
  if (gauge.vote == vote || is_against(gauge.vote) || gauge.vote == Vote::excused) return false;
  if (vote == Vote::idle && gauge.vote != Vote::none) return false;
  Segment& segment = run.segments[gauge.segment];
  const auto before = segment.run.verdict();
  wait_for(segment, gauge, watches[watch].nearness, UINT32_MAX);
  const auto was = gauge.vote;
  gauge.vote = vote;
  if (vote == Vote::excused || vote == Vote::idle) {
    if (vote == Vote::excused) --segment.devices;
    segment.run.expect_fewer(segment.test, segment.outstanding);
  } else if (was == Vote::fine) {
    segment.run.worsen(segment.test, segment.outstanding);
  } else {
    segment.run.add(segment.test, is_against(vote), segment.outstanding);
  }
  add(segment.unmeasured, vote);
  decided_ = decided_ || segment.run.verdict() != before;
  return true;
}

std::uint64_t Guards::silence_due_s(WatchIndex watch) const {
  std::uint64_t due_s = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const auto vote = watches.gauge(watch, i).vote;
    if (is_against(vote) || vote == Vote::excused) continue;
    const auto silent_s = runs_[i].rule->silent_after_s;
    if (due_s == 0 || silent_s < due_s) due_s = silent_s;
  }
  return due_s;
}

void Guards::excuse(WatchIndex watch) {
  if (watch == 0) return;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Gauge& gauge = watches.gauge(watch, i);
    if (has_voted(gauge.vote)) {
      ++runs_[i].segments[gauge.segment].gone;
    } else {
      (void)cast(runs_[i], watch, gauge, Vote::excused);
    }
  }
}

bool Guards::silent(WatchIndex watch, std::uint64_t silence_s) {
  bool voted = false;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (silence_s < runs_[i].rule->silent_after_s) continue;
    voted = cast(runs_[i], watch, watches.gauge(watch, i), Vote::silent) || voted;
  }
  return voted;
}

}  // namespace muster::rules
