// The words of planes, states and standings, as status, control API and audit record show them.
#include <array>
#include <cassert>
#include <optional>
#include <string_view>

#include "rules/engine/event.h"
#include "rules/engine/rule.h"
#include "rules/engine/status.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::array<std::string_view, plane_count> plane_names = {"firmware", "model", "config"};
constexpr std::array<std::string_view, 12> attempt_names = {"idle",        "fetching", "verifying", "staged",
                                                            "swapped",     "probing",  "soaking",   "committed",
                                                            "rolled_back", "failed",   "held",      "shadowing"};
constexpr std::array<std::string_view, 5> device_names = {"healthy", "degraded", "recovering", "safe_mode",
                                                          "rolled_back"};
constexpr std::array<std::string_view, 7> rollout_names = {"running",   "awaiting_approval", "paused", "halted",
                                                           "completed", "reverting",         "aborted"};
constexpr std::array<std::string_view, 4> reach_names = {"development", "candidate", "canary", "promoted"};
constexpr std::array<std::string_view, 3> override_names = {"pending", "active", "failed"};
constexpr std::array<std::string_view, 3> hold_names = {"none", "before_swap", "before_commit"};
constexpr std::array<std::string_view, 3> wave_names = {"pending", "open", "done"};
constexpr std::array<std::string_view, standing_count> standing_names = {
    "waiting",  "assigned",      "done",     "failed",    "unreachable", "reverting",
    "reverted", "held_by_other", "retrying", "cancelled", "holding",     "rehearsing"};
constexpr std::array<std::string_view, 7> order_names = {"safe_mode", "resume",        "rollback",     "freeze",
                                                         "thaw",      "pause_updates", "send_evidence"};
constexpr std::array<std::string_view, 3> against_names = {"absolute", "baseline", "control"};
constexpr std::array<std::string_view, 4> on_fail_names = {"pause", "rollback", "freeze_segment", "freeze_release"};
constexpr std::array<std::string_view, attribute_count> attribute_names = {"class",    "region",     "site",
                                                                           "customer", "os_version", "memory_tier"};
constexpr std::array<std::string_view, reading_count> reading_names = {
    "load_time_ms", "p50_ms",      "p95_ms",       "p99_ms",  "peak_ram_mb", "dropped_frames", "temperature_c",
    "inferences",   "cpu_percent", "disk_free_mb", "thermal", "error_code",  "crash_count",    "missing_inputs"};

template <typename Enum, std::size_t size>
std::string_view name_in(const std::array<std::string_view, size>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  assert(index < size);
  return names[index];
}

template <typename Enum, std::size_t size>
std::optional<Enum> find_in(const std::array<std::string_view, size>& names, std::string_view name) {
  for (std::size_t i = 0; i < size; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Against against) {
  return name_in(against_names, against);
}
std::string_view name_of(OnFail on_fail) {
  return name_in(on_fail_names, on_fail);
}
std::string_view name_of(Attribute attribute) {
  return name_in(attribute_names, attribute);
}
std::optional<Attribute> attribute_from(std::string_view name) {
  return find_in<Attribute>(attribute_names, name);
}
std::string name_of(const SegmentKey& key) {
  return key.attribute == Attribute::tag ? std::string(tag_prefix) + key.tag : std::string(name_of(key.attribute));
}
std::optional<SegmentKey> segment_key_from(std::string_view name) {
  if (const auto attribute = attribute_from(name)) return SegmentKey(*attribute);
  if (name.substr(0, tag_prefix.size()) != tag_prefix) return std::nullopt;
  name.remove_prefix(tag_prefix.size());
  // A tag is an id, and something has to be left of it for the value.
  if (!is_id(name) || name.size() + 2 > limits::id_len_max) return std::nullopt;
  return SegmentKey(std::string(name));
}
std::string_view name_of(Reading reading) {
  return name_in(reading_names, reading);
}
std::optional<Reading> reading_from(std::string_view name) {
  return find_in<Reading>(reading_names, name);
}
std::string_view name_of(Plane plane) {
  return name_in(plane_names, plane);
}
std::string_view name_of(AttemptState state) {
  return name_in(attempt_names, state);
}
std::string_view name_of(DeviceState state) {
  return name_in(device_names, state);
}
std::string_view name_of(RolloutState state) {
  return name_in(rollout_names, state);
}
std::string_view name_of(Reach reach) {
  return name_in(reach_names, reach);
}

std::string_view name_of(HoldPoint hold) {
  return name_in(hold_names, hold);
}
std::string_view name_of(WaveState state) {
  return name_in(wave_names, state);
}
std::string_view name_of(OverrideState state) {
  return name_in(override_names, state);
}
std::string_view name_of(Standing standing) {
  return name_in(standing_names, standing);
}
std::string_view name_of(OrderKind kind) {
  return name_in(order_names, kind);
}

std::optional<Plane> plane_from(std::string_view name) {
  return find_in<Plane>(plane_names, name);
}

}  // namespace muster::rules
