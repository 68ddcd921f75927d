#include "tests/e2e/harness/footprint.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace muster::e2e {
namespace {

namespace fs = std::filesystem;

std::size_t entries_of(const std::string& folder) {
  std::error_code gone;
  std::size_t count = 0;
  for (auto entry = fs::directory_iterator(folder, gone); !gone && entry != fs::directory_iterator();
       entry.increment(gone)) {
    ++count;
  }
  return count;
}

std::string in_mib(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MiB", bytes / (1024 * 1024));
  return text;
}

}  // namespace

Footprint footprint_of(pid_t pid) {
  Footprint footprint;
  const std::string process = "/proc/" + std::to_string(pid);
  std::ifstream lines(process + "/smaps_rollup");
  for (std::string line; std::getline(lines, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "Pss: %llu kB", &kib) == 1) footprint.pss_bytes = kib * 1024;
    if (std::sscanf(line.c_str(), "Private_Dirty: %llu kB", &kib) == 1) footprint.own_bytes = kib * 1024;
  }
  footprint.files = entries_of(process + "/fd");
  footprint.threads = entries_of(process + "/task");
  return footprint;
}

std::size_t Trend::first_after(double warm_up) const {
  return static_cast<std::size_t>(static_cast<double>(points_.size()) * warm_up);
}

double Trend::slope(double warm_up) const {
  const auto first = first_after(warm_up);
  const auto count = static_cast<double>(points_.size() - first);
  if (count < 2) return 0;
  double work = 0;
  double value = 0;
  for (auto i = first; i < points_.size(); ++i) {
    work += points_[i].work / count;
    value += points_[i].value / count;
  }
  double together = 0;
  double spread = 0;
  for (auto i = first; i < points_.size(); ++i) {
    together += (points_[i].work - work) * (points_[i].value - value);
    spread += (points_[i].work - work) * (points_[i].work - work);
  }
  return spread == 0 ? 0 : together / spread;
}

std::string Trend::summary(double warm_up) const {
  if (points_.empty()) return "no looks";
  return "first " + in_mib(points_.front().value) + ", after warm-up " + in_mib(points_[first_after(warm_up)].value) +
         ", last " + in_mib(points_.back().value);
}

}  // namespace muster::e2e
