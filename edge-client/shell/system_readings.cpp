#include "edge-client/shell/system_readings.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <vector>

#include "host/files.h"

namespace muster::edge {
namespace {

constexpr std::size_t proc_file_len_max = 1024 * 1024;
constexpr std::size_t idle_field = 3, iowait_field = 4, fields_used = 8;  // of /proc/stat's first line, see proc(5)

std::string read_text(const std::string& path) {
  auto bytes = host::read_file(path, proc_file_len_max);
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

std::vector<std::uint64_t> numbers_of_line(std::string_view line) {
  std::vector<std::uint64_t> numbers;
  const char* at = line.data();
  const char* end = line.data() + line.size();
  while (at < end) {
    std::uint64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc{}) numbers.push_back(value);
    at = error == std::errc{} ? next : at + 1;
  }
  return numbers;
}

wire::ThermalState thermal_state(double celsius) {
  if (celsius < 70) return wire::ThermalState::nominal;
  if (celsius < 80) return wire::ThermalState::fair;
  if (celsius < 90) return wire::ThermalState::serious;
  return wire::ThermalState::critical;
}

}  // namespace

SystemReadings SystemProbe::read() {
  SystemReadings r;
  const auto stat = read_text(proc_ + "/stat");
  const auto fields = numbers_of_line(std::string_view(stat).substr(0, stat.find('\n')));
  if (fields.size() >= fields_used) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < fields_used; ++i) total += fields[i];
    const auto busy = total - fields[idle_field] - fields[iowait_field];
    if (total_before_ != 0 && total > total_before_ && busy >= busy_before_) {
      r.cpu_percent = std::min(
          100.0, 100.0 * static_cast<double>(busy - busy_before_) / static_cast<double>(total - total_before_));
    }
    busy_before_ = busy;
    total_before_ = total;
  }
  std::error_code error;
  for (const auto& zone : std::filesystem::directory_iterator(sys_ + "/class/thermal", error)) {
    if (zone.path().filename().string().rfind("thermal_zone", 0) != 0) continue;
    const auto text = read_text(zone.path().string() + "/temp");
    long millidegrees = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), millidegrees).ec != std::errc{}) continue;
    r.temperature_c = std::max(r.temperature_c, static_cast<double>(millidegrees) / 1000);
    r.thermal = thermal_state(r.temperature_c);
  }
  struct statvfs status {};
  if (::statvfs(data_dir_.c_str(), &status) == 0) {
    r.disk_free_mb = static_cast<std::int64_t>((static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize) >> 20);
  }
  return r;
}

}  // namespace muster::edge
