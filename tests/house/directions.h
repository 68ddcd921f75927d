// Which part of the tree may include which other, and who owns each third-party library: the dependency directions of
// ARCHITECTURE.md as two tables. Tests only; pure, any thread.
#pragma once

#include <vector>

#include "tests/house/source_file.h"

namespace muster::house {

// Includes that point the wrong way, reach a library that another part owns, or name a library that nobody owns yet.
[[nodiscard]] std::vector<Finding> check_includes(const SourceFile& file);

// The same directions for what a CMakeLists.txt links (muster::trust, muster::lib_rocksdb, …).
[[nodiscard]] std::vector<Finding> check_links(const SourceFile& cmake_lists);

}  // namespace muster::house
