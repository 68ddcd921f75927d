// One request that changes something at the broker, and its answer as people or scripts read it. One thread.
#pragma once

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

// Sends it and prints the message that comes back.
[[nodiscard]] Outcome send_change(ControlClient& client, const Request& request, const Terminal& terminal);
// The same over a connection of its own.
[[nodiscard]] Outcome send_change(const Connection& connection, const Request& request, const Terminal& terminal);

}  // namespace muster::ctl
