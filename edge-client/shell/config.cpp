#include "edge-client/shell/config.h"

#include <yaml-cpp/yaml.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "host/certificate.h"
#include "host/files.h"
#include "schemas/ids.h"

namespace muster::edge {
namespace {

constexpr std::size_t config_len_max = 256 * 1024;
constexpr std::uint64_t exec_timeout_ms = 600000;
constexpr std::size_t socket_path_len_max = 107;  // sun_path

// "250ms", "5s", "1m", "24h", "7d"
bool parse_duration(std::string_view text, std::uint64_t& ms) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end == text.data()) return false;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static constexpr std::pair<std::string_view, std::uint64_t> units[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  for (const auto& [name, factor] : units) {
    if (unit != name || count > UINT64_MAX / factor / 1000) continue;
    ms = count * factor;
    return true;
  }
  return false;
}

// Reads the file's tree and gathers every error on the way, so that a person mends the file once.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), folder_(std::filesystem::absolute(path).parent_path()) {}

  void error(const YAML::Mark& mark, const std::string& what) {
    errors_.push_back(path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " +
                      what);
  }
  [[nodiscard]] const std::vector<std::string>& errors() const { return errors_; }

  // True when `node` is a mapping; keys that are not in `known`, and keys given twice, are errors.
  bool mapping(const YAML::Node& node, const std::string& name, std::initializer_list<std::string_view> known) {
    if (!node.IsMap()) {
      error(node.Mark(), name + " must be a mapping (key: value)");
      return false;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string("?");
      if (!seen.insert(key).second) error(entry.first.Mark(), "key '" + key + "' is given twice");
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string list;
      for (const auto one : known) list += (list.empty() ? "" : ", ") + std::string(one);
      error(entry.first.Mark(), "unknown key '" + key + "' in " + name + "; known are " + list);
    }
    return true;
  }

  // The value of `key`; an undefined node, with an error when it is `required`, if it is missing.
  YAML::Node get(const YAML::Node& parent, const char* key, bool required) {
    const auto node = parent[key];
    if (required && !node) error(parent.Mark(), std::string("key '") + key + "' is missing");
    return node;
  }

  void text(const YAML::Node& parent, const char* key, bool required, std::string& value,
            const std::function<bool(const std::string&)>& valid, const char* expected) {
    const auto node = get(parent, key, required);
    if (!node) return;
    if (node.IsScalar() && valid(node.Scalar())) {
      value = node.Scalar();
      return;
    }
    error(node.Mark(), std::string(key) + " must be " + expected);
  }

  void id(const YAML::Node& parent, const char* key, bool required, std::string& value) {
    text(
        parent, key, required, value, [](const std::string& v) { return is_id(v); },
        "1 to 64 of A-Z a-z 0-9 . _ -, not starting with '.'");
  }

  void path(const YAML::Node& parent, const char* key, bool required, std::string& value) {
    text(
        parent, key, required, value, [](const std::string& v) { return !v.empty(); }, "a path");
    if (!value.empty() && value.front() != '/') value = (folder_ / value).lexically_normal().string();
  }

  // A file that must be there when the agent starts.
  void readable(const YAML::Node& parent, const char* key, std::string& value) {
    path(parent, key, true, value);
    if (!value.empty() && ::access(value.c_str(), R_OK) != 0) {
      error(parent[key].Mark(), std::string(key) + ": cannot read " + value + ": " + std::strerror(errno));
    }
  }

  // A private key is not for everybody who has a login on the device.
  void private_key(const YAML::Node& parent, const char* key, std::string& value) {
    readable(parent, key, value);
    if (const auto trouble = host::private_key_trouble(value); !trouble.empty())
      error(parent[key].Mark(), std::string(key) + ": " + trouble);
  }

