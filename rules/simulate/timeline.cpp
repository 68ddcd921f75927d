#include "rules/simulate/timeline.h"

#include <algorithm>

namespace muster::rules {

void Timeline::add(std::uint64_t at_s, const Audit& audit) {
  auto& rest = by_word_[audit.what];
  TimelineEntry entry{at_s, audit.what, audit.subject, audit.why, 1};
  const bool of_device = audit.what.starts_with("device.");
  // The rollout is the only one: its name in each line says nothing.
  if (entry.text.starts_with("rollout ")) {
    const auto end = entry.text.find(": ");
    if (end != std::string::npos) entry.text.erase(0, end + 2);
  }
  if (rest.seen++ < (of_device ? like_shown_max : others_shown_max)) {
    entries_.push_back(std::move(entry));
  } else {
    if (!rest.last.what.empty()) entry.times += rest.last.times;
    rest.last = std::move(entry);
  }
}

std::vector<TimelineEntry> Timeline::take() {
  for (auto& [word, rest] : by_word_) {
    if (!rest.last.what.empty()) entries_.push_back(std::move(rest.last));
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const TimelineEntry& a, const TimelineEntry& b) { return a.at_s < b.at_s; });
  return std::move(entries_);
}

}  // namespace muster::rules
