// Kinds of recovery actions, as both clients tell them apart. Freestanding C++17; any thread.
#pragma once

#include "schemas/common_generated.h"

namespace muster {

// A restart has a ladder: it is tried again, further and further apart, before its rule gives up.
[[nodiscard]] constexpr bool is_restart(wire::RecoveryAction action) {
  return action == wire::RecoveryAction::restart_ingest_pipeline || action == wire::RecoveryAction::restart_workload;
}

}  // namespace muster
