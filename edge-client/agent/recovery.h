// The recovery policy at work: an ordered list of conditions, of which the first that holds decides. Each action is
// taken once and again only after its condition was seen false for a whole window; restarts climb a ladder instead
// (three, further and further apart, then the policy gives up and says so). Pure; belongs to one Agent.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "edge-client/agent/types.h"
#include "rules/condition/rule_standing.h"

namespace muster::edge {

using ReadingList = std::vector<std::pair<std::string, double>>;

// What a condition over these readings comes to; unknown for bytecode that does not pass check_program.
// REQUIRES: readings sorted by name.
[[nodiscard]] rules::Outcome evaluate(const Bytes& program, const ReadingList& readings);

class RecoveryPolicy {
 public:
  static constexpr std::uint32_t restarts_max = rules::RuleStanding::restarts_max;

  enum class Decision : std::uint8_t {
    go_on,
    act,      // take `action` of `rule`
    give_up,  // restarts_max restarts did not help
    cleared,  // every condition that had led to an action has been false for a whole window
  };
  struct Verdict {
    Decision decision = Decision::go_on;
    const RecoveryRule* rule = nullptr;  // for act and give_up; valid until load()
  };

  // Takes the rules of another release and forgets everything. A rule whose bytecode does not pass check_program is
  // left out; returns how many were.
  std::size_t load(const std::vector<RecoveryRule>& rules);
  // All conditions start anew, as after a swap.
  void rearm(std::uint64_t now_ms);
  // The agent was started again after `action` had been taken: its conditions count as having led to it, and must be
  // seen false for a window. False when no rule asks for that action.
  [[nodiscard]] bool expect_clear(RecoveryAction action, std::uint64_t now_ms, std::uint64_t window_ms);
  // REQUIRES: readings sorted by name.
  [[nodiscard]] Verdict evaluate(const ReadingList& readings, std::uint64_t now_ms, std::uint64_t window_ms);

 private:
  struct Standing {
    RecoveryRule rule;
    rules::RuleStanding standing;
  };

  std::vector<Standing> rules_;
};

}  // namespace muster::edge
