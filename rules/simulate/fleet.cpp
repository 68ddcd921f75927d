#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

#include "rules/condition/did_you_mean.h"
#include "rules/condition/names_in.h"
#include "rules/engine/readings.h"
#include "rules/simulate/fleet_ids.h"

namespace muster::rules {

namespace {

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bits, and its high bits stirred into the low ones
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93u;
  return hash ^ (hash >> 32);
}

class Writer {
 public:
  explicit Writer(FleetIds::Buffer& buffer) : at_(buffer.data()), begin_(buffer.data()), end_(at_ + buffer.size()) {}

  void text(std::string_view text) {
    const auto room = static_cast<std::size_t>(end_ - at_);
    std::memcpy(at_, text.data(), std::min(text.size(), room));
    at_ += std::min(text.size(), room);
  }
  void number(std::uint64_t value, std::uint32_t digits) {
    char written[20];
    const auto end = std::to_chars(written, written + sizeof written, value).ptr;
    for (auto length = static_cast<std::uint32_t>(end - written); length < digits; ++length) text("0");
    text({written, static_cast<std::size_t>(end - written)});
  }
  [[nodiscard]] std::string_view written() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

 private:
  char *at_, *begin_, *end_;
};

constexpr std::uint32_t made_up_digits = 7;  // fleet_devices_max in its group and no more

}  // namespace

std::string label_of(const DeviceFacts& facts) {
  std::string label;
  for (const auto* value :
       {&facts.device_class, &facts.region, &facts.site, &facts.customer, &facts.os_version, &facts.memory_tier}) {
    if (!value->empty()) label += (label.empty() ? "" : " ") + *value;
  }
  return label.empty() ? "devices" : label;
}

namespace {

constexpr std::size_t values_named_max = 10;

// What the devices of a group say under a name of a condition; nothing for device.id, which is each device's own.
std::vector<std::string> values_of(std::string_view name, const DeviceFacts& facts) {
  const std::pair<std::string_view, const std::string*> texts[] = {{"device.class", &facts.device_class},
                                                                   {"device.region", &facts.region},
                                                                   {"device.site", &facts.site},
                                                                   {"device.customer", &facts.customer},
                                                                   {"device.os_version", &facts.os_version},
                                                                   {"device.memory_tier", &facts.memory_tier},
                                                                   {"device.agent_version", &facts.agent_version}};
  for (const auto& [known, value] : texts) {
    if (known == name) return value->empty() ? std::vector<std::string>() : std::vector{*value};
  }
  if (name == "device.tags") return facts.tags;
  if (name == "device.accelerators") return facts.accelerators;
  if (name == "device.runtimes") return facts.runtimes;
  if (name == "device.memory_mb" && facts.memory_mb != 0) return {std::to_string(facts.memory_mb)};
  return {};
}

}  // namespace

std::string values_asked_for(ByteView condition, const DescribedFleet& fleet) {
  std::string text;
  for (const auto& name : names_in(condition)) {
    if (name == "device.id") continue;
    std::set<std::string> values;
    for (const auto& group : fleet.groups) {
      for (auto& value : values_of(name, group.facts)) values.insert(std::move(value));
    }
    std::vector<std::string_view> shown(values.begin(), values.end());
    const auto more = shown.size() - std::min(shown.size(), values_named_max);
    shown.resize(shown.size() - more);
    text += (text.empty() ? "" : "; ") + (shown.empty() ? "no device says " + name : name + " is " + either_of(shown)) +
            (more == 0 ? "" : " or one of " + std::to_string(more) + " more");
  }
  return text;
}

std::string_view meant_metric(std::string_view name, std::vector<std::string_view> described) {
  std::vector<std::string_view> known = {delegate_metric};
  for (std::size_t i = 0; i < reading_count; ++i) known.push_back(name_of(static_cast<Reading>(i)));
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  known.insert(known.end(), described.begin(), described.end());
  return closest_name(name, known);
}

FleetIds::FleetIds(const DescribedFleet& fleet) : fleet_(fleet) {
  for (const auto& group : fleet.groups) {
    starts_.push_back(size_);
    size_ += group.count;
  }
  std::size_t places = 16;
  while (places < std::size_t{size_} + size_ / 2) places *= 2;
  table_.assign(places, 0);
  Buffer buffer;
  for (Number device = 0; device < size_; ++device) {
    auto& place = table_[place_of(id(device, buffer))];
    if (place == 0) {
      place = device + 1;
    } else if (!twice_) {
      twice_ = device;
    }
  }
}

std::uint32_t FleetIds::group_of(Number device) const {
  return static_cast<std::uint32_t>(std::upper_bound(starts_.begin(), starts_.end(), device) - starts_.begin() - 1);
}

std::string_view FleetIds::id(Number device, Buffer& buffer) const {
  const auto index = group_of(device);
  const auto& names = fleet_.groups[index].names;
  const auto place = device - starts_[index];
  if (!names.listed.empty()) return names.listed[place];
  Writer writer(buffer);
  if (names.digits != 0) {
    writer.text(names.before);
    writer.number(names.first + place, names.digits);
    writer.text(names.after);
  } else {
    writer.text("device-");
    writer.number(index + 1, 1);
    writer.text("-");
    writer.number(place + 1, made_up_digits);
  }
  return writer.written();
}

std::size_t FleetIds::place_of(std::string_view wanted) const {
  Buffer buffer;
  const auto mask = table_.size() - 1;
  auto place = static_cast<std::size_t>(hash_of(wanted)) & mask;
  while (table_[place] != 0 && id(table_[place] - 1, buffer) != wanted) place = (place + 1) & mask;
  return place;
}

std::optional<FleetIds::Number> FleetIds::find(std::string_view wanted) const {
  const auto found = table_[place_of(wanted)];
  if (found == 0) return std::nullopt;
  return found - 1;
}

}  // namespace muster::rules
