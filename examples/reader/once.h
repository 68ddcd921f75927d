// One pass over all labels, told as JSON: what muster-reader --once prints, and evidence to sign beside a release.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "examples/reader/label_set.h"
#include "host/error.h"

namespace muster::reader {

// {"model", "runtime_version", "load_time_ms", "p50_ms", "p95_ms", "peak_ram_mb", "edit_distance" (edits per hundred
// characters), "edits", "characters", "labels": [{"label", "text", "ms", "edits", "characters"}]}, indented.
[[nodiscard]] tl::expected<std::string, Error> read_once(const std::string& model_dir,
                                                         const std::vector<Label>& labels);

}  // namespace muster::reader
