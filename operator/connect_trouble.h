// Why a connection to the broker could not be made, in words that say what to do: MQTT libraries only say that it
// failed. Looks at the name, the port and the TLS error once more. Linux; any thread; blocks for at most two seconds.
#pragma once

#include "host/error.h"
#include "operator/control_client.h"

namespace muster::ctl {

// REQUIRES: `failure` is what connecting as `connection` says gave. Failures other than unreachable come back as they
// are, on one line.
[[nodiscard]] Error explain_connect_failure(const Connection& connection, Error failure);

}  // namespace muster::ctl
