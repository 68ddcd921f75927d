// How numbers of many runs are spread: quantiles, and rows of bars. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "operator/render/style.h"

namespace muster::ctl {

class Spread {
 public:
  explicit Spread(std::vector<std::uint64_t> values);
  [[nodiscard]] bool empty() const { return sorted_.empty(); }
  [[nodiscard]] std::size_t count() const { return sorted_.size(); }
  // The smallest value that at least so many percent of all do not exceed: 50 is the median. REQUIRES: not empty;
  // percent 0–100.
  [[nodiscard]] std::uint64_t quantile(std::uint32_t percent) const;
  [[nodiscard]] std::uint64_t least() const { return sorted_.front(); }
  [[nodiscard]] std::uint64_t most() const { return sorted_.back(); }
  [[nodiscard]] const std::vector<std::uint64_t>& sorted() const { return sorted_; }

 private:
  std::vector<std::uint64_t> sorted_;
};

enum class Unit : unsigned char { count, seconds };

// "median 44 (4.4 %), 90 % up to 71 (7.1 %), at most 88 (8.8 %)" in the unit, with shares of `whole` where that is not
// 0; "44 in every run" when people could not tell the values apart. REQUIRES: not empty.
[[nodiscard]] std::string spread_line(const Spread& spread, Unit unit, std::uint64_t whole = 0);

// A row for each of up to ten steps of the same round size, none wider than `columns`; each ends in a line break. Steps
// that nothing falls into are drawn too: a gap is news. REQUIRES: not empty.
[[nodiscard]] std::string histogram(const Spread& spread, Unit unit, std::size_t columns, const Style& style);

}  // namespace muster::ctl
