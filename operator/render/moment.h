// Times, sizes and durations as people read them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace muster::ctl {

// "2026-11-21 10:00:12" in UTC; "-" for 0.
[[nodiscard]] std::string moment_text(std::uint64_t unix_s);
// "42 s", "3 min 05 s", "2 h 10 min", "4 d 3 h"
[[nodiscard]] std::string duration_text(std::uint64_t seconds);
// "812 B", "3.4 KiB", "120.0 MiB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// "1 device", "5 devices"
[[nodiscard]] std::string count_text(std::uint64_t count, const std::string& singular);

}  // namespace muster::ctl
