#include "operator/render/moment.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace muster::ctl {

std::string moment_text(std::uint64_t unix_s) {
  if (unix_s == 0) return "-";
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  std::array<char, 40> buffer{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::to_string(unix_s);
  if (std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &parts) == 0) return std::to_string(unix_s);
  return buffer.data();
}

std::string duration_text(std::uint64_t seconds) {
  std::array<char, 64> buffer{};
  const auto print = [&buffer](const char* format, unsigned long long large, unsigned long long small) {
    std::snprintf(buffer.data(), buffer.size(), format, large, small);
    return std::string(buffer.data());
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return print("%llu min %02llu s", seconds / 60, seconds % 60);
  if (seconds < 86400) return print("%llu h %02llu min", seconds / 3600, seconds % 3600 / 60);
  return print("%llu d %llu h", seconds / 86400, seconds % 86400 / 3600);
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 4> units = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f %s", value, units[unit]);
  return buffer.data();
}

std::string count_text(std::uint64_t count, const std::string& singular) {
  return std::to_string(count) + " " + singular + (count == 1 ? "" : "s");
}

}  // namespace muster::ctl
