// `musterctl rollout watch` and `rollout wait`: follows one rollout's retained status until it reaches a state. One
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct WatchOptions {
  std::string rollout;
  std::vector<std::string> until;           // states that end it with exit code 0; empty: completed
  std::optional<std::uint64_t> timeout_ms;  // none: as long as it takes
  bool quiet = false;                       // `wait`: only the last status is printed
  bool through_halts = false;               // a halt does not end it
};

// Whether a rollout in `state` ends the watch, and with which exit code; nothing: it goes on. Pure.
[[nodiscard]] std::optional<ExitCode> watch_end(const std::string& state, const WatchOptions& options);

// Draws bars in place on a terminal, prints a line for each change elsewhere, and with --json the status object on a
// line of its own for each change. Survives lost connections: it connects again until the timeout.
[[nodiscard]] Outcome rollout_watch(const Connection& connection, const WatchOptions& options,
                                    const Terminal& terminal);

}  // namespace muster::ctl
