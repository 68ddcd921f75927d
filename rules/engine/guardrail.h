// A guardrail of a rule file, validated: which reading is judged against what, how many devices may exceed, and what
// follows when too many do. Plain data; made by rules/config, owned by the engine.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/bytes.h"

namespace muster::rules {

enum class Against : std::uint8_t {
  absolute,  // a limit in the reading's own unit
  baseline,  // the device's own readings before the update
  control,   // the same, corrected by how the targets that no wave has reached have drifted since
};
enum class OnFail : std::uint8_t {
  pause,           // no new assignments until an operator has looked
  rollback,        // all reached devices go back, and the rollout ends
  freeze_segment,  // the segment gets nothing more and goes back; the others go on
  freeze_release,  // the releases are frozen for the fleet, and the rollout pauses
};
[[nodiscard]] std::string_view name_of(Against against);
[[nodiscard]] std::string_view name_of(OnFail on_fail);

// What devices are grouped by: an attribute, or what a tag says. The value of `tag.locale` on a device with the tag
// `locale.de` is `de`, by the first of its tags that begins so.
enum class Attribute : std::uint8_t { device_class, region, site, customer, os_version, memory_tier, tag };
inline constexpr std::size_t attribute_count = 6;             // without tag, which is none by itself
[[nodiscard]] std::string_view name_of(Attribute attribute);  // "class", "region", …
[[nodiscard]] std::optional<Attribute> attribute_from(std::string_view name);

inline constexpr std::string_view tag_prefix = "tag.";
struct SegmentKey {
  SegmentKey() = default;
  SegmentKey(Attribute one) : attribute(one) {}  // NOLINT(google-explicit-constructor): an attribute is a whole key
  explicit SegmentKey(std::string name) : attribute(Attribute::tag), tag(std::move(name)) {}

  Attribute attribute = Attribute::device_class;
  std::string tag = {};  // the part before the dot; only with Attribute::tag

  friend auto operator<=>(const SegmentKey&, const SegmentKey&) = default;
};
[[nodiscard]] std::string name_of(const SegmentKey& key);  // "class", "tag.locale"
// The same back; nothing for what names neither.
[[nodiscard]] std::optional<SegmentKey> segment_key_from(std::string_view name);
inline constexpr std::size_t segment_keys_max = attribute_count;  // of one guardrail

struct Guardrail {
  std::string name;  // an id, different for each guardrail of a rule
  // What is judged, one of the two:
  std::string metric;     // a standard key (readings.h), `delegate_active`, or a task metric
  std::string when_text;  // a condition over the readings of one summary: where it is true, the device exceeds
  Bytes when;             // its bytecode

  Against against = Against::absolute;
  // absolute: the highest (lower_is_worse: the lowest) value that does not exceed. Else the relative change that does
  // not exceed: 0.1 is an increase (lower_is_worse: a decrease) by 10 %. Without meaning for `when` and
  // delegate_active, which exceeds when it is another one than before the update.
  double limit = 0;
  bool lower_is_worse = false;

  std::uint32_t tolerate_ppm = 50'000;   // the share of devices that may exceed, strictly between 0 and 1,000,000
  std::uint32_t error_ppm = 10'000;      // 1 - confidence, strictly between 0 and 1,000,000
  std::vector<SegmentKey> by;            // each segment is judged alone; none: all targets together
  OnFail on_fail = OnFail::pause;        // freeze_segment only with `by`
  std::uint64_t observe_s = 600;         // how long a device is measured, once done, before it votes; at least 1
  std::uint64_t silent_after_s = 3'600;  // a device that reports no health for so long votes against; at least 1
  std::uint64_t advance_after_s = 0;     // a wave goes on without a verdict so long after it opened; 0: it holds

  bool operator==(const Guardrail&) const = default;
};

// What the engine could not work with, in a few words; empty for a sound one. A rule file is told more, with its place.
[[nodiscard]] std::string fault_of_guardrail(const Guardrail& guardrail);

}  // namespace muster::rules
