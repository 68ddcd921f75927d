#include "rules/engine/facts.h"

#include <algorithm>
#include <cassert>

namespace muster::rules {

namespace {

// Far above what the limits allow for one text; only keeps damaged records from asking for more.
constexpr std::size_t text_len_max = 4096;

void pack_list(const std::vector<std::string>& items, std::size_t count_max, ByteWriter& out) {
  const auto count = std::min(items.size(), count_max);
  out.number(count);
  for (std::size_t i = 0; i < count; ++i) out.text(items[i]);
}

template <std::size_t size>
std::uint32_t view_list(ByteReader& in, std::array<std::string_view, size>& items) {
  const auto count = static_cast<std::uint32_t>(in.number_max(size));
  for (std::uint32_t i = 0; i < count; ++i) items[i] = in.text(text_len_max);
  return count;
}

Value text_or_missing(std::string_view text) {
  return text.empty() ? Value() : Value::of(text);
}

}  // namespace

void pack_facts(const DeviceFacts& facts, ByteWriter& out) {
  for (const auto* text : {&facts.device_class, &facts.region, &facts.site, &facts.customer, &facts.os_version,
                           &facts.memory_tier, &facts.agent_version}) {
    out.text(*text);
  }
  out.number(facts.memory_mb);
  pack_list(facts.tags, limits::tags_max, out);
  pack_list(facts.accelerators, limits::accelerators_max, out);
  pack_list(facts.runtimes, limits::runtimes_max, out);
  // As a zone: what does not tell devices apart must not make their facts differ.
  const auto offset_min = facts.utc_offset_min;
  out.number(offset_min && is_utc_offset(*offset_min) ? zone_of(*offset_min) : Zone{0});
}

bool view_facts(std::string_view packed, FactsView& facts) {
  ByteReader in(packed);
  for (auto* text : {&facts.device_class, &facts.region, &facts.site, &facts.customer, &facts.os_version,
                     &facts.memory_tier, &facts.agent_version}) {
    *text = in.text(text_len_max);
  }
  facts.memory_mb = in.number32();
  facts.tag_count = view_list(in, facts.tags);
  facts.accelerator_count = view_list(in, facts.accelerators);
  facts.runtime_count = view_list(in, facts.runtimes);
  facts.zone = static_cast<Zone>(in.number_max(zones_end - 1));
  return in.at_end();
}

DeviceFacts unpack_facts(std::string_view packed) {
  FactsView view;
  DeviceFacts facts;
  if (packed.empty() || !view_facts(packed, view)) return facts;
  facts.device_class = view.device_class;
  facts.region = view.region;
  facts.site = view.site;
  facts.customer = view.customer;
  facts.os_version = view.os_version;
  facts.memory_tier = view.memory_tier;
  facts.agent_version = view.agent_version;
  facts.memory_mb = static_cast<std::uint32_t>(view.memory_mb);
  facts.tags.assign(view.tags.begin(), view.tags.begin() + view.tag_count);
  if (view.zone != 0) facts.utc_offset_min = static_cast<std::int16_t>(offset_of(view.zone));
  facts.accelerators.assign(view.accelerators.begin(), view.accelerators.begin() + view.accelerator_count);
  facts.runtimes.assign(view.runtimes.begin(), view.runtimes.begin() + view.runtime_count);
  return facts;
}

bool FactsView::in_group(std::string_view attribute, std::string_view value) const {
  if (attribute == "class") return device_class == value;
  if (attribute == "region") return region == value;
  if (attribute == "site") return site == value;
  if (attribute == "customer") return customer == value;
  if (attribute == "os_version") return os_version == value;
  if (attribute == "memory_tier") return memory_tier == value;
  if (attribute == "tag") return std::find(tags.begin(), tags.begin() + tag_count, value) != tags.begin() + tag_count;
  return false;
}

DeviceEnvironment::DeviceEnvironment(std::string_view id, std::string_view packed) : id_(id) {
  [[maybe_unused]] const bool whole = view_facts(packed, facts_);
  assert(whole);
}

Value DeviceEnvironment::lookup(std::string_view name) const {
  constexpr std::string_view prefix = "device.";
  if (name.substr(0, prefix.size()) != prefix) return {};
  const auto key = name.substr(prefix.size());
  if (key == "id") return Value::of(id_);
  if (key == "class") return text_or_missing(facts_.device_class);
  if (key == "region") return text_or_missing(facts_.region);
  if (key == "site") return text_or_missing(facts_.site);
  if (key == "customer") return text_or_missing(facts_.customer);
  if (key == "os_version") return text_or_missing(facts_.os_version);
  if (key == "memory_tier") return text_or_missing(facts_.memory_tier);
  if (key == "agent_version") return text_or_missing(facts_.agent_version);
  if (key == "memory_mb") return facts_.memory_mb == 0 ? Value() : Value::of(static_cast<double>(facts_.memory_mb));
  if (key == "tags") return Value::of_list(facts_.tags.data(), facts_.tag_count);
  if (key == "accelerators") return Value::of_list(facts_.accelerators.data(), facts_.accelerator_count);
  if (key == "runtimes") return Value::of_list(facts_.runtimes.data(), facts_.runtime_count);
  return {};
}

}  // namespace muster::rules
