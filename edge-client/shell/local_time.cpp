#include "edge-client/shell/local_time.h"

#include <ctime>

#include "schemas/limits.h"

namespace muster::edge {

std::optional<std::int16_t> utc_offset_min(std::uint64_t time_s) {
  ::tzset();
  const auto time = static_cast<std::time_t>(time_s);
  std::tm local{};
  if (::localtime_r(&time, &local) == nullptr) return std::nullopt;
  const auto offset_min = local.tm_gmtoff / 60;
  if (offset_min < limits::utc_offset_min_least || offset_min > limits::utc_offset_min_most) return std::nullopt;
  return static_cast<std::int16_t>(offset_min);
}

}  // namespace muster::edge
