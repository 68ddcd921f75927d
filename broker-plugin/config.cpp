#include "broker-plugin/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "host/files.h"
#include "rules/config/load_rule.h"
#include "schemas/ids.h"

namespace muster::broker {
namespace {

constexpr std::size_t file_len_max = 1u << 20;
constexpr std::size_t operators_max = 1000;
constexpr std::string_view top_keys =
    "data_dir, control_key, root_chain, operators, required_policies, release_states, keep_retired_for, "
    "assignment_valid_for, limits, other_topics";
constexpr std::string_view policy_keys = "policy, version, planes, classes, sha256";
constexpr std::string_view limit_keys = "queue_records, chunk_window, chunk_bytes_per_s, devices, evidence_mb";

// Reads one document; mistakes are collected with their places.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)), folder_(path_.substr(0, path_.rfind('/') + 1)) {}

  tl::expected<Config, Error> read(const std::string& text) {
    YAML::Node root;
    try {
      root = YAML::Load(text);
    } catch (const YAML::Exception& wrong) {
      mistake(wrong.mark, "not valid YAML: " + wrong.msg);
      return failure();
    }
    if (!root.IsMap()) {
      mistake(root.Mark(), "expected a mapping with the keys " + std::string(top_keys));
      return failure();
    }
    for (const auto& entry : root) read_top(entry.first, entry.second);
    for (const auto& [name, value] :
         {std::pair{"data_dir", &config_.data_dir}, std::pair{"control_key", &config_.control_key},
          std::pair{"root_chain", &config_.root_chain}}) {
      if (value->empty() && !root[name]) mistake(root.Mark(), std::string(name) + " is missing");
    }
    if (!mistakes_.empty()) return failure();
    return std::move(config_);
  }

 private:
  void mistake(const YAML::Mark& mark, const std::string& what) {
    mistakes_.push_back(path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " +
                        what);
  }

  tl::unexpected<Error> failure() const {
    auto message = mistakes_.front();
    if (mistakes_.size() > 1)
      message += " (and " + std::to_string(mistakes_.size() - 1) + " more mistakes in this file)";
    return tl::unexpected(Error{ErrorKind::usage, std::move(message)});
  }

  // An empty text, and a mistake, for what is no scalar.
  std::string text_of(const YAML::Node& node, const std::string& what) {
    if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
    mistake(node.Mark(), what + " must be a text");
    return {};
  }

  std::string path_of(const YAML::Node& node, const std::string& what) {
    auto text = text_of(node, what);
    if (text.empty() || text.front() == '/') return text;
    return folder_ + text;
  }

  void read_top(const YAML::Node& key_node, const YAML::Node& value) {
    const auto key = key_node.IsScalar() ? key_node.Scalar() : std::string();
    if (!seen_.insert({key, true}).second) return mistake(key_node.Mark(), "'" + key + "' stands here a second time");
    if (key == "data_dir") {
      config_.data_dir = path_of(value, key);
    } else if (key == "control_key") {
      config_.control_key = path_of(value, key);
    } else if (key == "root_chain") {
      config_.root_chain = path_of(value, key);
    } else if (key == "operators") {
      read_operators(value);
    } else if (key == "required_policies") {
      read_policies(value);
    } else if (key == "assignment_valid_for") {
      read_seconds(value, key, 3600, "1h", "365d", config_.assignment_valid_for_s);
    } else if (key == "keep_retired_for") {
      read_seconds(value, key, 0, "0s", "90d", config_.keep_retired_for_s);
    } else if (key == "release_states") {
      const auto choice = value.IsScalar() ? value.Scalar() : std::string();
      config_.release_states_required = choice == "required";
      if (choice != "required" && choice != "off") mistake(value.Mark(), "release_states must be required or off");
    } else if (key == "limits") {
      read_limits(value);
    } else if (key == "other_topics") {
      const auto choice = text_of(value, key);
      config_.allow_other_topics = choice == "allow";
      if (choice != "allow" && choice != "defer") mistake(value.Mark(), "other_topics must be defer or allow");
    } else {
      mistake(key_node.Mark(), "unknown key '" + key + "'; known are " + std::string(top_keys));
    }
  }

