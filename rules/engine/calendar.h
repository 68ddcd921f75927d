// The lengths of years and months. Arithmetic; any thread.
#pragma once

namespace muster::rules {

[[nodiscard]] constexpr bool is_leap(unsigned year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// REQUIRES: month is 1–12.
[[nodiscard]] constexpr unsigned days_in(unsigned year, unsigned month) {
  constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

}  // namespace muster::rules
