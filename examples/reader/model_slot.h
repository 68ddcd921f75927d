// Finds the language model in a slot of the agent's model plane. Touches only the file system; any thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::reader {

// The path of the only *.traineddata file in `slot` (a folder, or a symlink to one). ErrorKind::not_found when the slot
// does not exist yet, ErrorKind::invalid when it holds none or several.
[[nodiscard]] tl::expected<std::string, Error> find_model(const std::string& slot);

// What `slot` leads to now, symlinks resolved; empty while it leads nowhere. Changes exactly when the agent flips the
// link.
[[nodiscard]] std::string slot_target(const std::string& slot);

}  // namespace muster::reader
