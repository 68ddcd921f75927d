// The topics of Muster's protocol, as values: parse_topic and format_topic are inverse to each other.
// Freestanding C++17, no allocation; any thread. The table of who may use which is in docs/wire.md.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster {

inline constexpr std::string_view topic_root = "muster/v1/";
inline constexpr std::string_view trust_root_topic = "muster/v1/trust/root";
inline constexpr std::string_view control_topic = "$CONTROL/muster/v1";
inline constexpr std::string_view control_response_topic = "$CONTROL/muster/v1/response";

enum class TopicKind : unsigned char {
  unknown,            // not one of ours, or malformed
  device_state,       // muster/v1/device/{d}/state
  device_health,      // muster/v1/device/{d}/health
  device_link,        // muster/v1/device/{d}/link
  device_assignment,  // muster/v1/device/{d}/assignment
  device_directive,   // muster/v1/device/{d}/directive
  group_directive,    // muster/v1/group/{attribute=value}/directive
  fleet_directive,    // muster/v1/fleet/directive
  trust_root,         // muster/v1/trust/root
  chunk_get,          // muster/v1/device/{d}/chunk/get
  chunk,              // muster/v1/device/{d}/chunk
  evidence,           // muster/v1/device/{d}/evidence
  ack,                // muster/v1/device/{d}/ack
  rollout,            // muster/v1/rollout/{r}
  metrics,            // muster/v1/metrics
};

// `name` is the device, the group ("region=de") or the rollout, and empty for topics without one. A view into the
// caller's text when parsed.
struct Topic {
  TopicKind kind = TopicKind::unknown;
  std::string_view name;

  friend constexpr bool operator==(const Topic& a, const Topic& b) { return a.kind == b.kind && a.name == b.name; }
};

// A topic's text in a fixed buffer, NUL-terminated for C callers.
struct TopicText {
  std::array<char, limits::topic_len_max + 1> chars{};
  std::size_t size = 0;

  [[nodiscard]] constexpr std::string_view view() const { return {chars.data(), size}; }
  [[nodiscard]] constexpr const char* c_str() const { return chars.data(); }
};

namespace detail {

// What stands around the name of each kind.
struct TopicShape {
  TopicKind kind;
  std::string_view scope;  // level before the name, with its slash: "device/"; the whole rest when there is no name
  std::string_view leaf;   // what follows the name, with its slash: "/state"
  bool named;
};

inline constexpr TopicShape topic_shapes[] = {
    {TopicKind::device_state, "device/", "/state", true},
    {TopicKind::device_health, "device/", "/health", true},
    {TopicKind::device_link, "device/", "/link", true},
    {TopicKind::device_assignment, "device/", "/assignment", true},
    {TopicKind::device_directive, "device/", "/directive", true},
    {TopicKind::group_directive, "group/", "/directive", true},
    {TopicKind::fleet_directive, "fleet/directive", "", false},
    {TopicKind::trust_root, "trust/root", "", false},
    {TopicKind::chunk_get, "device/", "/chunk/get", true},
    {TopicKind::chunk, "device/", "/chunk", true},
    {TopicKind::evidence, "device/", "/evidence", true},
    {TopicKind::ack, "device/", "/ack", true},
    {TopicKind::rollout, "rollout/", "", true},
    {TopicKind::metrics, "metrics", "", false},
};

[[nodiscard]] constexpr bool is_topic_name(TopicKind kind, std::string_view name) {
  if (kind != TopicKind::group_directive) return is_id(name);
  GroupRef ref;
  return parse_group_ref(name, ref);
}

constexpr void append(TopicText& text, std::string_view part) {
  for (const char c : part) text.chars[text.size++] = c;
}

}  // namespace detail

// REQUIRES nothing of `text`: whatever is not exactly one of the topics above is TopicKind::unknown.
[[nodiscard]] constexpr Topic parse_topic(std::string_view text) {
  if (text.substr(0, topic_root.size()) != topic_root) return {};
  const auto rest = text.substr(topic_root.size());
  for (const auto& shape : detail::topic_shapes) {
    if (!shape.named) {
      if (rest == shape.scope) return {shape.kind, {}};
      continue;
    }
    if (rest.size() <= shape.scope.size() + shape.leaf.size()) continue;
    if (rest.substr(0, shape.scope.size()) != shape.scope) continue;
    if (rest.substr(rest.size() - shape.leaf.size()) != shape.leaf) continue;
    const auto name = rest.substr(shape.scope.size(), rest.size() - shape.scope.size() - shape.leaf.size());
    if (detail::is_topic_name(shape.kind, name)) return {shape.kind, name};
  }
  return {};
}

// The text of a topic. REQUIRES: topic.kind is not unknown and topic.name is valid for it (is_id, or parse_group_ref
// for a group); an invalid one gives an empty text, which no broker accepts.
[[nodiscard]] constexpr TopicText format_topic(const Topic& topic) {
  TopicText text;
  for (const auto& shape : detail::topic_shapes) {
    if (shape.kind != topic.kind) continue;
    if (shape.named != !topic.name.empty()) return text;
    if (shape.named && !detail::is_topic_name(topic.kind, topic.name)) return text;
    detail::append(text, topic_root);
    detail::append(text, shape.scope);
    if (shape.named) detail::append(text, topic.name);
    detail::append(text, shape.leaf);
    return text;
  }
  return text;
}

}  // namespace muster
