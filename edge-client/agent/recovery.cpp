#include "edge-client/agent/recovery.h"

#include <algorithm>

#include "rules/condition/program.h"

namespace muster::edge {
namespace {

class ReadingEnvironment final : public rules::Environment {
 public:
  explicit ReadingEnvironment(const ReadingList& readings) : readings_(readings) {}

  rules::Value lookup(std::string_view name) const override {
    const auto found = std::lower_bound(readings_.begin(), readings_.end(), name,
                                        [](const auto& reading, std::string_view n) { return reading.first < n; });
    if (found == readings_.end() || found->first != name) return {};
    return rules::Value::of(found->second);
  }

 private:
  const ReadingList& readings_;
};

}  // namespace

std::size_t RecoveryPolicy::load(const std::vector<RecoveryRule>& rules) {
  rules_.clear();
  std::size_t refused = 0;
  for (const auto& rule : rules) {
    if (rules::check_program(rule.program) != rules::ProgramFault::none) {
      ++refused;
      continue;
    }
    Standing standing;
    standing.rule = rule;
    rules_.push_back(std::move(standing));
  }
  return refused;
}

void RecoveryPolicy::rearm(std::uint64_t now_ms) {
  for (auto& standing : rules_) {
    standing.fired = standing.gave_up = false;
    standing.restarts = 0;
    standing.not_false_ms = now_ms;
  }
}

bool RecoveryPolicy::expect_clear(RecoveryAction action, std::uint64_t now_ms, std::uint64_t window_ms) {
  bool any = false;
  for (auto& standing : rules_) {
    if (standing.rule.action != action) continue;
    standing.fired = any = true;
    standing.restarts = 1;
    standing.next_restart_ms = now_ms + window_ms;
    standing.not_false_ms = now_ms;
  }
  return any;
}

RecoveryPolicy::Verdict RecoveryPolicy::fire(Standing& standing, std::uint64_t now_ms, std::uint64_t window_ms) {
  if (!standing.fired) {
    standing.fired = true;
    standing.restarts = 1;
    standing.next_restart_ms = now_ms + window_ms;
    return {Decision::act, &standing.rule};
  }
  if (!is_restart(standing.rule.action) || standing.gave_up || now_ms < standing.next_restart_ms) return {};
  if (standing.restarts >= restarts_max) {
    standing.gave_up = true;
    return {Decision::give_up, &standing.rule};
  }
  standing.next_restart_ms = now_ms + (window_ms << standing.restarts);
  ++standing.restarts;
  return {Decision::act, &standing.rule};
}

RecoveryPolicy::Verdict RecoveryPolicy::evaluate(const ReadingList& readings, std::uint64_t now_ms,
                                                 std::uint64_t window_ms) {
  const ReadingEnvironment environment(readings);
  Standing* first = nullptr;
  for (auto& standing : rules_) {
    const auto outcome = rules::evaluate(standing.rule.program, environment);
    if (outcome == rules::Outcome::yes && first == nullptr) first = &standing;
    // Unknown is never healthy: only a condition seen false lets the device recover.
    if (outcome != rules::Outcome::no) standing.not_false_ms = now_ms;
  }
  if (first != nullptr) return fire(*first, now_ms, window_ms);

  bool cleared = false;
  bool any_left = false;
  for (auto& standing : rules_) {
    if (!standing.fired) continue;
    if (now_ms - standing.not_false_ms < window_ms) {
      any_left = true;
      continue;
    }
    standing.fired = standing.gave_up = false;
    standing.restarts = 0;
    cleared = true;
  }
  if (!cleared || any_left) return {};
  return {Decision::cleared, nullptr};
}

}  // namespace muster::edge
