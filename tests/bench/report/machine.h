// What the figures were measured on: read from the system, so that nobody has to remember to write it down. Main
// thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace muster::bench {

// Name and value, in the order in which they are shown: processor, cores, memory, kernel, disk, versions of what takes
// part.
using Machine = std::vector<std::pair<std::string, std::string>>;

// `folder`: where the benches keep their files; its file system and device are named.
[[nodiscard]] Machine describe_machine(const std::string& folder);

}  // namespace muster::bench
