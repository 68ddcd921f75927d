// Copies a file into a content-addressed folder, digesting the very bytes it copies. Linux; any thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/bulk_digest.h"
#include "host/error.h"

namespace muster::ctl {

// Copies `source` (a regular file) to `folder`/<sha256 of its bytes>, synced; makes `folder` when missing. A failure
// leaves no file.
[[nodiscard]] tl::expected<host::FileDigest, Error> copy_under_digest(const std::string& source,
                                                                      const std::string& folder);

}  // namespace muster::ctl
