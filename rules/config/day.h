// Days as people write them in files, 2027-06-30. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::rules {

inline constexpr std::uint64_t day_s = 86'400;

// The last second of that day, UTC, in seconds since 1970; nothing when there is no such day.
[[nodiscard]] std::optional<std::uint64_t> end_of_day(std::string_view text);

}  // namespace muster::rules
