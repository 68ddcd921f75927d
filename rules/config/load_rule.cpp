#include "rules/config/load_rule.h"

#include <algorithm>

#include "rules/config/fields.h"
#include "rules/config/guardrails.h"
#include "rules/config/waves.h"
#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::uint64_t halt_failed_devices_max = 1'000'000;
constexpr std::uint64_t unreachable_after_s_max = 30 * day_s;
constexpr std::uint64_t attempt_timeout_s_max = 30 * day_s;
constexpr std::uint64_t baseline_window_s_max = 30 * day_s;

// What the design has and this version does not do yet.
std::vector<LaterKey> later_rule_keys() {
  return {{"pace", "Until then a wave assigns all its devices at once: use more and smaller waves"}};
}
std::vector<LaterKey> later_rollback_keys() {
  return {{"keep_previous_for", "Until then a device keeps its previous release until the next one replaces it"}};
}

class RuleReader {
 public:
  explicit RuleReader(Problems& problems) : problems_(problems) {}

  Rule read(const YamlNode& document) {
    Fields fields(document, "a rule",
                  {"rollout", "seed", "targets", "versions", "order", "waves", "halt", "guardrails", "baseline_window",
                   "rollback", "unreachable_after", "attempt_timeout"},
                  problems_, later_rule_keys());
    if (const YamlNode* node = fields.require("rollout", "rollout: NAME")) {
      rule_.rollout = read_id(*node, "the name of a rollout", problems_).value_or("");
    }
    if (const YamlNode* node = fields.find("seed")) {
      rule_.seed = read_integer(*node, "seed", 0, UINT64_MAX, problems_).value_or(0);
    }
    if (const YamlNode* node =
            fields.require("targets", "targets: device.class == \"rk3566\", or targets: true for all devices")) {
      read_targets(*node);
    }
    if (const YamlNode* node = fields.require("versions", "versions: { model: NAME@VERSION }")) read_versions(*node);
    put_in_order(fields.find("order"));
    if (const YamlNode* node =
            fields.require("waves", "waves: [{ name: canary, percent: 10 }, { name: all, percent: 100 }]")) {
      rule_.waves = read_waves(*node, problems_);
    }
    if (const YamlNode* node = fields.find("halt")) read_halt(*node);
    if (const YamlNode* node = fields.find("guardrails")) {
      rule_.guardrails = read_guardrails(*node, rule_.waves, problems_);
    }
    if (const YamlNode* node = fields.find("baseline_window")) read_baseline_window(*node, fields.has("guardrails"));
    if (const YamlNode* node = fields.find("rollback")) read_rollback(*node);
    read_times(fields);
    return std::move(rule_);
  }

 private:
  void read_targets(const YamlNode& node) {
    auto targets = read_condition(node, "targets", target_vocabulary(), problems_);
    if (!targets) return;
    rule_.targets_text = std::move(targets->text);
    rule_.targets = std::move(targets->program);
  }

  void read_versions(const YamlNode& node) {
    Fields fields(node, "versions", {"firmware", "model", "config"}, problems_);
    if (!fields.is_map()) return;
    if (node.entries.empty()) {
      problems_.add(node, "versions is empty", "at least one plane: versions: { model: NAME@VERSION }");
    }
    for (const Plane plane : {Plane::firmware, Plane::model, Plane::config}) {
      if (fields.has(name_of(plane))) named_[static_cast<std::size_t>(plane)] = true;
      const YamlNode* value = fields.find(name_of(plane));
      if (value == nullptr) continue;
      auto ref = read_release_ref(*value, name_of(plane), problems_);
      if (ref) rule_.versions.push_back({plane, std::move(ref->name), std::move(ref->version)});
    }
  }

