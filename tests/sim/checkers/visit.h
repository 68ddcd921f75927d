// Small helpers that checkers share: effects of one kind, audit words, what a rule asked for. Pure.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "rules/engine/audit_words.h"
#include "tests/sim/checker.h"

namespace muster::sim {

namespace audit = rules::audit;

template <typename Effect, typename Visit>
void for_each(const EngineStep& step, Visit visit) {
  for (const auto& effect : step.effects) {
    if (const auto* one = std::get_if<Effect>(&effect)) visit(*one);
  }
}

[[nodiscard]] inline bool says(const EngineStep& step, std::string_view what, std::string_view subject) {
  bool found = false;
  for_each<rules::Audit>(
      step, [&](const rules::Audit& entry) { found = found || (entry.what == what && entry.subject == subject); });
  return found;
}

// The rule that this step started, when it was accepted.
[[nodiscard]] inline const rules::StartRollout* started_in(const EngineStep& step) {
  const auto* command = std::get_if<rules::Command>(&step.event.what);
  const auto* start = command == nullptr ? nullptr : std::get_if<rules::StartRollout>(&command->body);
  if (start == nullptr || !says(step, audit::rollout_started, start->rule.rollout)) return nullptr;
  return start;
}

// Whether the assignment has all of these releases on their planes.
[[nodiscard]] inline bool carries(const rules::Assign& assign, const std::map<rules::Plane, Sha256>& targets) {
  return std::all_of(targets.begin(), targets.end(), [&](const auto& target) {
    return std::find(assign.releases.begin(), assign.releases.end(),
                     std::pair<rules::Plane, Sha256>(target.first, target.second)) != assign.releases.end();
  });
}

// "rollout r1: …" → r1; empty when the sentence does not begin so.
[[nodiscard]] inline std::string rollout_of(const std::string& why) {
  constexpr std::string_view head = "rollout ";
  if (why.rfind(head, 0) != 0) return {};
  return why.substr(head.size(), why.find(':') - head.size());
}

// What each device last said, as the broker took it: newer than anything before.
class LastReports {
 public:
  // The report of this step if it is news.
  const rules::DeviceReport* take(const EngineStep& step) {
    const auto* report = std::get_if<rules::DeviceReport>(&step.event.what);
    if (report == nullptr) return nullptr;
    auto& last = last_[report->device];
    if (last && std::pair(report->boot_id, report->seq) <= std::pair(last->boot_id, last->seq)) return nullptr;
    last = *report;
    return report;
  }
  [[nodiscard]] const rules::DeviceReport* of(const std::string& device) const {
    const auto found = last_.find(device);
    return found == last_.end() || !found->second ? nullptr : &*found->second;
  }
  [[nodiscard]] const std::map<std::string, std::optional<rules::DeviceReport>>& all() const { return last_; }
  void clear() { last_.clear(); }

 private:
  std::map<std::string, std::optional<rules::DeviceReport>> last_;
};

}  // namespace muster::sim