  void read_operators(const YAML::Node& node) {
    if (node.IsNull()) return;
    if (!node.IsMap())
      return mistake(node.Mark(), "operators must map usernames to lists of roles, as in alice: [view, operate]");
    if (node.size() > operators_max)
      return mistake(node.Mark(), "at most " + std::to_string(operators_max) + " operators");
    for (const auto& entry : node) {
      const auto name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      if (!is_id(name)) {
        mistake(entry.first.Mark(), "'" + name + "' cannot be an operator: 1-64 of A-Z a-z 0-9 . _ -");
        continue;
      }
      if (config_.operators.contains(name))
        mistake(entry.first.Mark(), "operator '" + name + "' stands here a second time");
      config_.operators[name] = roles_of(entry.second, name);
    }
  }

  Roles roles_of(const YAML::Node& node, const std::string& name) {
    Roles roles;
    if (!node.IsSequence() || node.size() == 0) {
      mistake(node.Mark(), "operator '" + name + "' needs a list of roles: view, operate, approve");
      return roles;
    }
    for (const auto& role_node : node) {
      const auto role = role_node.IsScalar() ? role_node.Scalar() : std::string();
      if (role == "view") {
        roles.view = true;
      } else if (role == "operate") {
        roles.operate = true;
      } else if (role == "approve") {
        roles.approve = true;
      } else {
        mistake(role_node.Mark(), "unknown role '" + role + "'; roles are view, operate, approve");
      }
    }
    return roles;
  }

  void read_policies(const YAML::Node& node) {
    if (node.IsNull()) return;
    if (!node.IsSequence() || node.size() > limits::required_policies_max) {
      return mistake(node.Mark(), "required_policies must be a list of at most " +
                                      std::to_string(limits::required_policies_max) +
                                      " maps, as in - { policy: readiness, version: 1, planes: [model] }");
    }
    for (const auto& each : node) {
      if (!each.IsMap()) {
        mistake(each.Mark(), "a required policy must be a map with the keys " + std::string(policy_keys));
        continue;
      }
      config_.required_policies.push_back(policy_of(each));
      const auto& added = config_.required_policies.back();
      for (const auto& other : config_.required_policies) {
        if (!exclude_each_other(added, other)) continue;
        mistake(each.Mark(), "no release can carry both " + other.policy + " and " + added.policy +
                                 ": give them planes or classes that do not overlap");
      }
    }
  }

  RequiredPolicy policy_of(const YAML::Node& node) {
    RequiredPolicy required;
    std::map<std::string, bool> seen;
    if (!node["policy"]) mistake(node.Mark(), "a required policy needs its name, as in policy: readiness");
    for (const auto& entry : node) {
      const auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      if (!seen.insert({key, true}).second) mistake(entry.first.Mark(), "'" + key + "' stands here a second time");
      if (key == "policy") {
        required.policy = entry.second.IsScalar() ? entry.second.Scalar() : std::string();
        if (!is_id(required.policy))
          mistake(entry.second.Mark(), "policy must be the name of one: 1-64 of A-Z a-z 0-9 . _ -");
      } else if (key == "version") {
        read_number(entry.second, key, 1, UINT32_MAX, required.version_min);
      } else if (key == "planes") {
        for (const auto& text : texts_of(entry.second, key)) {
          const auto plane = rules::plane_from(text);
          if (!plane) mistake(entry.second.Mark(), "'" + text + "' is no plane: firmware, model or config");
          if (plane) required.planes.push_back(*plane);
        }
      } else if (key == "classes") {
        required.classes = texts_of(entry.second, key);
        for (const auto& text : required.classes) {
          if (!is_id(text)) mistake(entry.second.Mark(), "'" + text + "' cannot be a device class");
        }
      } else if (key == "sha256") {
        for (const auto& text : texts_of(entry.second, key)) {
          Sha256 digest;
          if (!parse_hex(text, digest)) mistake(entry.second.Mark(), "sha256 must be 64 hexadecimal digits each");
          required.digests.push_back(digest);
        }
      } else {
        mistake(entry.first.Mark(), "unknown key '" + key + "'; known are " + std::string(policy_keys));
      }
    }
    return required;
  }

