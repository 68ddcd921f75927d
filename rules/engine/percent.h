// Shares in millionths of the whole, in words. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace muster::rules {

inline constexpr std::uint64_t ppm_per_percent = 10'000;

// The number of percent without its sign and without needless decimals: "5", "99.5".
[[nodiscard]] std::string percent_text(std::uint64_t ppm);

}  // namespace muster::rules
