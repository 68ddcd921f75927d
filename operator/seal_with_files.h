// Signs one payload with keys that lie in files: manifests and moves of releases. One thread.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "schemas/bytes.h"
#include "schemas/envelope_generated.h"

namespace muster::ctl {

// The envelope with a signature by each key, in order. REQUIRES: key_files is not empty.
[[nodiscard]] tl::expected<Bytes, Error> seal_with_files(wire::PayloadKind kind, ByteView payload,
                                                         const std::vector<std::string>& key_files);

}  // namespace muster::ctl