  // A list of 1 to 32 texts.
  std::vector<std::string> texts_of(const YAML::Node& node, const std::string& what) {
    std::vector<std::string> texts;
    if (!node.IsSequence() || node.size() == 0 || node.size() > limits::classes_max) {
      mistake(node.Mark(), what + " must be a list of 1 to " + std::to_string(limits::classes_max) + " texts");
      return texts;
    }
    for (const auto& each : node) texts.push_back(text_of(each, "each of " + what));
    return texts;
  }

  // A duration up to ten years.
  void read_seconds(const YAML::Node& node, const std::string& key, std::uint64_t least_s, const std::string& least,
                    const std::string& example, std::uint64_t& into) {
    const auto text = text_of(node, key);
    if (text.empty()) return;
    std::uint64_t ms = 0;
    if (!rules::parse_duration_ms(text, ms) || ms < least_s * 1000 || ms > std::uint64_t{3650} * 24 * 3600 * 1000) {
      return mistake(node.Mark(), key + " must be a duration from " + least + " to 3650d, as in " + example + "; '" +
                                      text + "' is none");
    }
    into = ms / 1000;
  }

  void read_limits(const YAML::Node& node) {
    if (!node.IsMap()) return mistake(node.Mark(), "limits must be a mapping with the keys " + std::string(limit_keys));
    for (const auto& entry : node) {
      const auto key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
      auto& limits = config_.limits;
      if (key == "queue_records") {
        read_number(entry.second, key, 64, 1u << 24, limits.queue_records);
      } else if (key == "chunk_window") {
        read_number(entry.second, key, 1, limits::chunk_window_max, limits.chunk_window);
      } else if (key == "chunk_bytes_per_s") {
        read_number(entry.second, key, 0, std::uint64_t{1} << 40, limits.chunk_bytes_per_s);
      } else if (key == "devices") {
        read_number(entry.second, key, 1, 10000000, limits.devices);
      } else if (key == "evidence_mb") {
        read_number(entry.second, key, 0, std::uint64_t{1} << 20, limits.evidence_mb);
      } else {
        mistake(entry.first.Mark(), "unknown key '" + key + "'; known are " + std::string(limit_keys));
      }
    }
  }

  template <typename Number>
  void read_number(const YAML::Node& node, const std::string& key, std::uint64_t least, std::uint64_t most,
                   Number& into) {
    std::uint64_t value = 0;
    const bool digits =
        node.IsScalar() && !node.Scalar().empty() && node.Scalar().size() <= 18 &&
        std::all_of(node.Scalar().begin(), node.Scalar().end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) value = std::stoull(node.Scalar());
    if (!digits || value < least || value > most) {
      return mistake(node.Mark(),
                     key + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    into = static_cast<Number>(value);
  }

  std::string path_, folder_;
  Config config_;
  std::map<std::string, bool> seen_;
  std::vector<std::string> mistakes_;
};

}  // namespace

tl::expected<Config, Error> load_config(const std::string& path) {
  auto bytes = host::read_file(path, file_len_max);
  if (!bytes) return tl::unexpected(std::move(bytes.error()).with_context("reading the configuration"));
  try {
    return Reader(path).read(std::string(bytes->begin(), bytes->end()));
  } catch (const YAML::Exception& wrong) {
    return tl::unexpected(Error{ErrorKind::usage, path + ": " + wrong.what()});
  }
}

std::string apply_reload(Config& current, const Config& next) {
  std::string refused;
  const auto refuse_if = [&refused](bool differs, std::string_view name) {
    if (!differs) return;
    if (!refused.empty()) refused += ", ";
    refused += name;
  };
  refuse_if(next.data_dir != current.data_dir, "data_dir");
  refuse_if(next.control_key != current.control_key, "control_key");
  refuse_if(next.root_chain != current.root_chain, "root_chain");
  refuse_if(next.assignment_valid_for_s != current.assignment_valid_for_s, "assignment_valid_for");
  refuse_if(next.allow_other_topics != current.allow_other_topics, "other_topics");
  current.operators = next.operators;
  current.limits = next.limits;
  current.required_policies = next.required_policies;
  current.release_states_required = next.release_states_required;
  current.keep_retired_for_s = next.keep_retired_for_s;
  return refused;
}

}  // namespace muster::broker