  // Without `order`, what others need comes first: firmware, model, config.
  void put_in_order(const YamlNode* node) {
    if (node == nullptr) return;
    const auto* items = read_list(*node, "order", 1, plane_count, problems_);
    if (items == nullptr) return;
    std::vector<Plane> order;
    bool sound = true;
    for (const YamlNode& item : *items) {
      const auto plane = read_plane(item, "order", problems_);
      sound = sound && plane.has_value();
      if (!plane) continue;
      if (std::find(order.begin(), order.end(), *plane) != order.end()) {
        problems_.add(item, std::string(name_of(*plane)) + " is in order twice", "each plane once");
      } else if (!named_[static_cast<std::size_t>(*plane)]) {
        problems_.add(item, "order names " + std::string(name_of(*plane)) + ", which is not in versions",
                      "only planes that versions names; add it there, or remove it here");
      }
      order.push_back(*plane);
    }
    if (sound) require_all_planes(*node, order);
    const auto place = [&order](Plane plane) { return std::find(order.begin(), order.end(), plane) - order.begin(); };
    std::stable_sort(rule_.versions.begin(), rule_.versions.end(),
                     [&](const VersionChoice& a, const VersionChoice& b) { return place(a.plane) < place(b.plane); });
  }

  void require_all_planes(const YamlNode& node, const std::vector<Plane>& order) {
    for (const Plane plane : {Plane::firmware, Plane::model, Plane::config}) {
      const bool ordered = std::find(order.begin(), order.end(), plane) != order.end();
      if (ordered || !named_[static_cast<std::size_t>(plane)]) continue;
      problems_.add(node, "order leaves out " + std::string(name_of(plane)), "every plane that versions names");
    }
  }

  void read_halt(const YamlNode& node) {
    Fields fields(node, "halt", {"failed_devices"}, problems_);
    if (const YamlNode* count = fields.require("failed_devices", "failed_devices: 1, or leave halt out")) {
      const auto read = read_integer(*count, "failed_devices", 1, halt_failed_devices_max, problems_);
      rule_.halt_failed_devices = static_cast<std::uint32_t>(read.value_or(1));
    }
  }

  void read_rollback(const YamlNode& node) {
    Fields fields(node, "rollback", {"first", "on_abort"}, problems_, later_rollback_keys());
    if (const YamlNode* first = fields.find("first")) read_rollback_first(*first);
    if (const YamlNode* window = fields.find("keep_previous_for")) {
      (void)read_duration_s(*window, "keep_previous_for", 0, 3650 * day_s, problems_);
    }
    if (const YamlNode* on_abort = fields.find("on_abort")) {
      const auto choice = read_choice(*on_abort, "on_abort", {"keep", "revert"}, problems_);
      rule_.on_abort = choice.value_or(0) == 1 ? AbortDefault::revert : AbortDefault::keep;
    }
  }

  void read_rollback_first(const YamlNode& node) {
    rule_.rollback_first = read_plane(node, "first", problems_);
    if (!rule_.rollback_first || named_[static_cast<std::size_t>(*rule_.rollback_first)]) return;
    problems_.add(node, "first names " + std::string(name_of(*rule_.rollback_first)) + ", which is not in versions",
                  "a plane that versions names");
  }

  void read_baseline_window(const YamlNode& node, bool guarded) {
    rule_.baseline_window_s =
        read_duration_s(node, "baseline_window", 0, baseline_window_s_max, problems_).value_or(rule_.baseline_window_s);
    const bool unreadable = guarded && rule_.guardrails.empty();
    const bool compared = std::any_of(rule_.guardrails.begin(), rule_.guardrails.end(),
                                      [](const Guardrail& g) { return g.against != Against::absolute; });
    if (compared || unreadable) return;
    problems_.add(node, "no guardrail compares with what was before the update",
                  "baseline_window removed, or a guardrail against: baseline or control");
  }

  void read_times(const Fields& fields) {
    if (const YamlNode* node = fields.find("unreachable_after")) {
      rule_.unreachable_after_s = read_duration_s(*node, "unreachable_after", 1, unreachable_after_s_max, problems_)
                                      .value_or(rule_.unreachable_after_s);
    }
    if (const YamlNode* node = fields.find("attempt_timeout")) {
      rule_.attempt_timeout_s = read_duration_s(*node, "attempt_timeout", 1, attempt_timeout_s_max, problems_)
                                    .value_or(rule_.attempt_timeout_s);
    }
  }

  Problems& problems_;
  Rule rule_;
  bool named_[plane_count] = {};  // in versions, readable or not
};

}  // namespace

LoadedRule load_rule(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedRule loaded;
  if (const auto document = read_yaml(problems)) {
    Rule rule = RuleReader(problems).read(*document);
    if (!problems.any()) loaded.rule = std::move(rule);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
