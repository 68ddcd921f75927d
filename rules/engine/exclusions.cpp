#include "rules/engine/exclusions.h"

#include <algorithm>

#include "rules/engine/facts.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

// What is named in a refusal; more would make no sentence.
constexpr std::size_t named_max = 5;
constexpr std::size_t group_len_max = limits::topic_len_max;

template <typename Map>
std::string names_of(const Map& map) {
  std::string text;
  std::size_t count = 0;
  for (const auto& [name, value] : map) {
    if (++count <= named_max) text.append(text.empty() ? "" : ", ").append(name);
  }
  if (count > named_max) text += " and " + std::to_string(count - named_max) + " more";
  return text.empty() ? "none" : text;
}

// Both kinds travel alike: the name is the map's key.
template <typename Each>
void encode_all(const std::map<std::string, Each, std::less<>>& map, ByteWriter& out) {
  out.number(map.size());
  for (const auto& [name, each] : map) {
    out.text(name);
    out.flag(each.revert);
    out.text(each.who);
    out.text(each.why);
    out.number(each.since_s);
  }
}

template <typename Each>
bool decode_all(ByteReader& in, std::size_t count_max, std::string Each::*name, std::size_t name_len_max,
                std::map<std::string, Each, std::less<>>& map) {
  const auto count = in.number_max(count_max);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Each each;
    each.*name = in.text(name_len_max);
    each.revert = in.flag();
    each.who = in.text(record_text_len_max);
    each.why = in.text(record_text_len_max);
    each.since_s = in.number();
    if (!map.emplace(each.*name, each).second) return false;
  }
  return in.ok();
}

}  // namespace

std::string by_whom(const std::string& who, const std::string& why) {
  return "by " + who + (why.empty() ? "" : ": " + why);
}

std::string Exclusions::stop(GroupStop stop) {
  if (const auto known = stops_.find(stop.group); known != stops_.end()) {
    if (known->second.revert || !stop.revert)
      return "group " + stop.group + " is stopped already " + by_whom(known->second.who, known->second.why);
    known->second = std::move(stop);
    changed_ = true;
    return {};
  }
  if (stops_.size() >= limits::group_stops_max) {
    return "it has " + std::to_string(stops_.size()) +
           " stopped groups, the most one rollout keeps: " + names_of(stops_) +
           "; continue one of them, or pause the rollout";
  }
  auto group = stop.group;
  stops_.emplace(std::move(group), std::move(stop));
  changed_ = true;
  return {};
}

std::string Exclusions::go_on(std::string_view group) {
  const auto found = stops_.find(group);
  if (found == stops_.end()) return "group " + std::string(group) + " is not stopped; stopped are: " + names_of(stops_);
  stops_.erase(found);
  changed_ = true;
  return {};
}

std::string Exclusions::cancel(CancelledDevice cancelled) {
  if (const auto* known = this->cancelled(cancelled.device); known != nullptr)
    return "device " + cancelled.device + " is cancelled already " + by_whom(known->who, known->why);
  if (cancelled_.size() >= limits::cancelled_devices_max) {
    return "it has " + std::to_string(cancelled_.size()) +
           " cancelled devices, the most one rollout keeps; stop a group, or abort and start anew with other targets";
  }
  auto device = cancelled.device;
  cancelled_.emplace(std::move(device), std::move(cancelled));
  changed_ = true;
  return {};
}

std::string Exclusions::readmit(std::string_view device) {
  const auto found = cancelled_.find(device);
  if (found == cancelled_.end())
    return "device " + std::string(device) + " is not cancelled; cancelled are: " + names_of(cancelled_);
  cancelled_.erase(found);
  changed_ = true;
  return {};
}

const GroupStop* Exclusions::stop_of(std::string_view packed_facts) const {
  FactsView facts;
  if (stops_.empty() || !view_facts(packed_facts, facts)) return nullptr;
  for (const auto& [name, stop] : stops_) {
    GroupRef group;
    if (parse_group_ref(name, group) && facts.in_group(group.attribute, group.value)) return &stop;
  }
  return nullptr;
}

const CancelledDevice* Exclusions::cancelled(std::string_view device) const {
  if (cancelled_.empty()) return nullptr;
  const auto found = cancelled_.find(device);
  return found == cancelled_.end() ? nullptr : &found->second;
}

std::vector<GroupStop> Exclusions::stops() const {
  std::vector<GroupStop> found;
  for (const auto& [name, stop] : stops_) found.push_back(stop);
  return found;
}

std::vector<CancelledDevice> Exclusions::cancelled_shown() const {
  std::vector<CancelledDevice> found;
  for (const auto& [name, each] : cancelled_) found.push_back(each);
  std::stable_sort(found.begin(), found.end(),
                   [](const CancelledDevice& a, const CancelledDevice& b) { return a.since_s > b.since_s; });
  if (found.size() > cancelled_shown_max) found.resize(cancelled_shown_max);
  return found;
}

std::string Exclusions::stops_sentence() const {
  std::string text;
  for (const auto& [name, stop] : stops_) text.append(text.empty() ? "" : ", ").append(name + " by " + stop.who);
  return text;
}

void Exclusions::encode(ByteWriter& out) const {
  encode_all(stops_, out);
  encode_all(cancelled_, out);
}

bool Exclusions::decode(ByteReader& in) {
  if (!decode_all(in, limits::group_stops_max, &GroupStop::group, group_len_max, stops_)) return false;
  const bool groups = std::all_of(stops_.begin(), stops_.end(), [](const auto& each) {
    GroupRef group;
    return parse_group_ref(each.first, group);
  });
  return groups &&
         decode_all(in, limits::cancelled_devices_max, &CancelledDevice::device, limits::id_len_max, cancelled_) &&
         std::all_of(cancelled_.begin(), cancelled_.end(), [](const auto& each) { return is_id(each.first); });
}

}  // namespace muster::rules
