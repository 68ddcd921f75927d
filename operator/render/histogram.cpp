#include "operator/render/histogram.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "operator/render/moment.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr std::uint64_t rows_max = 10;

std::string value_text(std::uint64_t value, Unit unit) {
  return unit == Unit::seconds ? duration_text(value) : std::to_string(value);
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  const auto tenths = (part * 2000 / whole + 1) / 2;  // rounded
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::uint64_t rows_of(const Spread& spread, std::uint64_t step) {
  return spread.most() / step - spread.least() / step + 1;
}

// What a duration as people read it does not tell apart.
std::uint64_t step_min(const Spread& spread, Unit unit) {
  if (unit == Unit::count || spread.most() < 3600) return 1;
  return spread.most() < 86400 ? 60 : 3600;
}

// The smallest round step that takes no more than rows_max rows.
std::uint64_t step_of(const Spread& spread, Unit unit) {
  static constexpr std::array<std::uint64_t, 17> times_s = {1,    2,    5,    10,    30,    60,    120,    300,   600,
                                                            1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800};
  if (unit == Unit::seconds) {
    for (const auto step : times_s) {
      if (step >= step_min(spread, unit) && rows_of(spread, step) <= rows_max) return step;
    }
  }
  for (std::uint64_t ten = unit == Unit::seconds ? times_s.back() : 1;; ten *= 10) {
    for (const std::uint64_t digit : {1u, 2u, 5u}) {
      if (rows_of(spread, digit * ten) <= rows_max) return digit * ten;
    }
  }
}

std::string label_of(std::uint64_t from, std::uint64_t step, Unit unit, const Style& style) {
  if (step == 1) return value_text(from, unit);
  const auto to = unit == Unit::seconds ? from + step : from + step - 1;
  return value_text(from, unit) + (style.unicode ? " – " : " - ") + value_text(to, unit);
}

}  // namespace

Spread::Spread(std::vector<std::uint64_t> values) : sorted_(std::move(values)) {
  std::sort(sorted_.begin(), sorted_.end());
}

std::uint64_t Spread::quantile(std::uint32_t percent) const {
  assert(!sorted_.empty() && percent <= 100);
  const auto rank = (std::uint64_t{percent} * sorted_.size() + 99) / 100;
  return sorted_[std::max<std::uint64_t>(rank, 1) - 1];
}

std::string spread_line(const Spread& spread, Unit unit, std::uint64_t whole) {
  const auto text = [&](std::uint64_t value) {
    return value_text(value, unit) + (whole == 0 ? std::string() : " (" + share_text(value, whole) + ")");
  };
  if (text(spread.least()) == text(spread.most()))
    return text(spread.most()) + (spread.count() > 1 ? " in every run" : "");
  return "median " + text(spread.quantile(50)) + ", 90 % up to " + text(spread.quantile(90)) + ", at most " +
         text(spread.most());
}

std::string histogram(const Spread& spread, Unit unit, std::size_t columns, const Style& style) {
  const auto step = step_of(spread, unit);
  const auto first = spread.least() / step;
  std::vector<std::uint64_t> counts(rows_of(spread, step), 0);
  for (const auto value : spread.sorted()) ++counts[value / step - first];
  const auto most = *std::max_element(counts.begin(), counts.end());
  std::vector<std::string> labels;
  std::size_t label_width = 0;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    labels.push_back(label_of((first + row) * step, step, unit, style));
    label_width = std::max(label_width, display_width(labels.back()));
  }
  const auto taken = 2 + label_width + 2 + 2 + std::to_string(most).size();
  const auto bar_max = std::max<std::size_t>(8, columns > taken ? columns - taken : 0);
  std::string text;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    // Rounded up: one run is seen beside a thousand.
    const auto cells = (counts[row] * bar_max + most - 1) / most;
    std::string bar;
    for (std::size_t cell = 0; cell < cells; ++cell) bar += style.unicode ? "█" : "#";
    text += "  " + padded(labels[row], label_width, Align::right) + "  " + painted(bar, Paint::good, style) +
            (counts[row] == 0 ? "" : "  " + std::to_string(counts[row])) + "\n";
  }
  return text;
}

}  // namespace muster::ctl
