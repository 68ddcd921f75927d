#include "rules/config/percent.h"

#include <charconv>
#include <limits>

namespace muster::rules {
namespace {

constexpr std::size_t decimals_max = 4;  // of a percentage: millionths
constexpr std::string_view digits = "0123456789";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

}  // namespace

PercentFault parse_percent_ppm(std::string_view text, std::uint64_t& ppm) {
  const bool sign = !text.empty() && text.back() == '%';
  if (sign) text.remove_suffix(1);
  const auto point = text.find('.');
  const auto whole_text = text.substr(0, point);
  const auto decimals = point == std::string_view::npos ? std::string_view("0") : text.substr(point + 1);
  if (!is_digits(whole_text) || !is_digits(decimals)) return PercentFault::not_percent;
  if (!sign) return PercentFault::no_sign;
  if (decimals.size() > decimals_max) return PercentFault::too_fine;

  std::uint64_t fraction = 0;
  for (std::size_t i = 0; i < decimals_max; ++i) {
    fraction = fraction * 10 + (i < decimals.size() ? static_cast<std::uint64_t>(decimals[i] - '0') : 0);
  }
  std::uint64_t whole = 0;
  const auto read = std::from_chars(whole_text.data(), whole_text.data() + whole_text.size(), whole);
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  const bool fits = read.ec == std::errc() && whole < largest / ppm_per_percent;
  ppm = fits ? whole * ppm_per_percent + fraction : largest;
  return PercentFault::none;
}

}  // namespace muster::rules
