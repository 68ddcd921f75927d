// What is to be told about a rollout afterwards: what set it off, whom it touched and by what cause, what was done,
// what is left to do. Made of its status and of the audit entries that concern it. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/views.h"
#include "rules/engine/failure_cause.h"

namespace muster::ctl {

// A device's last failure in the rollout.
struct ReportedFailure {
  std::string device, error, detail;
  rules::FailureCause cause = rules::FailureCause::unclear;
  std::uint64_t time_s = 0;
  bool recovered = false;            // runs the versions after all
  std::vector<std::string> bundles;  // of evidence that came from it since, by digest
};

struct RolloutReport {
  RolloutView rollout;
  bool whole = false;                 // the audit record reaches back to its start
  std::vector<AuditEntry> entries;    // oldest first: all that concern it
  std::optional<AuditEntry> trigger;  // what first stopped or slowed it, by itself or by an operator; none: nothing did
  std::vector<ReportedFailure> failures;  // by time
  std::vector<AuditEntry> measures;       // what stopped, froze, took out or took back, in order
  std::vector<std::string> left_to_do;    // a sentence each

  [[nodiscard]] std::size_t count(
      rules::FailureCause cause) const;  // of `failures`, those that have recovered included
};

// Whether the entry is where this rollout begins.
[[nodiscard]] bool starts(const RolloutView& rollout, const AuditEntry& entry);

// Why, without the rollout's name in front, where everything speaks of it.
[[nodiscard]] std::string told_of(const RolloutView& rollout, const AuditEntry& entry);

// `entries`: of the audit record, oldest first; those that do not concern the rollout, or an earlier one of its name,
// are left out.
[[nodiscard]] RolloutReport make_report(RolloutView rollout, const std::vector<AuditEntry>& entries);

}  // namespace muster::ctl
