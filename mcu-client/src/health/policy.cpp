#include "mcu-client/src/health/policy.h"

#include "schemas/manifest_generated.h"
#include "schemas/wire.h"

namespace muster::mcu {
namespace {

bool is_restart(wire::RecoveryAction action) {
  return action == wire::RecoveryAction::restart_ingest_pipeline || action == wire::RecoveryAction::restart_workload;
}

}  // namespace

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
    auto& standing = rules_[count_++];
    standing = Standing{};
    standing.at = header.manifest_offset + static_cast<std::uint32_t>(program->data() - work);
    standing.size = static_cast<std::uint16_t>(program->size());
    standing.action = rule->action();
    standing.not_false_ms = now_ms;
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

bool RecoveryPolicy::expect_clear(wire::RecoveryAction action, std::uint64_t now_ms, std::uint32_t window_ms) {
  bool any = false;
  for (std::uint32_t i = 0; i < count_; ++i) {
    auto& standing = rules_[i];
    if (standing.action != action) continue;
    standing.fired = any = true;
    standing.restarts = 1;
    standing.next_restart_ms = now_ms + window_ms;
    standing.not_false_ms = now_ms;
  }
  return any;
}

RecoveryPolicy::Verdict RecoveryPolicy::fire(Standing& standing, std::uint64_t now_ms, std::uint32_t window_ms) {
  if (!standing.fired) {
    standing.fired = true;
    standing.restarts = 1;
    standing.next_restart_ms = now_ms + window_ms;
    return {Decision::act, standing.action};
  }
  if (!is_restart(standing.action) || standing.gave_up || now_ms < standing.next_restart_ms) return {};
  if (standing.restarts >= restarts_max) {
    standing.gave_up = true;
    return {Decision::give_up, standing.action};
  }
  standing.next_restart_ms = now_ms + (std::uint64_t{window_ms} << standing.restarts);
  ++standing.restarts;
  return {Decision::act, standing.action};
}

RecoveryPolicy::Verdict RecoveryPolicy::evaluate(const rules::Environment& readings, std::uint64_t now_ms,
                                                 std::uint32_t window_ms) {
  Standing* first = nullptr;
  for (std::uint32_t i = 0; i < count_; ++i) {
    auto& standing = rules_[i];
    std::uint8_t program[program_bytes_max];
    auto outcome = rules::Outcome::unknown;
    if (flash_.read(slot_, standing.at, program, standing.size) == ok)
      outcome = rules::evaluate(ByteView(program, standing.size), readings);
    if (outcome == rules::Outcome::yes && first == nullptr) first = &standing;
    // Unknown is never healthy: only a condition seen false lets the device recover.
    if (outcome != rules::Outcome::no) standing.not_false_ms = now_ms;
  }
  if (first != nullptr) return fire(*first, now_ms, window_ms);
  bool cleared = false;
  bool any_left = false;
  for (std::uint32_t i = 0; i < count_; ++i) {
    auto& standing = rules_[i];
    if (!standing.fired) continue;
    if (now_ms - standing.not_false_ms < window_ms) {
      any_left = true;
      continue;
    }
    standing.fired = standing.gave_up = false;
    standing.restarts = 0;
    cleared = true;
  }
  Verdict verdict;
  if (cleared && !any_left) verdict.decision = Decision::cleared;
  return verdict;
}

}  // namespace muster::mcu
