// How far the device's own time is ahead of UTC, as its time zone says. Any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace muster::edge {

// In minutes at that time, so that summer time counts; nothing where a time zone says what no place on earth has. Looks
// for a change of the system's time zone first.
[[nodiscard]] std::optional<std::int16_t> utc_offset_min(std::uint64_t time_s);

}  // namespace muster::edge
