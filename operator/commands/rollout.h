// `musterctl rollout …`, except watch (commands/watch.h). One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct RolloutCheckOptions {
  std::string file;
  std::string fleet;    // a fleet file to plan against; empty: none
  bool expand = false;  // prints the rule with its waves spelt out instead
  bool broker = false;  // asks the broker whom it would take, too
};
// Checks the rule file, without a broker unless it is to be asked, and says what it will do.
[[nodiscard]] Outcome rollout_check(const Connection& connection, const RolloutCheckOptions& options,
                                    const Terminal& terminal);

// Prints the JSON Schema of rule files, or of release files, for editors.
[[nodiscard]] Outcome rollout_schema(bool of_releases, const Terminal& terminal);

struct RolloutStartOptions {
  std::string file, reason;
};
[[nodiscard]] Outcome rollout_start(const Connection& connection, const RolloutStartOptions& options,
                                    const Terminal& terminal);

// What `rollout pace` sets; 0: no limit. To lift all of them has to be said: a slip must not assign a whole fleet.
struct PaceOptions {
  std::uint64_t per_minute = 0, per_site = 0, at_once = 0, jitter_s = 0;
  bool none = false;
  [[nodiscard]] bool any() const { return per_minute != 0 || per_site != 0 || at_once != 0 || jitter_s != 0; }
};

// approve, pause, resume, abort, release, pace, stop, continue, cancel, readmit.
struct RolloutChange {
  std::string command;  // of the control API
  std::string rollout, reason;
  bool acknowledge_failures = false;      // resume
  std::optional<std::uint32_t> failures;  // … so many and no more; none: as many as the status names now
  std::string mode;                 // abort: "keep", "revert", or empty: as the rule says; stop, cancel: empty: keep
  std::optional<PaceOptions> pace;  // pace
  std::string group, device;        // stop, continue; cancel, readmit
  std::string wave;                 // release, hold, approve; empty: the open one
  std::string before;               // hold: "swap" or "commit"
};
[[nodiscard]] Outcome rollout_change(const Connection& connection, const RolloutChange& change,
                                     const Terminal& terminal);

// One rollout in full, or all as a table when `rollout` is empty.
[[nodiscard]] Outcome rollout_status(const Connection& connection, const std::string& rollout,
                                     const Terminal& terminal);

}  // namespace muster::ctl
