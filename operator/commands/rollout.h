// `musterctl rollout …`, except watch (commands/watch.h). One thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct RolloutCheckOptions {
  std::string file;
  std::string fleet;  // a fleet file to plan against; empty: none
};
// Checks the rule file without a broker and says what it will do.
[[nodiscard]] Outcome rollout_check(const RolloutCheckOptions& options, const Terminal& terminal);

struct RolloutStartOptions {
  std::string file, reason;
};
[[nodiscard]] Outcome rollout_start(const Connection& connection, const RolloutStartOptions& options,
                                    const Terminal& terminal);

// approve, pause, resume, abort.
struct RolloutChange {
  std::string command;  // of the control API
  std::string rollout, reason;
  bool acknowledge_failures = false;  // resume
  std::string mode;                   // abort: "keep", "revert", or empty: as the rule says
};
[[nodiscard]] Outcome rollout_change(const Connection& connection, const RolloutChange& change,
                                     const Terminal& terminal);

// One rollout in full, or all as a table when `rollout` is empty.
[[nodiscard]] Outcome rollout_status(const Connection& connection, const std::string& rollout,
                                     const Terminal& terminal);

}  // namespace muster::ctl
