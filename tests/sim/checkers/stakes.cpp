#include "tests/sim/checkers/stakes.h"

#include <cmath>

namespace muster::sim {

namespace {

constexpr int intervals = 400;  // of Simpson's rule: for a few hundred devices the error is under a millionth

// How much better the share p explains the counts than the share `tolerate` does.
double likelihood_ratio(double p, double tolerate, double exceeded, double fine) {
  if ((p <= 0 && exceeded > 0) || (p >= 1 && fine > 0)) return 0;
  double log = 0;
  if (exceeded > 0) log += exceeded * std::log(p / tolerate);
  if (fine > 0) log += fine * std::log((1 - p) / (1 - tolerate));
  return std::exp(log);
}

// Its mean over shares from low to high.
double mixture(double low, double high, double tolerate, double exceeded, double fine) {
  double sum = 0;
  for (int i = 0; i <= intervals; ++i) {
    const double weight = i == 0 || i == intervals ? 1 : i % 2 == 1 ? 4 : 2;
    sum += weight * likelihood_ratio(low + (high - low) * i / intervals, tolerate, exceeded, fine);
  }
  return sum / (3 * intervals);
}

}  // namespace

const Stakes::Pair& Stakes::of(std::uint32_t tolerate_ppm, std::uint32_t voted, std::uint32_t exceeded) {
  const auto [found, added] = known_.try_emplace({tolerate_ppm, (static_cast<std::uint64_t>(voted) << 32) | exceeded});
  if (!added) return found->second;
  const double tolerate = tolerate_ppm / 1e6;
  const double against = exceeded;
  const double fine = voted - exceeded;
  found->second.fail = mixture(tolerate, 1, tolerate, against, fine);
  found->second.pass =
      0.5 * likelihood_ratio(0, tolerate, against, fine) + 0.5 * mixture(0, tolerate, tolerate, against, fine);
  return found->second;
}

}  // namespace muster::sim
