#include "rules/engine/window.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>

#include "rules/engine/calendar.h"

namespace muster::rules {

namespace {

constexpr std::uint32_t week_min = 7 * day_min;
constexpr std::uint64_t minute_s = 60;
constexpr std::uint64_t epoch_weekday = 3;  // 1970-01-01 was a Thursday
constexpr std::array<std::string_view, 7> day_names = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string clock_text(std::uint64_t minutes) {
  return two_digits(minutes / 60) + ":" + two_digits(minutes % 60);
}

// Since Monday, 00:00. A week is added so that no offset makes the first day of all times negative.
std::uint32_t minute_of_week(Zone zone, std::uint64_t now_s) {
  const auto days_s = epoch_weekday * day_min * minute_s + std::uint64_t{week_min} * minute_s;
  const auto local_s = now_s + days_s + static_cast<std::uint64_t>(std::int64_t{offset_of(zone)} * 60);
  return static_cast<std::uint32_t>(local_s / minute_s % week_min);
}

std::uint32_t length_of(const Window& window) {
  return window.to_min > window.from_min ? window.to_min - window.from_min : window.to_min + day_min - window.from_min;
}

// Calls `visit` with the minutes since each opening of a week, the last one of each.
template <typename Visit>
void for_each_opening(std::span<const Window> windows, std::uint32_t minute, Visit visit) {
  for (const auto& window : windows) {
    for (std::uint32_t day = 0; day < 7; ++day) {
      if ((window.days >> day & 1) == 0) continue;
      visit(window, (minute + week_min - (day * day_min + window.from_min)) % week_min);
    }
  }
}

constexpr unsigned first_year = 1970;
constexpr std::uint64_t days_of_400_years = 146'097;

// "2026-11-23"; years of four digits alone, which no clock outlives.
std::string date_text(std::uint64_t days) {
  constexpr std::uint64_t days_max = 2'932'896;
  days = std::min(days, days_max);
  auto year = first_year + 400 * static_cast<unsigned>(days / days_of_400_years);
  days %= days_of_400_years;
  for (unsigned length = 0; days >= (length = is_leap(year) ? 366 : 365); ++year) days -= length;
  unsigned month = 1;
  for (; days >= days_in(year, month); ++month) days -= days_in(year, month);
  return std::to_string(year) + "-" + two_digits(month) + "-" + two_digits(days + 1);
}

std::string days_text(std::uint8_t days) {
  if (days == all_days) return {};
  std::string text;
  for (std::size_t day = 0; day < day_names.size(); ++day) {
    if ((days >> day & 1) != 0) text += (text.empty() ? "" : ", ") + std::string(day_names[day]);
  }
  return text + " ";
}

}  // namespace

std::string fault_of_window(const Window& window) {
  if (window.days == 0 || window.days > all_days) return "it opens on no day";
  if (window.from_min >= day_min || window.to_min > day_min) return "it begins or ends at a time that no day has";
  if (window.from_min == window.to_min) return "it ends when it begins";
  return {};
}

bool is_open(std::span<const Window> windows, Zone zone, std::uint64_t now_s) {
  assert(!windows.empty() && zone != 0 && zone < zones_end);
  bool open = false;
  for_each_opening(windows, minute_of_week(zone, now_s), [&](const Window& window, std::uint32_t since_min) {
    open = open || since_min < length_of(window);
  });
  return open;
}

std::uint64_t next_opening_s(std::span<const Window> windows, Zone zone, std::uint64_t now_s) {
  assert(!windows.empty() && zone != 0 && zone < zones_end);
  std::uint32_t least_min = week_min;
  for_each_opening(windows, minute_of_week(zone, now_s), [&](const Window&, std::uint32_t since_min) {
    least_min = std::min(least_min, week_min - since_min);
  });
  return (now_s / minute_s + least_min) * minute_s;
}

std::string local_time_text(Zone zone, std::uint64_t time_s) {
  const auto minute = minute_of_week(zone, time_s);
  return std::string(day_names[minute / day_min]) + " " + clock_text(minute % day_min);
}

std::string zone_text(Zone zone) {
  const auto offset_min = offset_of(zone);
  return (offset_min < 0 ? "-" : "+") +
         clock_text(static_cast<std::uint64_t>(offset_min < 0 ? -offset_min : offset_min));
}

std::string utc_text(std::uint64_t time_s) {
  constexpr std::uint64_t day_s = day_min * minute_s;
  return date_text(time_s / day_s) + " " + clock_text(time_s % day_s / minute_s) + ":" + two_digits(time_s % minute_s) +
         " UTC";
}

std::string describe_windows(std::span<const Window> windows) {
  std::string text;
  for (const auto& window : windows) {
    text += (text.empty() ? "" : " or ") + days_text(window.days) + clock_text(window.from_min) + "–" +
            clock_text(window.to_min);
  }
  return text;
}

}  // namespace muster::rules
