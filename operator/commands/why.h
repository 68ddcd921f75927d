// `musterctl rollout why`. One thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct WhyOptions {
  std::string device;
  std::string rollout;  // only what this one says; empty: all
};
// Says in a sentence a rollout why the device has, or has not, what the rollout would give it.
[[nodiscard]] Outcome rollout_why(const Connection& connection, const WhyOptions& options, const Terminal& terminal);

}  // namespace muster::ctl
