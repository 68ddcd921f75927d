// The trust root as operators hold it: the file that devices pin, moved on by the chain that the broker retains. One
// thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "operator/control_client.h"
#include "trust/root.h"

namespace muster::ctl {

// Reads and pins root.menv.
[[nodiscard]] tl::expected<trust::TrustRoot, Error> load_root(const std::string& path);

// Moves `root` to the newest version that the broker's retained chain proves; leaves it as it is when the broker
// retains none. A chain that proves nothing (a broken or foreign one) is an error of kind untrusted.
[[nodiscard]] tl::expected<void, Error> advance_root_from(ControlClient& client, trust::TrustRoot& root);

}  // namespace muster::ctl