  template <typename T>
  void number(const YAML::Node& parent, const char* key, T min, T max, T& value) {
    const auto node = get(parent, key, false);
    if (!node) return;
    std::uint64_t found = 0;
    const auto& digits = node.IsScalar() ? node.Scalar() : std::string();
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), found);
    if (fault != std::errc{} || digits.empty() || end != digits.data() + digits.size() || found < min || found > max) {
      error(node.Mark(),
            std::string(key) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
      return;
    }
    value = static_cast<T>(found);
  }

  void duration(const YAML::Node& parent, const char* key, std::uint64_t min_ms, std::uint64_t max_ms,
                std::uint64_t& ms) {
    const auto node = get(parent, key, false);
    if (!node) return;
    std::uint64_t found = 0;
    if (!node.IsScalar() || !parse_duration(node.Scalar(), found)) {
      error(node.Mark(), std::string(key) + " must be a duration such as 500ms, 60s, 5m, 24h or 7d");
    } else if (found < min_ms || found > max_ms) {
      error(node.Mark(), std::string(key) + " must be from " + std::to_string(min_ms) + "ms to " +
                             std::to_string(max_ms / 1000) + "s");
    } else {
      ms = found;
    }
  }

  void id_list(const YAML::Node& parent, const char* key, std::size_t count_max, std::vector<std::string>& values) {
    const auto node = get(parent, key, false);
    if (!node) return;
    bool ok = node.IsSequence() && node.size() <= count_max;
    for (std::size_t i = 0; ok && i < node.size(); ++i) ok = node[i].IsScalar() && is_id(node[i].Scalar());
    if (!ok) {
      error(node.Mark(), std::string(key) + " must be a list of at most " + std::to_string(count_max) +
                             " names of A-Z a-z 0-9 . _ -");
      return;
    }
    for (const auto& item : node) values.push_back(item.Scalar());
  }

  void path_list(const YAML::Node& parent, const char* key, std::size_t count_max, std::vector<std::string>& values) {
    const auto node = get(parent, key, false);
    if (!node) return;
    bool ok = node.IsSequence() && node.size() >= 1 && node.size() <= count_max;
    for (std::size_t i = 0; ok && i < node.size(); ++i) ok = node[i].IsScalar() && !node[i].Scalar().empty();
    if (!ok)
      return error(node.Mark(), std::string(key) + " must be a list of 1 to " + std::to_string(count_max) + " files");
    for (const auto& item : node) values.push_back((folder_ / item.Scalar()).lexically_normal().string());
  }

  // A program with a slash in it that is not absolute lies beside the configuration file.
  void command(const YAML::Node& node, const std::string& name, CommandLine& command) {
    bool ok = node.IsSequence() && node.size() >= 1 && node.size() <= 64;
    for (std::size_t i = 0; ok && i < node.size(); ++i) ok = node[i].IsScalar();
    if (!ok || node[0].Scalar().empty()) {
      error(node.Mark(), name + " must be a list: [program, argument, ...]; no shell reads it");
      return;
    }
    for (const auto& item : node) command.push_back(item.Scalar());
    auto& program = command.front();
    if (program.front() != '/' && program.find('/') != std::string::npos)
      program = (folder_ / program).lexically_normal().string();
  }

 private:
  std::string path_;
  std::filesystem::path folder_;
  std::vector<std::string> errors_;
};

void read_broker(Reader& r, const YAML::Node& top, BrokerConfig& broker) {
  const auto node = r.get(top, "broker", true);
  if (!node || !r.mapping(node, "broker", {"host", "port", "ca", "cert", "key", "keepalive"})) return;
  r.text(
      node, "host", true, broker.host, [](const std::string& v) { return !v.empty() && v.size() <= 255; },
      "a host name or address");
  r.number<std::uint16_t>(node, "port", 1, 65535, broker.port);
  r.readable(node, "ca", broker.ca);
  r.readable(node, "cert", broker.cert);
  r.private_key(node, "key", broker.key);
  std::uint64_t keepalive_ms = std::uint64_t{broker.keepalive_s} * 1000;
  r.duration(node, "keepalive", 1000, 65535000, keepalive_ms);
  broker.keepalive_s = static_cast<std::uint32_t>(keepalive_ms / 1000);
}

void read_facts(Reader& r, const YAML::Node& top, Facts& facts) {
  const auto node = r.get(top, "facts", true);
  if (!node || !r.mapping(node, "facts",
                          {"class", "region", "site", "customer", "os_version", "memory_mb", "memory_tier", "tags",
                           "accelerators", "runtimes"})) {
    return;
  }
  r.id(node, "class", true, facts.device_class);
  r.id(node, "region", false, facts.region);
  r.id(node, "site", false, facts.site);
  r.id(node, "customer", false, facts.customer);
  r.id(node, "os_version", false, facts.os_version);
  r.id(node, "memory_tier", false, facts.memory_tier);
  r.number<std::uint32_t>(node, "memory_mb", 0, UINT32_MAX, facts.memory_mb);
  r.id_list(node, "tags", limits::tags_max, facts.tags);
  r.id_list(node, "accelerators", limits::accelerators_max, facts.accelerators);
  r.id_list(node, "runtimes", limits::runtimes_max, facts.runtimes);
}

void read_plane(Reader& r, const YAML::Node& node, const std::string& name, PlaneConfig& plane) {
  if (!r.mapping(node, "planes." + name, {"installer", "notify", "command", "timeout"})) return;
  std::string installer = "slot";
  r.text(
      node, "installer", true, installer, [](const std::string& v) { return v == "slot" || v == "exec"; },
      "slot or exec");
  plane.installer = installer == "exec" ? InstallerKind::exec : InstallerKind::slot;
  if (plane.installer == InstallerKind::exec) {
    plane.timeout_ms = exec_timeout_ms;
    if (const auto command = r.get(node, "command", true)) r.command(command, "command", plane.command);
    if (node["notify"])
      r.error(node["notify"].Mark(),
              "notify belongs to installer: slot; with exec the command itself tells the workload");
  } else {
    if (node["notify"]) r.command(node["notify"], "notify", plane.notify);
    if (node["command"]) r.error(node["command"].Mark(), "command belongs to installer: exec; with slot use notify");
  }
  r.duration(node, "timeout", 100, 86400000, plane.timeout_ms);
}

