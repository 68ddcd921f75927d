#include "broker-plugin/access.h"

#include <array>
#include <string>

#include "schemas/ids.h"
#include "schemas/topics.h"

namespace muster::broker {
namespace {

constexpr std::string_view ours = "muster/#";
constexpr std::string_view protocol = "muster/v1/#";
constexpr std::string_view our_control = "$CONTROL/muster/#";

// Takes the first level off `rest`; false when there is none left.
bool next_level(std::string_view& rest, bool& more, std::string_view& level) {
  if (!more) return false;
  const auto slash = rest.find('/');
  level = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest = more ? rest.substr(slash + 1) : std::string_view();
  return true;
}

// MQTT 5, 4.7.2: a wildcard in the first level does not match topics that begin with '$'.
bool first_levels_apart(std::string_view a, std::string_view b) {
  const auto wild = [](std::string_view text) { return !text.empty() && (text[0] == '+' || text[0] == '#'); };
  const auto system = [](std::string_view text) { return !text.empty() && text[0] == '$'; };
  return (wild(a) && system(b)) || (system(a) && wild(b));
}

// "$share/GROUP/FILTER" subscribes to FILTER.
std::string_view without_share(std::string_view filter) {
  constexpr std::string_view share = "$share/";
  if (filter.substr(0, share.size()) != share) return filter;
  const auto slash = filter.find('/', share.size());
  return slash == std::string_view::npos ? filter : filter.substr(slash + 1);
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// What a device may subscribe to: filters that match nothing but what it may read.
bool device_subscribes(std::string_view device, std::string_view filter) {
  const std::array<std::string, 4> patterns = {"muster/v1/device/" + std::string(device) + "/#", "muster/v1/group/#",
                                               "muster/v1/fleet/#", "muster/v1/trust/#"};
  for (const auto& pattern : patterns) {
    if (filter_covered(filter, pattern)) return true;
  }
  return false;
}

// The same for one topic, which the broker asks for every delivery: no allocation here.
bool device_reads(std::string_view device, std::string_view topic) {
  if (!starts_with(topic, topic_root)) return false;
  const auto rest = topic.substr(topic_root.size());
  if (starts_with(rest, "group/") || starts_with(rest, "fleet/") || starts_with(rest, "trust/")) return true;
  constexpr std::string_view own = "device/";
  if (!starts_with(rest, own)) return false;
  const auto after = rest.substr(own.size());
  return after.size() > device.size() && starts_with(after, device) && after[device.size()] == '/';
}

// A topic under muster/ or $CONTROL/muster/, or one of these words alone.
bool is_ours(std::string_view topic) {
  for (const std::string_view root : {"muster", "$CONTROL/muster"}) {
    if (starts_with(topic, root) && (topic.size() == root.size() || topic[root.size()] == '/')) return true;
  }
  return false;
}

Decision decide_write(const Roles* roles, std::string_view user, std::string_view topic) {
  if (topic == control_topic) {
    return roles != nullptr && roles->any() ? Decision{Verdict::allow, {}} : Decision{Verdict::deny, "acl_write"};
  }
  if (!is_ours(topic)) return {Verdict::defer, {}};
  const auto parsed = parse_topic(topic);
  switch (parsed.kind) {
    case TopicKind::device_state:
    case TopicKind::device_health:
    case TopicKind::device_link:
    case TopicKind::chunk_get:
    case TopicKind::evidence:
      if (roles != nullptr) return {Verdict::deny, "acl_write"};
      return parsed.name == user ? Decision{Verdict::allow, {}, parsed.kind}
                                 : Decision{Verdict::deny, "foreign_device"};
    case TopicKind::unknown:
      return {Verdict::deny, "unknown_topic"};
    default:
      return {Verdict::deny, "acl_write"};
  }
}

Decision decide_read(const Roles* roles, std::string_view user, std::string_view topic) {
  if (!is_ours(topic)) return {Verdict::defer, {}};
  const bool operator_reads =
      roles != nullptr && roles->any() && (starts_with(topic, topic_root) || topic == control_response_topic);
  const bool may = operator_reads || (roles == nullptr && device_reads(user, topic));
  return may ? Decision{Verdict::allow, {}} : Decision{Verdict::deny, "acl_read"};
}

Decision decide_subscribe(const Roles* roles, std::string_view user, std::string_view filter) {
  constexpr std::string_view reason = "acl_subscribe";
  if (filters_overlap(filter, our_control)) {
    if (roles == nullptr || !roles->any()) return {Verdict::deny, reason};
    if (filter == control_response_topic) return {Verdict::allow, {}};
    return filter_covered(filter, our_control) ? Decision{Verdict::deny, reason} : Decision{Verdict::defer, {}};
  }
  // A filter that begins with a wildcard touches us only when it can match a topic of the protocol; one that names
  // muster/ is ours whatever follows.
  const bool named = filter.substr(0, filter.find('/')) == "muster";
  if (!filters_overlap(filter, named ? ours : protocol)) return {Verdict::defer, {}};
  if (roles != nullptr && roles->any()) {
    if (filter_covered(filter, protocol)) return {Verdict::allow, {}};
    return named ? Decision{Verdict::deny, reason} : Decision{Verdict::defer, {}};
  }
  return device_subscribes(user, filter) ? Decision{Verdict::allow, {}} : Decision{Verdict::deny, reason};
}

}  // namespace

bool filter_covered(std::string_view filter, std::string_view pattern) {
  if (first_levels_apart(filter, pattern)) return false;
  bool filter_more = true, pattern_more = true;
  std::string_view level, allowed;
  while (next_level(pattern, pattern_more, allowed)) {
    if (allowed == "#") return true;
    if (!next_level(filter, filter_more, level)) return false;
    if (level == "#") return false;
    if (allowed != "+" && level != allowed) return false;
  }
  return !filter_more;
}

bool filters_overlap(std::string_view a, std::string_view b) {
  if (first_levels_apart(a, b)) return false;
  bool a_more = true, b_more = true;
  std::string_view a_level, b_level;
  while (true) {
    const bool in_a = next_level(a, a_more, a_level);
    const bool in_b = next_level(b, b_more, b_level);
    // "x/#" also matches "x" itself.
    if (in_a && a_level == "#") return true;
    if (in_b && b_level == "#") return true;
    if (!in_a || !in_b) return in_a == in_b;
    if (a_level != "+" && b_level != "+" && a_level != b_level) return false;
  }
}

Decision decide(const Operators& operators, std::string_view user, Access access, std::string_view topic) {
  const auto found = operators.find(user);
  const Roles* roles = found == operators.end() ? nullptr : &found->second;
  const auto decision = [&]() -> Decision {
    switch (access) {
      case Access::write:
        return decide_write(roles, user, topic);
      case Access::read:
        return decide_read(roles, user, topic);
      case Access::subscribe:
        return decide_subscribe(roles, user, without_share(topic));
      case Access::unsubscribe:
        return {Verdict::allow, {}};
    }
    return {};
  }();
  // Someone without a name, or with one that cannot be a device's, has no business under muster/.
  if (decision.verdict == Verdict::allow && roles == nullptr && access != Access::unsubscribe && !is_id(user)) {
    return {Verdict::deny, access == Access::write  ? "acl_write"
                           : access == Access::read ? "acl_read"
                                                    : "acl_subscribe"};
  }
  return decision;
}

}  // namespace muster::broker
