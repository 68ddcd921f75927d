#include "rules/config/load_rule.h"

#include <algorithm>

#include "rules/condition/did_you_mean.h"
#include "rules/config/fields.h"
#include "rules/config/guardrails.h"
#include "rules/config/times.h"
#include "rules/config/waves.h"
#include "rules/engine/readings.h"

namespace muster::rules {

namespace {

class RuleReader {
 public:
  explicit RuleReader(Problems& problems) : problems_(problems) {}

  Rule read(const YamlNode& document, LoadedRule& loaded) {
    Fields fields(document, keys::rule, problems_);
    rule_.rollout = fields.id("rollout");
    rule_.seed = fields.integer("seed");
    rule_.priority = fields.integer32("priority");
    put_lines(fields, {{"priority", Clause::priority},
                       {"pace", Clause::pace},
                       {"retry", Clause::retry},
                       {"windows", Clause::windows},
                       {"baseline_window", Clause::baseline_window},
                       {"attempt_timeout", Clause::attempt_timeout}});
    if (auto targets = fields.condition("targets")) {
      rule_.targets_text = std::move(targets->text);
      rule_.targets = std::move(targets->program);
    }
    if (const YamlNode* node = fields.value("versions")) read_versions(*node);
    put_in_order(fields);
    ReadWaves waves = read_waves(fields, document, problems_);
    rule_.waves = std::move(waves.waves);
    for (std::size_t i = 0; i < waves.lines.size(); ++i) {
      lines_.put(Clause::wave, i, waves.lines[i].wave);
      lines_.put(Clause::gate, i, waves.lines[i].gate);
    }
    loaded.preset = std::move(waves.preset);
    rule_.shadow = fields.flag("shadow") || waves.shadow;
    if (const YamlNode* node = fields.find("halt")) read_halt(*node);
    if (const YamlNode* node = fields.find("pace")) read_pace(*node);
    if (const YamlNode* node = fields.find("retry")) rule_.retry = read_retry(*node, problems_);
    rule_.windows = read_windows(fields, problems_);
    if (const YamlNode* node = fields.find("utc_offset")) read_offset(*node, fields.has("windows"));
    if (const YamlNode* node = fields.find("guardrails")) {
      rule_.guardrails = read_guardrails(*node, rule_.waves, problems_);
      for (std::size_t i = 0; i < node->items.size(); ++i)
        lines_.put(Clause::guardrail, i, problems_.line_of(node->items[i]));
    }
    if (rule_.shadow) check_shadow(fields, document);
    read_baseline_window(fields);
    if (const YamlNode* node = fields.find("rollback")) read_rollback(*node);
    rule_.unreachable_after_s = fields.duration_s("unreachable_after");
    rule_.attempt_timeout_s = fields.duration_s("attempt_timeout");
    loaded.lines = std::move(lines_);
    return std::move(rule_);
  }

 private:
  // Of the keys that are there.
  void put_lines(const Fields& fields, std::initializer_list<std::pair<std::string_view, Clause>> keys) {
    for (const auto& [key, clause] : keys) {
      if (const auto line = fields.line_of(key); line != 0) lines_.put(clause, line);
    }
  }

  void read_versions(const YamlNode& node) {
    Fields fields(node, keys::versions, problems_);
    if (!fields.is_map()) return;
    if (node.entries.empty()) {
      problems_.add(node, "versions is empty", "at least one plane: versions: { model: NAME@VERSION }");
    }
    for (const Plane plane : {Plane::firmware, Plane::model, Plane::config}) {
      if (fields.has(name_of(plane))) named_[static_cast<std::size_t>(plane)] = true;
      auto ref = fields.release(name_of(plane));
      if (ref) rule_.versions.push_back({plane, std::move(ref->name), std::move(ref->version)});
    }
  }

  // Without `order`, what others need comes first: firmware, model, config.
  void put_in_order(Fields& fields) {
    const auto* items = fields.list("order");
    if (items == nullptr) return;
    std::vector<Plane> order;
    bool sound = true;
    for (const YamlNode& item : *items) {
      const auto word = read_word(item, key_of(keys::rule, "order"), problems_);
      sound = sound && word.has_value();
      if (!word) continue;
      const auto plane = static_cast<Plane>(*word);
      if (std::find(order.begin(), order.end(), plane) != order.end()) {
        problems_.add(item, std::string(name_of(plane)) + " is in order twice", "each plane once");
      } else if (!named_[*word]) {
        problems_.add(item, "order names " + std::string(name_of(plane)) + ", which is not in versions",
                      "only planes that versions names; add it there, or remove it here");
      }
      order.push_back(plane);
    }
    if (sound) require_all_planes(*fields.find("order"), order);
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
    Fields fields(node, keys::halt, problems_);
    require_any(node, fields, keys::halt);
    put_lines(fields, {{"failed_devices", Clause::failed_devices},
                       {"failed_percent", Clause::failed_percent},
                       {"failed_in_a_row", Clause::failed_in_a_row}});
    rule_.halt_failed_devices = fields.integer32("failed_devices");
    rule_.halt_failed_ppm = fields.percentage_ppm("failed_percent");
    rule_.halt_failed_in_a_row = fields.integer32("failed_in_a_row");
  }

