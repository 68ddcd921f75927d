// Does something dangerous in a child process first: whatever becomes of the child, this process lives on.
// Single-threaded programs only (it forks).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::reader {

// Runs `work` in a child. The child's error comes back word for word; a crash, an abort and a child that is not done in
// time (which is killed) are errors that say so. What `work` changes in memory is lost with the child.
[[nodiscard]] tl::expected<void, Error> rehearse(const std::function<tl::expected<void, Error>()>& work,
                                                 std::chrono::milliseconds time_limit);

// Whether Tesseract survives loading the model `path`.
[[nodiscard]] tl::expected<void, Error> rehearse_load(const std::string& path);

}  // namespace muster::reader
