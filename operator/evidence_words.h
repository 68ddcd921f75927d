// The words for events of a microcontroller: their names, and what their numbers mean (schemas/event_codes.h). Pure;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "schemas/evidence_bundle.h"

namespace muster::ctl {

// "crash_loop"; "application 3" for an application's own, "unknown 99" for a code of a later version.
[[nodiscard]] std::string event_name(EventCode code);

// What the event says, as names with values: {{"state", "degraded"}, {"before", "healthy"}}. The bare numbers of an
// event that has no words here.
using EventDetails = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] EventDetails event_details(const EvidenceEvent& event);

// "watchdog"; the number for one that is not known.
[[nodiscard]] std::string reset_cause_name(std::uint32_t cause);

}  // namespace muster::ctl