void read_planes(Reader& r, const YAML::Node& top, Config& config) {
  const auto node = r.get(top, "planes", true);
  if (!node || !r.mapping(node, "planes", {"firmware", "model", "config"})) return;
  if (node.size() == 0) r.error(node.Mark(), "planes must name at least one of firmware, model, config");
  for (std::size_t i = 0; i < plane_count; ++i) {
    const std::string name = wire::EnumNamePlane(static_cast<Plane>(i));
    const auto plane = node[name];
    if (plane) read_plane(r, plane, name, config.planes[i].emplace());
  }
}

void read_commands(Reader& r, const YAML::Node& top, Config& config) {
  if (const auto node = top["probes"]) {
    if (!node.IsMap()) {
      r.error(node.Mark(), "probes must be a mapping: name: [program, argument, ...]");
    } else {
      for (const auto& entry : node) {
        const auto name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
        if (!is_id(name)) r.error(entry.first.Mark(), "the name of a probe must be 1 to 64 of A-Z a-z 0-9 . _ -");
        r.command(entry.second, "probe " + name, config.probes[name]);
      }
    }
  }
  if (const auto node = top["workload"]; node && r.mapping(node, "workload", {"restart", "degraded", "normal"})) {
    if (node["restart"]) r.command(node["restart"], "restart", config.restart);
    if (node["degraded"]) r.command(node["degraded"], "degraded", config.degraded);
    if (node["normal"]) r.command(node["normal"], "normal", config.normal);
  }
}

void read_shadow(Reader& r, const YAML::Node& top, ShadowConfig& shadow) {
  const auto node = top["shadow"];
  if (!node || !r.mapping(node, "shadow", {"nice", "grace"})) return;
  r.number<std::uint32_t>(node, "nice", 0, 19, shadow.nice);
  r.duration(node, "grace", 0, 600000, shadow.grace_ms);
}

void read_slo(Reader& r, const YAML::Node& top, Config& config) {
  const auto node = top["slo_ms"];
  if (!node) return;
  double value = 0;
  const auto& digits = node.IsScalar() ? node.Scalar() : std::string();
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool ok = fault == std::errc{} && !digits.empty() && end == digits.data() + digits.size() &&
                  std::isfinite(value) && value > 0;
  if (!ok) r.error(node.Mark(), "slo_ms must be a number of milliseconds greater than 0");
  config.slo_ms = ok ? value : 0;
}

Config read(Reader& r, const YAML::Node& top) {
  Config config;
  if (!r.mapping(top, "the configuration",
                 {"device_id", "broker", "data_dir", "root", "facts", "statsd_socket", "health_interval", "backoff",
                  "slo_ms", "planes", "probes", "pipeline", "shadow", "workload"})) {
    return config;
  }
  r.id(top, "device_id", true, config.device_id);
  read_broker(r, top, config.broker);
  r.path(top, "data_dir", true, config.data_dir);
  r.path(top, "root", true, config.root);
  read_facts(r, top, config.facts);
  r.path(top, "statsd_socket", false, config.statsd_socket);
  if (config.statsd_socket.size() > socket_path_len_max) {
    r.error(top["statsd_socket"].Mark(),
            "statsd_socket is longer than a socket's path may be (" + std::to_string(socket_path_len_max) + ")");
  }
  r.duration(top, "health_interval", 200, 86400000, config.health_interval_ms);
  if (const auto node = top["backoff"]; node && r.mapping(node, "backoff", {"first", "max"})) {
    r.duration(node, "first", 10, 3600000, config.backoff_first_ms);
    r.duration(node, "max", 10, 86400000, config.backoff_max_ms);
    if (config.backoff_first_ms > config.backoff_max_ms)
      r.error(node.Mark(), "backoff.first is longer than backoff.max");
  }
  r.path_list(top, "pipeline", pipeline_files_max, config.pipeline);
  read_slo(r, top, config);
  read_planes(r, top, config);
  read_commands(r, top, config);
  read_shadow(r, top, config.shadow);
  return config;
}

}  // namespace

tl::expected<Config, Error> load_config(const std::string& path) {
  auto bytes = host::read_file(path, config_len_max);
  if (!bytes) return tl::unexpected(Error{ErrorKind::usage, "cannot read the configuration: " + bytes.error().message});
  Reader reader(path);
  Config config;
  try {
    config = read(reader, YAML::Load(std::string(bytes->begin(), bytes->end())));
  } catch (const YAML::Exception& problem) {
    reader.error(problem.mark, problem.msg);
  }
  if (reader.errors().empty()) return config;
  std::string all;
  for (const auto& line : reader.errors()) all += (all.empty() ? "" : "\n") + line;
  return tl::unexpected(Error{ErrorKind::usage, std::move(all)});
}

}  // namespace muster::edge