  void read_pace(const YamlNode& node) {
    Fields fields(node, keys::pace, problems_);
    require_any(node, fields, keys::pace);
    rule_.pace.per_minute = fields.integer32("per_minute");
    rule_.pace.per_site = fields.integer32("per_site");
    rule_.pace.at_once = fields.integer32("at_once");
    rule_.pace.jitter_s = static_cast<std::uint32_t>(fields.duration_s("jitter"));
  }

  void read_offset(const YamlNode& node, bool has_windows) {
    rule_.utc_offset_min = read_utc_offset(node, "utc_offset", problems_).value_or(0);
    if (!has_windows)
      problems_.add(node, "no windows that devices are judged by", "windows beside it, or utc_offset removed");
  }

  // What makes no sense where nothing is switched, and what would never come to a verdict.
  void check_shadow(const Fields& fields, const YamlNode& document) {
    if (const auto* node = fields.find("priority"); node != nullptr && rule_.priority != 0)
      problems_.add(*node, "'priority' of a shadow, which takes no device from another rollout", "remove it");
    for (const Guardrail& guardrail : rule_.guardrails) {
      if (guardrail.metric != delegate_metric) continue;
      problems_.add(*fields.find("guardrails"),
                    "guardrail " + guardrail.name +
                        " judges delegate_active, which no summary says of a shadow: every device would vote against",
                    "what the shadow measures, such as p95_ms");
    }
    for (const Wave& wave : rule_.waves) {
      const auto& node = fields.find("waves") != nullptr ? *fields.find("waves") : document;
      if (wave.hold != HoldPoint::none)
        problems_.add(node, "'hold' in wave " + wave.name + " of a shadow, which switches nothing", "remove it");
      if (wave.rehearse)
        problems_.add(node, "a shadow with a rehearsal: it switches nothing, and nothing goes back", "one of them");
      if (wave.soak_s == 0)
        problems_.add(node, "wave " + wave.name + " of a shadow has no soak, and runs it for no time", "soak: 1h");
      for (const Guardrail& guardrail : rule_.guardrails) {
        if (wave.soak_s == 0 || guardrail.observe_s < wave.soak_s) continue;
        problems_.add(*fields.find("guardrails"),
                      "guardrail " + guardrail.name + " observes " + duration_as_written(guardrail.observe_s * 1000) +
                          ", and the shadow of wave " + wave.name + " has gone by then",
                      "observe: less than its soak of " + duration_as_written(wave.soak_s * 1000));
        return;
      }
    }
  }

  // A map without any of its keys would look like a limit and be none.
  void require_any(const YamlNode& node, const Fields& fields, const Section& section) {
    const auto& names = section.at_least_one;
    const bool any = std::any_of(names.begin(), names.end(), [&](std::string_view name) { return fields.has(name); });
    if (any || !fields.is_map() || !node.entries.empty()) return;
    problems_.add(node, std::string(section.what) + " is empty",
                  either_of({names.begin(), names.end()}) + ", or the key removed");
  }

  void read_rollback(const YamlNode& node) {
    Fields fields(node, keys::rollback, problems_);
    put_lines(fields, {{"on_abort", Clause::on_abort}, {"keep_previous_for", Clause::keep_previous_for}});
    if (const YamlNode* first = fields.find("first")) read_rollback_first(*first);
    rule_.keep_previous_for_s = fields.duration_s("keep_previous_for");
    if (rule_.shadow && rule_.keep_previous_for_s != 0) {
      problems_.add(*fields.find("keep_previous_for"),
                    "'keep_previous_for' of a shadow, which switches nothing: there is no way back", "remove it");
    }
    rule_.on_abort = static_cast<AbortDefault>(fields.word("on_abort"));
  }

  void read_rollback_first(const YamlNode& node) {
    const auto word = read_word(node, key_of(keys::rollback, "first"), problems_);
    if (!word) return;
    rule_.rollback_first = static_cast<Plane>(*word);
    if (named_[*word]) return;
    problems_.add(node, "first names " + std::string(name_of(*rule_.rollback_first)) + ", which is not in versions",
                  "a plane that versions names");
  }

  void read_baseline_window(Fields& fields) {
    rule_.baseline_window_s = fields.duration_s("baseline_window");
    const YamlNode* node = fields.find("baseline_window");
    const bool unreadable = fields.has("guardrails") && rule_.guardrails.empty();
    const bool compared = std::any_of(rule_.guardrails.begin(), rule_.guardrails.end(),
                                      [](const Guardrail& g) { return g.against != Against::absolute; });
    if (node == nullptr || compared || unreadable) return;
    problems_.add(*node, "no guardrail compares with what was before the update",
                  "baseline_window removed, or a guardrail against: baseline or control");
  }

  Problems& problems_;
  Rule rule_;
  RuleLines lines_;
  bool named_[plane_count] = {};  // in versions, readable or not
};

}  // namespace

LoadedRule load_rule(std::string_view text, const std::string& file) {
  Problems problems(without_bom(text), file);
  LoadedRule loaded;
  if (const auto document = read_yaml(problems)) {
    Rule rule = RuleReader(problems).read(*document, loaded);
    if (!problems.any()) loaded.rule = std::move(rule);
  }
  loaded.diagnostics = problems.take();
  return loaded;
}

}  // namespace muster::rules
