// `musterctl rollout report`. One thread.
#pragma once

#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

// Prints what is to be told about a rollout afterwards, as Markdown or JSON: from its status, and from the audit record
// back to its start.
[[nodiscard]] Outcome rollout_report(const Connection& connection, const std::string& rollout,
                                     const Terminal& terminal);

}  // namespace muster::ctl
