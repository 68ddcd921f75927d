// What a release makes a device do: wait before it takes it, probe it before it counts as good, recover while it runs,
// and run it in the shadow of another one.
#include <algorithm>
#include <charconv>

#include "rules/config/fields.h"
#include "rules/config/release_parts.h"
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

// An absolute path that names one file: no empty, "." or ".." segments.
bool is_absolute_path(std::string_view path) {
  if (path.size() < 2 || path.front() != '/') return false;
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    begin = end + 1;
  }
  return true;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port >= 1 && port <= 65535;
}

// http://HOST[:PORT][/PATH], the host a name, an IPv4 address or an IPv6 address in brackets.
bool is_http_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (url.substr(0, scheme.size()) != scheme) return false;
  for (const char c : url) {
    if (c <= ' ' || c == 0x7F || c == '#') return false;
  }
  const std::string_view authority = url.substr(scheme.size(), url.find('/', scheme.size()) - scheme.size());
  const std::size_t bracket = authority.find(']');
  const bool is_ipv6 = !authority.empty() && authority.front() == '[';
  if (is_ipv6 != (bracket != std::string_view::npos)) return false;
  const std::size_t host_end = is_ipv6 ? bracket + 1 : std::min(authority.find(':'), authority.size());
  const std::string_view rest = authority.substr(host_end);
  if (host_end == 0 || (is_ipv6 && bracket == 1) || authority.find_first_of("@?") != std::string_view::npos)
    return false;
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

// False, with a problem, when it is something else than a name: `what` says of what.
bool check_allowlist_name(const YamlNode& node, const std::string& name, const std::string& what, Problems& problems) {
  if (is_id(name)) return true;
  problems.add(node, "'" + name + "' is no name of " + what,
               "a name on the device's allowlist, such as golden-replay; commands and arguments are written there");
  return false;
}

void read_target(const YamlNode& node, ProbeSpec& probe, Problems& problems) {
  const auto target = read_text(node, "the target of a probe", limits::text_len_max, problems);
  if (!target) return;
  switch (probe.kind) {
    case ProbeSpec::Kind::exec:
      if (check_allowlist_name(node, *target, "an exec probe", problems)) break;
      return;
    case ProbeSpec::Kind::http:
      if (is_http_url(*target)) break;
      problems.add(node, "'" + *target + "' is no URL that a device can probe",
                   "http://HOST[:PORT]/PATH: the workload on the device itself, without TLS");
      return;
    case ProbeSpec::Kind::file:
      if (is_file_name(*target) || is_absolute_path(*target)) break;
      problems.add(node, "'" + *target + "' is no path for a probe",
                   "a file of the release, or an absolute path without '..'");
      return;
  }
  probe.target = *target;
}

ProbeSpec read_probe(const YamlNode& node, Problems& problems) {
  ProbeSpec probe;
  Fields fields(node, keys::probe, problems);
  if (!fields.is_map()) return probe;
  std::size_t kinds = 0;
  for (const auto& [key, kind] :
       {std::pair("exec", ProbeSpec::Kind::exec), {"http", ProbeSpec::Kind::http}, {"file", ProbeSpec::Kind::file}}) {
    if (fields.has(key)) ++kinds;
    const YamlNode* target = fields.find(key);
    if (target == nullptr) continue;
    probe.kind = kind;
    read_target(*target, probe, problems);
  }
  if (kinds != 1) {
    problems.add(node, kinds == 0 ? "a probe that looks at nothing" : "a probe of several kinds",
                 "exactly one of exec, http or file; several probes are several items of the list");
  }
  probe.initial_delay_ms = fields.duration_ms("initial_delay");
  probe.timeout_ms = fields.duration_ms("timeout");
  probe.interval_ms = fields.duration_ms("interval");
  probe.attempts = static_cast<std::uint8_t>(fields.integer("attempts"));
  return probe;
}

ConditionSpec read_condition(Fields& fields, std::string_view key) {
  auto condition = fields.condition(key);
  return condition ? ConditionSpec{std::move(condition->text), std::move(condition->program)} : ConditionSpec();
}

}  // namespace

void read_probes(const YamlNode& node, Problems& problems, std::vector<ProbeSpec>& probes) {
  const auto* items = read_list(node, key_of(keys::release, "probes"), problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) probes.push_back(read_probe(item, problems));
}

void read_shadow(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, keys::release_shadow, problems);
  if (!fields.is_map()) return;
  const YamlNode* exec = fields.value("exec");
  if (exec == nullptr) return;
  const auto name = read_text(*exec, "the command of a shadow", limits::text_len_max, problems);
  if (name && check_allowlist_name(*exec, *name, "a shadow's command", problems)) release.shadow = *name;
}

void read_activation(const YamlNode& node, Problems& problems, ReleaseSpec& release) {
  Fields fields(node, keys::activation, problems);
  if (!fields.is_map()) return;
  release.activation.fetch_when = read_condition(fields, "fetch_when");
  release.activation.swap_when = read_condition(fields, "swap_when");
  const auto& conditions = keys::activation.at_least_one;
  if (std::none_of(conditions.begin(), conditions.end(), [&](auto key) { return fields.has(key); })) {
    problems.add(node, "activate without anything to wait for", "swap_when: battery_percent >= 40, or fetch_when");
  }
  release.activation.within_s = static_cast<std::uint32_t>(fields.duration_s("within"));
}

void read_recovery(const YamlNode& node, Problems& problems, std::vector<RecoverySpec>& recovery) {
  const auto* items = read_list(node, key_of(keys::release, "recovery"), problems);
  if (items == nullptr) return;
  for (const YamlNode& item : *items) {
    Fields fields(item, keys::recovery_rule, problems);
    RecoverySpec spec;
    spec.when = read_condition(fields, "when");
    if (const YamlNode* action = fields.value("do")) {
      const auto word = read_word(*action, key_of(keys::recovery_rule, "do"), problems);
      if (word) spec.action = static_cast<RecoveryAction>(*word + 1);
    }
    recovery.push_back(std::move(spec));
  }
}

}  // namespace muster::rules
