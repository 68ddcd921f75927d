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

// The assignment gives, or leaves, a device these releases: in the shadow, or to be run.
[[nodiscard]] inline bool brings(const rules::Assign& assign, const std::map<rules::Plane, Sha256>& releases,
                                 bool in_shadow) {
  const auto& given = in_shadow ? assign.shadow : assign.releases;
  return std::all_of(releases.begin(), releases.end(), [&](const auto& each) {
    return std::find(given.begin(), given.end(), std::pair<rules::Plane, Sha256>(each.first, each.second)) !=
           given.end();
  });
}

// The report says that the device runs these releases, which are pairs of a plane and a manifest.
template <typename Releases>
[[nodiscard]] bool runs(const rules::DeviceReport& report, const Releases& releases) {
  return std::all_of(releases.begin(), releases.end(), [&](const auto& each) {
    return report.active[static_cast<std::size_t>(each.first)] == each.second;
  });
}

// A rollout of the one rule may take devices from one of the other.
[[nodiscard]] inline bool outranks(const rules::Rule& rule, const rules::Rule& other) {
  if (rule.priority <= other.priority) return false;
  return std::any_of(rule.versions.begin(), rule.versions.end(), [&](const rules::VersionChoice& version) {
    return std::any_of(other.versions.begin(), other.versions.end(),
                       [&](const rules::VersionChoice& each) { return each.plane == version.plane; });
  });
}

// The wave whose devices an operator lets go on in this step; null: none does.
[[nodiscard]] inline const rules::ReleaseHold* released_in(const EngineStep& step) {
  const auto* command = std::get_if<rules::Command>(&step.event.what);
  const auto* release = command == nullptr ? nullptr : std::get_if<rules::ReleaseHold>(&command->body);
  if (release == nullptr || !says(step, audit::wave_released, release->rollout)) return nullptr;
  return release;
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
