// Identifiers that appear in topics and records: devices, rollouts, releases, operators, groups.
// Freestanding C++17, no allocation; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/limits.h"

namespace muster {

// A bit for each ASCII character, set for A-Z a-z 0-9 . _ -
inline constexpr std::uint32_t id_characters[4] = {0, 0x03FF6000u, 0x87FFFFFEu, 0x07FFFFFEu};

// One of A-Z a-z 0-9 . _ -
[[nodiscard]] constexpr bool is_id_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && (id_characters[byte / 32] >> (byte % 32) & 1u) != 0;
}

// True for 1–64 characters of A-Z a-z 0-9 . _ - that do not start with '.': safe in a topic level, a file name and a
// URL.
[[nodiscard]] constexpr bool is_id(std::string_view text) {
  if (text.empty() || text.size() > limits::id_len_max || text.front() == '.') return false;
  for (const char c : text) {
    if (!is_id_char(c)) return false;
  }
  return true;
}

// True for a release version: 1–32 characters of an id.
[[nodiscard]] constexpr bool is_version(std::string_view text) {
  return is_id(text) && text.size() <= limits::version_len_max;
}

// Before the name of what a release in the shadow measures, beside what the active one does; no other metric's name
// begins so.
inline constexpr std::string_view shadow_prefix = "shadow.";

// One release as people write it: `name@version`. Views into the caller's text.
struct ReleaseRef {
  std::string_view name;
  std::string_view version;
};

// Splits `name@version`; false (and `ref` untouched) when either half is not valid.
[[nodiscard]] constexpr bool parse_release_ref(std::string_view text, ReleaseRef& ref) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return false;
  const ReleaseRef found{text.substr(0, at), text.substr(at + 1)};
  if (!is_id(found.name) || !is_version(found.version)) return false;
  ref = found;
  return true;
}

// A group as topics write it: `attribute=value`. Views into the caller's text.
struct GroupRef {
  std::string_view attribute;
  std::string_view value;
};

// Attributes that form groups (segments); the names are those of `device.*` in conditions, `tag` being one of
// `device.tags`.
inline constexpr std::string_view group_attributes[] = {"class",      "region",      "site", "customer",
                                                        "os_version", "memory_tier", "tag"};

// Splits `attribute=value`; false (and `ref` untouched) when the attribute is unknown or the value is no id.
[[nodiscard]] constexpr bool parse_group_ref(std::string_view text, GroupRef& ref) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  const GroupRef found{text.substr(0, equals), text.substr(equals + 1)};
  if (!is_id(found.value)) return false;
  for (const auto name : group_attributes) {
    if (name == found.attribute) {
      ref = found;
      return true;
    }
  }
  return false;
}

// True for the scope of a directive: "fleet", "device/ID" or "group/ATTRIBUTE=VALUE". It is also what stands between
// `muster/v1/` and `/directive` in the topic.
[[nodiscard]] constexpr bool is_scope(std::string_view text) {
  constexpr std::string_view device = "device/";
  constexpr std::string_view group = "group/";
  if (text == "fleet") return true;
  if (text.substr(0, device.size()) == device) return is_id(text.substr(device.size()));
  GroupRef ref;
  return text.substr(0, group.size()) == group && parse_group_ref(text.substr(group.size()), ref);
}

}  // namespace muster
