#include "rules/engine/failure_cause.h"

#include <algorithm>
#include <iterator>

namespace muster::rules {
namespace {

struct Row {
  std::string_view error;
  FailureCause cause;
};

using enum FailureCause;
constexpr Row rows[] = {
    {"probe_failed", release},
    {"probe_timeout", release},
    {"soak_failed", release},
    {"shadow_failed", release},
    {"recovery_rollback", release},
    {"rehearsal_failed", release},
    {"fetch_failed", infrastructure},
    {"fetch_timeout", infrastructure},
    {"size_mismatch", infrastructure},
    {"digest_mismatch", infrastructure},
    {"disk_full", infrastructure},
    {"slot_damaged", infrastructure},
    {"journal_damaged", infrastructure},
    {"bad_signature", refused},
    {"unknown_key", refused},
    {"expired", refused},
    {"replayed", refused},
    {"malformed", refused},
    {"wrong_device", refused},
    {"incompatible", refused},
    {"requirement_unmet", refused},
    {"under_security_floor", refused},
    {"conditions_unmet", refused},
    {"frozen", refused},
    {"updates_paused", refused},
    {"probe_not_allowed", refused},
    {"install_failed", unclear},
    {"no_previous", unclear},
    {"internal", unclear},
    {"directed_rollback", unclear},
    {"attempt_timeout", unclear},
    {"not_tried_again", unclear},
};

}  // namespace

std::string_view name_of(FailureCause cause) {
  constexpr std::string_view names[failure_cause_count] = {"release", "infrastructure", "refused", "unclear"};
  return names[static_cast<std::size_t>(cause)];
}

std::string_view words_of(FailureCause cause) {
  constexpr std::string_view words[failure_cause_count] = {"by the release", "by link, broker or disk",
                                                           "refused by the device", "for an unclear cause"};
  return words[static_cast<std::size_t>(cause)];
}

FailureCause cause_of(std::string_view error) {
  const auto* found =
      std::find_if(std::begin(rows), std::end(rows), [error](const Row& row) { return row.error == error; });
  return found == std::end(rows) ? unclear : found->cause;
}

}  // namespace muster::rules
