#include "rules/engine/percent.h"

namespace muster::rules {

std::string percent_text(std::uint64_t ppm) {
  std::string text = std::to_string(ppm / ppm_per_percent);
  std::string decimals = std::to_string(ppm_per_percent + ppm % ppm_per_percent).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return decimals.empty() ? text : text + "." + decimals;
}

}  // namespace muster::rules
