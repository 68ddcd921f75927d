#include "rules/engine/segment.h"

#include <algorithm>
#include <string_view>

namespace muster::rules {

namespace {

constexpr std::uint32_t late_halvings_max = 20;

template <typename Facts>
std::string_view value_of(const Facts& facts, Attribute attribute) {
  switch (attribute) {
    case Attribute::device_class:
      return facts.device_class;
    case Attribute::region:
      return facts.region;
    case Attribute::site:
      return facts.site;
    case Attribute::customer:
      return facts.customer;
    case Attribute::os_version:
      return facts.os_version;
    case Attribute::memory_tier:
      return facts.memory_tier;
  }
  return {};
}

template <typename Facts>
std::string name_by(const std::vector<Attribute>& by, const Facts& facts) {
  std::string name;
  for (const auto attribute : by) {
    const auto value = value_of(facts, attribute);
    name.append(name.empty() ? "" : " ").append(name_of(attribute)).append("=").append(value.empty() ? "?" : value);
  }
  return name;
}

}  // namespace

void add(Unmeasured& counts, Vote vote) {
  if (vote == Vote::vanished) ++counts.vanished;
  if (vote == Vote::silent) ++counts.silent;
}

std::string segment_name(const std::vector<Attribute>& by, const FactsView& facts) {
  return name_by(by, facts);
}

std::string segment_name(const std::vector<Attribute>& by, const DeviceFacts& facts) {
  return name_by(by, facts);
}

std::uint32_t error_parts(std::uint32_t planned, std::uint32_t number) {
  const auto parts = planned + 1;
  return number < planned ? parts : parts << std::min(number - planned + 1, late_halvings_max);
}

}  // namespace muster::rules
