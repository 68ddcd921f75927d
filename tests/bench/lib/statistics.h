// Median, quantiles and spread of measured numbers. Any thread.
#pragma once

#include <span>

namespace muster::bench {

// The middle one; of an even number the mean of the middle two. REQUIRES: not empty.
[[nodiscard]] double median(std::span<const double> values);

// The smallest value that at least the share `q` (0 to 1) of all values does not exceed: the nearest rank, never a
// number that nobody measured. REQUIRES: not empty.
[[nodiscard]] double quantile(std::span<const double> values, double q);

struct Spread {
  double least = 0;
  double most = 0;
};
// REQUIRES: not empty.
[[nodiscard]] Spread spread(std::span<const double> values);

// The exponent e of cost ~ size^e between two sizes: 1 is linear, below 1 is better. REQUIRES: all positive, sizes
// differ.
[[nodiscard]] double growth_exponent(double size_a, double cost_a, double size_b, double cost_b);

}  // namespace muster::bench
