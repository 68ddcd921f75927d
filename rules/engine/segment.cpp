#include "rules/engine/segment.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace muster::rules {

namespace {

constexpr std::uint32_t late_halvings_max = 20;

std::span<const std::string_view> tags_of(const FactsView& facts) {
  return {facts.tags.data(), facts.tag_count};
}
std::span<const std::string> tags_of(const DeviceFacts& facts) {
  return facts.tags;
}

// What follows "NAME." in the first of its tags that begins so.
template <typename Facts>
std::string_view tag_value(const Facts& facts, std::string_view name) {
  for (const std::string_view tag : tags_of(facts)) {
    const bool has = tag.size() > name.size() && tag.substr(0, name.size()) == name && tag[name.size()] == '.';
    if (has) return tag.substr(name.size() + 1);
  }
  return {};
}

template <typename Facts>
std::string_view value_of(const Facts& facts, const SegmentKey& key) {
  switch (key.attribute) {
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
    case Attribute::tag:
      return tag_value(facts, key.tag);
  }
  return {};
}

template <typename Facts>
std::string name_by(const std::vector<SegmentKey>& by, const Facts& facts) {
  std::string name;
  for (const auto& key : by) {
    const auto value = value_of(facts, key);
    name.append(name.empty() ? "" : " ").append(name_of(key)).append("=").append(value.empty() ? "?" : value);
  }
  return name;
}

}  // namespace

void add(Unmeasured& counts, Vote vote) {
  if (vote == Vote::vanished) ++counts.vanished;
  if (vote == Vote::silent) ++counts.silent;
}

std::string segment_name(const std::vector<SegmentKey>& by, const FactsView& facts) {
  return name_by(by, facts);
}

std::string segment_name(const std::vector<SegmentKey>& by, const DeviceFacts& facts) {
  return name_by(by, facts);
}

std::uint32_t error_parts(std::uint32_t planned, std::uint32_t number) {
  const auto parts = planned + 1;
  return number < planned ? parts : parts << std::min(number - planned + 1, late_halvings_max);
}

}  // namespace muster::rules
