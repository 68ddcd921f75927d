// Ends a piece of work at its n-th system call, as kill -9 or a power cut with a quick disk would: the child that does
// it is traced and killed there. For code that must leave either the old or the new state on disk.
#pragma once

#include <cstddef>
#include <functional>

namespace muster::edge {

// Runs `work` in a child; true when it came to its end before `stops` system call entries and exits were counted.
[[nodiscard]] bool finishes_within(std::size_t stops, const std::function<void()>& work);

}  // namespace muster::edge
