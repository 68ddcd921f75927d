#include <charconv>
#include <limits>
#include <utility>

#include "rules/config/load_rule.h"

namespace muster::rules {

bool parse_duration_ms(std::string_view text, std::uint64_t& ms) {
  std::uint64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  if (read.ec != std::errc()) return false;
  const std::string_view unit = text.substr(static_cast<std::size_t>(read.ptr - text.data()));
  std::uint64_t unit_ms = 0;
  if (unit == "ms") unit_ms = 1;
  if (unit == "s") unit_ms = 1000;
  if (unit == "m") unit_ms = 60'000;
  if (unit == "h") unit_ms = 3'600'000;
  if (unit == "d") unit_ms = 86'400'000;
  if (unit_ms == 0 || count > std::numeric_limits<std::uint64_t>::max() / unit_ms) return false;
  ms = count * unit_ms;
  return true;
}

std::string duration_as_written(std::uint64_t ms) {
  constexpr std::pair<std::uint64_t, std::string_view> units[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  for (const auto& [size, unit] : units) {
    if (ms != 0 && ms % size == 0) return std::to_string(ms / size) + std::string(unit);
  }
  return ms == 0 ? "0s" : std::to_string(ms) + "ms";
}

}  // namespace muster::rules
