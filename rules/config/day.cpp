#include "rules/config/day.h"

#include <charconv>
#include <cstddef>

#include "rules/engine/calendar.h"

namespace muster::rules {

std::optional<std::uint64_t> end_of_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  unsigned parts[3] = {};
  constexpr std::size_t begins[] = {0, 5, 8};
  constexpr std::size_t ends[] = {4, 7, 10};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* const end = text.data() + ends[i];
    const auto read = std::from_chars(text.data() + begins[i], end, parts[i]);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  }
  const auto [year, month, day] = parts;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return std::nullopt;
  std::uint64_t days = day;
  for (unsigned y = 1970; y < year; ++y) days += is_leap(y) ? 366u : 365u;
  for (unsigned m = 1; m < month; ++m) days += days_in(year, m);
  return days * day_s - 1;
}

}  // namespace muster::rules
