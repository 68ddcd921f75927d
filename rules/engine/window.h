// Maintenance windows: times of the week, in a device's own time, in which it may be assigned. Plain data and
// arithmetic with times; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "schemas/limits.h"

namespace muster::rules {

inline constexpr std::uint32_t day_min = 24 * 60;
inline constexpr std::uint8_t all_days = 0x7f;

struct Window {
  std::uint8_t days = all_days;  // on which it opens: bit 0 is Monday
  std::uint16_t from_min = 0;    // of the day, under day_min
  std::uint16_t to_min = 0;      // of the day, up to day_min; not after `from_min`: of the day after

  bool operator==(const Window&) const = default;
};

// How far a device's time is ahead of UTC: in quarters of an hour, which is what the time zones of the world keep to.
inline constexpr std::int32_t utc_offset_min_least = limits::utc_offset_min_least;
inline constexpr std::int32_t utc_offset_min_most = limits::utc_offset_min_most;
inline constexpr std::int32_t zone_min = 15;
// A number for each, from 1 on: minutes that are no whole quarter count as the quarter that has begun. 0: none.
using Zone = std::uint8_t;
inline constexpr Zone zones_end = (utc_offset_min_most - utc_offset_min_least) / zone_min + 2;
[[nodiscard]] constexpr bool is_utc_offset(std::int32_t offset_min) {
  return offset_min >= utc_offset_min_least && offset_min <= utc_offset_min_most;
}
// REQUIRES: is_utc_offset.
[[nodiscard]] constexpr Zone zone_of(std::int32_t offset_min) {
  return static_cast<Zone>((offset_min - utc_offset_min_least) / zone_min + 1);
}

// The other way round. REQUIRES: it is one.
[[nodiscard]] constexpr std::int32_t offset_of(Zone zone) {
  return (zone - 1) * zone_min + utc_offset_min_least;
}

// Empty when the engine can work with it.
[[nodiscard]] std::string fault_of_window(const Window& window);

// REQUIRES, for both: there are windows, each sound, and the zone is one.
[[nodiscard]] bool is_open(std::span<const Window> windows, Zone zone, std::uint64_t now_s);
// When one opens next, after now.
[[nodiscard]] std::uint64_t next_opening_s(std::span<const Window> windows, Zone zone, std::uint64_t now_s);

// "mon 02:00" there; "+05:30", "-03:00"; "2026-11-23 01:00:05 UTC".
[[nodiscard]] std::string local_time_text(Zone zone, std::uint64_t time_s);
[[nodiscard]] std::string zone_text(Zone zone);
[[nodiscard]] std::string utc_text(std::uint64_t time_s);
// "mon, tue 22:00–02:00 or 12:00–13:00"
[[nodiscard]] std::string describe_windows(std::span<const Window> windows);

}  // namespace muster::rules
