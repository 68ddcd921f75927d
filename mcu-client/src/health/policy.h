// The recovery policy of the active config release at work: an ordered list of conditions, of which the first that
// holds decides. Each action is taken once and again only after its condition was seen false for a whole window;
// restarts climb a ladder (three, further and further apart, then the policy gives up and says so). The programs stay
// in the slot's flash and are read when they are evaluated. Freestanding C++17, no allocation; the client's thread.
#pragma once

#include <cstdint>

#include "mcu-client/src/client/fill.h"
#include "mcu-client/src/flash/slot.h"
#include "rules/condition/rule_standing.h"
#include "schemas/common_generated.h"

namespace muster::mcu {

class RecoveryPolicy {
 public:
  enum class Decision : std::uint8_t { go_on, act, give_up, cleared };
  struct Verdict {
    Decision decision = Decision::go_on;
    wire::RecoveryAction action = wire::RecoveryAction::none;
  };

  explicit RecoveryPolicy(const Flash& flash) : flash_(flash) {}

  // Takes the rules of the release in `slot` and forgets everything; `slot` null: there is none. The manifest passes
  // through `work` (8-aligned). A rule whose bytecode does not pass check_program is left out; how many were, or what
  // the flash says.
  [[nodiscard]] int load(const Area* slot, const SlotHeader& header, std::uint8_t* work, std::uint32_t work_size,
                         std::uint64_t now_ms);
  // All conditions start anew, as after safe mode.
  void rearm(std::uint64_t now_ms);
  // The device was started again after `action` had been taken: its conditions count as having led to it, and must be
  // seen false for a window. False when no rule asks for that action.
  [[nodiscard]] bool expect_clear(wire::RecoveryAction action, std::uint64_t now_ms, std::uint32_t window_ms);
  [[nodiscard]] Verdict evaluate(const rules::Environment& readings, std::uint64_t now_ms, std::uint32_t window_ms);
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  struct Rule {
    std::uint32_t at = 0;  // of the program in the slot
    std::uint16_t size = 0;
    wire::RecoveryAction action = wire::RecoveryAction::none;
    rules::RuleStanding standing;
  };

  const Flash& flash_;
  Area slot_;
  std::uint32_t count_ = 0;
  Rule rules_[recovery_rules_max];
};

}  // namespace muster::mcu
