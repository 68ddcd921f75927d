// A progress bar of fixed width. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "operator/render/style.h"

namespace muster::ctl {

// Counts of one total; what is left of it is open.
struct BarParts {
  std::uint64_t done = 0, failed = 0, unreachable = 0, total = 0;
};

// Exactly `width` columns. Integer arithmetic: a part that is not zero takes at least one cell while there is room, and
// the bar is full only when nothing is open. A total of 0 draws an empty bar.
[[nodiscard]] std::string bar(const BarParts& parts, std::size_t width, const Style& style);

}  // namespace muster::ctl
