#include "tests/crash/recorded.h"

#include <algorithm>
#include <random>

namespace muster::crash {

std::string Cut::text() const {
  switch (when) {
    case When::never:
      return "no cut";
    case When::before:
      return std::to_string(number) + " before";
    case When::middle:
      return std::to_string(number) + " middle";
  }
  return {};
}

std::vector<std::string> recorded(const std::string& folder, const std::string& trace, const Cut& cut) {
  std::vector<std::string> environment = {"LD_PRELOAD=" MUSTER_RECORDER, "MUSTER_RECORD_BELOW=" + folder};
  if (!trace.empty()) environment.push_back("MUSTER_RECORD_TRACE=" + trace);
  if (cut.when != Cut::When::never) environment.push_back("MUSTER_RECORD_CUT=" + cut.text());
  return environment;
}

std::vector<Cut> cuts(std::uint32_t length, const std::vector<std::uint32_t>& writes, std::size_t count,
                      std::uint64_t seed) {
  std::vector<Cut> all;
  for (std::uint32_t number = 1; number <= length; ++number) all.push_back({Cut::When::before, number});
  for (const auto number : writes) all.push_back({Cut::When::middle, number});
  if (all.size() <= count) return all;
  std::mt19937_64 random(seed);
  std::shuffle(all.begin(), all.end(), random);
  all.resize(count);
  std::sort(all.begin(), all.end(), [](const Cut& a, const Cut& b) { return a.number < b.number; });
  return all;
}

}  // namespace muster::crash
