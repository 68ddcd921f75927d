// Verified device messages as the engine's events. Pure; any thread.
#pragma once

#include "rules/engine/event.h"

namespace muster::wire {
struct HealthSummary;
struct StateReport;
}  // namespace muster::wire

namespace muster::broker {

// REQUIRES: `report` has passed muster::verify.
[[nodiscard]] rules::DeviceReport translate(const wire::StateReport& report);

// What the device measured. A reading that the summary marks as not measured, and a task metric without samples, are
// not in it: they must never be taken for zero. The states and counts that have no such mark (error_code, crash_count,
// inferences) are in every summary. REQUIRES: `summary` has passed muster::verify, which also sees to it that numbers
// are finite and that task metrics are few and have different names.
[[nodiscard]] rules::DeviceHealth translate(const wire::HealthSummary& summary);

}  // namespace muster::broker
