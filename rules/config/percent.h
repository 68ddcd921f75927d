// Percentages as rule files write them, "5%" or "0.25%", in millionths of the whole: integers, so that what is read is
// exactly what was written. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "rules/engine/percent.h"

namespace muster::rules {

enum class PercentFault : std::uint8_t {
  none,
  no_sign,      // a number, but without its percent sign
  too_fine,     // more than four decimals: finer than a millionth
  not_percent,  // anything else
};

// `ppm` is set when there is no fault; to UINT64_MAX for what is larger than any percentage that a rule may have.
[[nodiscard]] PercentFault parse_percent_ppm(std::string_view text, std::uint64_t& ppm);

}  // namespace muster::rules
