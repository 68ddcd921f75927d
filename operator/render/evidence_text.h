// Evidence bundles as text and as JSON: what is at the broker, and what a microcontroller's bundle says. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "operator/evidence_bundle.h"
#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

[[nodiscard]] std::string evidence_table(const std::vector<EvidenceView>& bundles, std::size_t columns,
                                         const Style& style);

// What was so when it was made, then a line an event.
[[nodiscard]] std::string bundle_text(const McuBundle& bundle, std::size_t columns, const Style& style);
[[nodiscard]] std::string bundle_json(const McuBundle& bundle);

}  // namespace muster::ctl
