#include "edge-client/agent/recovery.h"

#include <algorithm>

#include "rules/condition/program.h"
#include "schemas/recovery_action.h"

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

rules::Outcome evaluate(const Bytes& program, const ReadingList& readings) {
  if (rules::check_program(program) != rules::ProgramFault::none) return rules::Outcome::unknown;
  return rules::evaluate(program, ReadingEnvironment(readings));
}

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
  for (auto& each : rules_) each.standing.rearm(now_ms);
}

bool RecoveryPolicy::expect_clear(RecoveryAction action, std::uint64_t now_ms, std::uint64_t window_ms) {
  bool any = false;
  for (auto& each : rules_) {
    if (each.rule.action != action) continue;
    each.standing.expect_clear(now_ms, window_ms);
    any = true;
  }
  return any;
}

RecoveryPolicy::Verdict RecoveryPolicy::evaluate(const ReadingList& readings, std::uint64_t now_ms,
                                                 std::uint64_t window_ms) {
  const ReadingEnvironment environment(readings);
  Standing* first = nullptr;
  for (auto& each : rules_) {
    const auto outcome = rules::evaluate(each.rule.program, environment);
    if (outcome == rules::Outcome::yes && first == nullptr) first = &each;
    each.standing.see(outcome, now_ms);
  }
  if (first != nullptr) {
    switch (first->standing.fire(is_restart(first->rule.action), now_ms, window_ms)) {
      case rules::RuleStanding::Next::act:
        return {Decision::act, &first->rule};
      case rules::RuleStanding::Next::give_up:
        return {Decision::give_up, &first->rule};
      case rules::RuleStanding::Next::nothing:
        return {};
    }
  }
  bool cleared = false;
  bool any_left = false;
  for (auto& each : rules_) {
    if (!each.standing.fired()) continue;
    (each.standing.clear(now_ms, window_ms) ? cleared : any_left) = true;
  }
  if (!cleared || any_left) return {};
  return {Decision::cleared, nullptr};
}

}  // namespace muster::edge
