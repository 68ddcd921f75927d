// A verified state report as the engine's event. Pure; any thread.
#pragma once

#include "rules/engine/event.h"

namespace muster::wire {
struct StateReport;
}

namespace muster::broker {

// REQUIRES: `report` has passed muster::verify.
[[nodiscard]] rules::DeviceReport translate(const wire::StateReport& report);

}  // namespace muster::broker
