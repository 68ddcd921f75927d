#include "tests/bench/lib/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace muster::bench {

double median(std::span<const double> values) {
  assert(!values.empty());
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double quantile(std::span<const double> values, double q) {
  assert(!values.empty() && q >= 0 && q <= 1);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[rank == 0 ? 0 : rank - 1];
}

Spread spread(std::span<const double> values) {
  assert(!values.empty());
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {*least, *most};
}

double growth_exponent(double size_a, double cost_a, double size_b, double cost_b) {
  assert(size_a > 0 && size_b > 0 && size_a != size_b && cost_a > 0 && cost_b > 0);
  return std::log(cost_b / cost_a) / std::log(size_b / size_a);
}

}  // namespace muster::bench
