// Whom a rollout would take at the broker, and which devices cannot run what it brings. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "operator/rule_files.h"
#include "operator/views.h"

namespace muster::ctl {

struct FleetAnswer {
  FitView fit;
  std::string json;  // the broker's own words
};
// Asks the broker what starting this rule would find; nothing is started.
[[nodiscard]] tl::expected<FleetAnswer, Error> ask_fit(const Connection& connection, const std::string& file,
                                                       const CheckedRule& checked);

// "2 devices match its targets and cannot run it: …", a line for each that is listed; empty when all can.
[[nodiscard]] std::string ineligible_text(const FitView& fit, std::size_t shown_max = SIZE_MAX);
// What `rollout check --broker` adds to the plan.
[[nodiscard]] std::string fit_text(const FitView& fit);

}  // namespace muster::ctl
