// How a recovery rule stands: whether it has acted, when it may act again, when its condition was last not seen false.
// Each action is taken once and again only after the condition was false for a whole window; restarts climb a ladder
// instead (three, further and further apart, then the rule gives up). One set of rules for the Linux agent and the
// microcontroller, whose policies hold a list of these. Freestanding C++17, no allocation; a value, used by one thread
// at a time.
#pragma once

#include <cstdint>

#include "rules/condition/program.h"

namespace muster::rules {

class RuleStanding {
 public:
  static constexpr std::uint8_t restarts_max = 3;

  enum class Next : std::uint8_t { nothing, act, give_up };

  // The condition starts anew, as after a swap.
  void rearm(std::uint64_t now_ms);
  // The device was started again after the action had been taken: it counts as taken at the start.
  void expect_clear(std::uint64_t now_ms, std::uint64_t window_ms);
  // What the condition is now. Unknown is never healthy: only one that was seen false lets the device recover.
  void see(Outcome outcome, std::uint64_t now_ms) {
    if (outcome != Outcome::no) not_false_ms_ = now_ms;
  }
  // The rule, whose condition holds, decides. `restarts`: its action is a restart, which has the ladder.
  [[nodiscard]] Next fire(bool restarts, std::uint64_t now_ms, std::uint64_t window_ms);
  [[nodiscard]] bool fired() const { return fired_; }
  // After the rule had acted: true when its condition has been false for a whole window, and then it is armed again.
  [[nodiscard]] bool clear(std::uint64_t now_ms, std::uint64_t window_ms);

 private:
  std::uint64_t next_restart_ms_ = 0;
  std::uint64_t not_false_ms_ = 0;
  std::uint8_t restarts_ = 0;
  bool fired_ = false;
  bool gave_up_ = false;
};

}  // namespace muster::rules
