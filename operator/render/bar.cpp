#include "operator/render/bar.h"

#include <algorithm>
#include <array>

namespace muster::ctl {
namespace {

constexpr std::size_t part_count = 4;  // done, failed, unreachable, open

// Cells for each part: its share rounded down, at least one for what is not zero; what remains goes to the largest
// remainders.
std::array<std::size_t, part_count> cells_of(const std::array<std::uint64_t, part_count>& counts, std::uint64_t total,
                                             std::size_t width) {
  std::array<std::size_t, part_count> cells{};
  std::array<std::uint64_t, part_count> remainders{};
  std::size_t used = 0;
  for (std::size_t i = 0; i < part_count; ++i) {
    cells[i] = static_cast<std::size_t>(counts[i] * width / total);
    remainders[i] = counts[i] * width % total;
    if (cells[i] == 0 && counts[i] != 0) {
      cells[i] = 1;
      remainders[i] = 0;
    }
    used += cells[i];
  }
  while (used < width) {
    const auto most =
        static_cast<std::size_t>(std::max_element(remainders.begin(), remainders.end()) - remainders.begin());
    const auto target = remainders[most] == 0
                            ? static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())
                            : most;
    ++cells[target];
    remainders[most] = 0;
    ++used;
  }
  while (used > width) {
    --*std::max_element(cells.begin(), cells.end());
    --used;
  }
  return cells;
}

std::string repeated(const char* symbol, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += symbol;
  return text;
}

}  // namespace

std::string bar(const BarParts& parts, std::size_t width, const Style& style) {
  struct Look {
    const char *unicode, *ascii;
    Paint paint;
  };
  static constexpr std::array<Look, part_count> looks = {
      {{"█", "#", Paint::good}, {"▓", "x", Paint::bad}, {"▒", "?", Paint::waiting}, {"░", ".", Paint::faint}}};
  std::array<std::size_t, part_count> cells{0, 0, 0, width};
  if (parts.total != 0 && width != 0) {
    const auto taken = parts.done + parts.failed + parts.unreachable;
    const auto total = std::max(parts.total, taken);
    cells = cells_of({parts.done, parts.failed, parts.unreachable, total - taken}, total, width);
  }
  std::string text;
  for (std::size_t i = 0; i < part_count; ++i) {
    if (cells[i] == 0) continue;
    text += painted(repeated(style.unicode ? looks[i].unicode : looks[i].ascii, cells[i]), looks[i].paint, style);
  }
  return text;
}

}  // namespace muster::ctl
