#include "edge-client/shell/system_readings.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <sstream>
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

// One line of a file of /sys, without its end.
std::string read_line(const std::string& path) {
  auto text = read_text(path);
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

std::optional<int> read_integer(const std::string& path) {
  const auto text = read_line(path);
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

// See the kernel's Documentation/ABI/testing/sysfs-class-power. Batteries of things that are attached, such as a mouse,
// have the scope `Device` and do not count.
void read_power(const std::string& sys, SystemReadings& r) {
  std::error_code error;
  for (const auto& supply : std::filesystem::directory_iterator(sys + "/class/power_supply", error)) {
    const auto folder = supply.path().string();
    if (read_line(folder + "/scope") == "Device") continue;
    if (read_line(folder + "/type") == "Battery") {
      const auto percent = read_integer(folder + "/capacity");
      if (!percent || *percent < 0 || *percent > 100) continue;
      r.battery_percent = r.battery_percent < 0 ? *percent : std::min(r.battery_percent, static_cast<double>(*percent));
      if (r.on_mains < 0) r.on_mains = 0;  // it runs on this one, unless something feeds it
    } else if (const auto online = read_integer(folder + "/online")) {
      r.on_mains = std::max(r.on_mains, *online != 0 ? 1.0 : 0.0);
    }
  }
}

// The interface of the default route with the least metric, by /proc/net/route (see proc(5)); empty when there is none.
// Its fields are Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, the numbers in hexadecimal but Metric.
std::string default_interface(const std::string& proc) {
  std::istringstream lines(read_text(proc + "/net/route"));
  std::string best;
  std::uint64_t least = UINT64_MAX;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name, destination, gateway, flags, references, use, mask;
    std::uint64_t metric = 0;
    if (!(fields >> name >> destination >> gateway >> flags >> references >> use >> metric >> mask)) continue;
    if (destination != "00000000" || mask != "00000000" || metric >= least) continue;
    least = metric;
    best = name;
  }
  return best;
}

LinkKind link_kind(const std::string& proc, const std::string& sys) {
  const auto name = default_interface(proc);
  if (name.empty()) return LinkKind::unknown;
  const auto folder = sys + "/class/net/" + name;
  std::error_code error;
  if (std::filesystem::exists(folder + "/phy80211", error) || std::filesystem::exists(folder + "/wireless", error))
    return LinkKind::wifi;
  // Modems that show up as a network card have this; those behind a serial line are ppp.
  const bool modem = read_text(folder + "/uevent").find("DEVTYPE=wwan") != std::string::npos;
  return modem || name.rfind("wwan", 0) == 0 || name.rfind("ppp", 0) == 0 ? LinkKind::cellular : LinkKind::wired;
}

}  // namespace

ReadingList readings_of(const SystemReadings& system) {
  ReadingList readings;
  const auto add = [&](const char* name, double value, bool known) {
    if (known) readings.emplace_back(name, value);
  };
  const auto is = [&](LinkKind kind) { return system.link == kind ? 1.0 : 0.0; };
  const bool linked = system.link != LinkKind::unknown;
  add("battery_percent", system.battery_percent, system.battery_percent >= 0);
  add("cpu_percent", system.cpu_percent, system.cpu_percent >= 0);
  add("disk_free_mb", static_cast<double>(system.disk_free_mb), system.disk_free_mb >= 0);
  add("link_cellular", is(LinkKind::cellular), linked);
  add("link_wifi", is(LinkKind::wifi), linked);
  add("link_wired", is(LinkKind::wired), linked);
  add("on_mains", system.on_mains, system.on_mains >= 0);
  add("temperature_c", system.temperature_c, system.temperature_c > -1000);
  return readings;
}

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
  read_power(sys_, r);
  r.link = link_kind(proc_, sys_);
  struct statvfs status {};
  if (::statvfs(data_dir_.c_str(), &status) == 0) {
    r.disk_free_mb = static_cast<std::int64_t>((static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize) >> 20);
  }
  return r;
}

}  // namespace muster::edge
