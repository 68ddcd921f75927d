#include "mcu-client/src/health/policy.h"

#include "schemas/manifest_generated.h"
#include "schemas/recovery_action.h"
#include "schemas/wire.h"

namespace muster::mcu {
int RecoveryPolicy::load(const Area* slot, const SlotHeader& header, std::uint8_t* work, std::uint32_t work_size,
                         std::uint64_t now_ms) {
  count_ = 0;
  if (slot == nullptr) return ok;
  slot_ = *slot;
  if (header.manifest_size > work_size) return err_too_long;
  if (const int read = flash_.read(slot_, header.manifest_offset, work, header.manifest_size); read != ok) return read;
  const wire::Manifest* manifest = nullptr;
  if (verify(ByteView(work, header.manifest_size), manifest) != WireFault::none) return err_damaged;
  const auto* rules = manifest->recovery();
  if (rules == nullptr) return ok;
  int refused = 0;
  for (const auto* rule : *rules) {
    const auto* program = rule->program();
    const bool fits = count_ < recovery_rules_max && program->size() <= program_bytes_max;
    if (!fits || rules::check_program(ByteView(program->data(), program->size())) != rules::ProgramFault::none) {
      ++refused;
      continue;
    }
    auto& kept = rules_[count_++];
    kept.at = header.manifest_offset + static_cast<std::uint32_t>(program->data() - work);
    kept.size = static_cast<std::uint16_t>(program->size());
    kept.action = rule->action();
    kept.standing.rearm(now_ms);
  }
  return refused;
}

void RecoveryPolicy::rearm(std::uint64_t now_ms) {
  for (auto& rule : rules_) rule.standing.rearm(now_ms);
}

bool RecoveryPolicy::expect_clear(wire::RecoveryAction action, std::uint64_t now_ms, std::uint32_t window_ms) {
  bool any = false;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (rules_[i].action != action) continue;
    rules_[i].standing.expect_clear(now_ms, window_ms);
    any = true;
  }
  return any;
}

RecoveryPolicy::Verdict RecoveryPolicy::evaluate(const rules::Environment& readings, std::uint64_t now_ms,
                                                 std::uint32_t window_ms) {
  Rule* first = nullptr;
  for (std::uint32_t i = 0; i < count_; ++i) {
    auto& rule = rules_[i];
    std::uint8_t program[program_bytes_max];
    auto outcome = rules::Outcome::unknown;
    if (flash_.read(slot_, rule.at, program, rule.size) == ok)
      outcome = rules::evaluate(ByteView(program, rule.size), readings);
    if (outcome == rules::Outcome::yes && first == nullptr) first = &rule;
    rule.standing.see(outcome, now_ms);
  }
  Verdict verdict;
  if (first != nullptr) {
    const auto next = first->standing.fire(is_restart(first->action), now_ms, window_ms);
    if (next == rules::RuleStanding::Next::nothing) return verdict;
    verdict.decision = next == rules::RuleStanding::Next::act ? Decision::act : Decision::give_up;
    verdict.action = first->action;
    return verdict;
  }
  bool cleared = false;
  bool any_left = false;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (!rules_[i].standing.fired()) continue;
    (rules_[i].standing.clear(now_ms, window_ms) ? cleared : any_left) = true;
  }
  if (cleared && !any_left) verdict.decision = Decision::cleared;
  return verdict;
}

}  // namespace muster::mcu
