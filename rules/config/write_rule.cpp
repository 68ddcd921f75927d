#include "rules/config/write_rule.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "rules/config/guardrails.h"
#include "rules/config/keys.h"
#include "rules/config/load_rule.h"
#include "rules/config/percent.h"
#include "rules/config/times.h"
#include "rules/engine/readings.h"

namespace muster::rules {

namespace {

constexpr double whole_ppm = 1'000'000;

// A text in quote marks: single ones where they can hold it, because conditions are full of double ones.
std::string quoted_text(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; });
  std::string quoted(1, plain ? '\'' : '"');
  for (const char c : text) {
    if (plain) {
      quoted += c == '\'' ? "''" : std::string(1, c);
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + quoted.front();
}

// An id or a release as it stands, unless YAML would take it for something else.
std::string name_text(std::string_view name) {
  const bool is_null = name == "null" || name == "Null" || name == "NULL";
  return is_null || name.front() == '-' ? quoted_text(name) : std::string(name);
}

std::string seconds_text(std::uint64_t seconds) {
  return duration_as_written(seconds * 1000);
}

std::string percentage_text(double share) {
  return percent_text(static_cast<std::uint64_t>(std::llround(share * whole_ppm))) + "%";
}

std::string number_text(double number) {
  char digits[64];
  const auto written = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed);
  return {digits, written.ptr};
}

// { key: value, … }
class FlowMap {
 public:
  void add(std::string_view key, const std::string& value) {
    text_ += (text_.empty() ? "{ " : ", ") + std::string(key) + ": " + value;
  }
  [[nodiscard]] std::string text() const { return text_ + " }"; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

std::string list_text(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "[" : ", ") + item;
  return text + "]";
}

std::string wave_text(const Wave& wave) {
  FlowMap map;
  map.add("name", name_text(wave.name));
  if (wave.percent != 0) {
    map.add("percent", std::to_string(wave.percent));
  } else if (wave.devices != 0) {
    map.add("devices", std::to_string(wave.devices));
  } else {
    map.add("ring", quoted_text(wave.ring_text));
  }
  map.add("gate", std::string(key_of(keys::wave, "gate").words[static_cast<std::size_t>(wave.gate)]));
  if (wave.approvers != 1) map.add("approvers", std::to_string(wave.approvers));
  map.add("soak", seconds_text(wave.soak_s));
  if (wave.hold != HoldPoint::none) map.add("hold", std::string(name_of(wave.hold)));
  if (wave.rehearse) map.add("rehearse", "true");
  return map.text();
}

void add_limit(const Guardrail& guardrail, FlowMap& map) {
  if (guardrail.metric == delegate_metric) return;
  if (guardrail.against != Against::absolute) {
    map.add("against", std::string(name_of(guardrail.against)));
    map.add(guardrail.lower_is_worse ? "max_decrease" : "max_increase", percentage_text(guardrail.limit));
  } else if (guardrail.metric == name_of(Reading::thermal)) {
    map.add("max", std::string(thermal_word(guardrail.limit)));
  } else {
    map.add(guardrail.lower_is_worse ? "min" : "max", number_text(guardrail.limit));
  }
}

std::string guardrail_text(const Guardrail& guardrail) {
  const Guardrail usual;
  FlowMap map;
  map.add("name", name_text(guardrail.name));
  if (guardrail.when_text.empty()) {
    map.add("metric", name_text(guardrail.metric));
    add_limit(guardrail, map);
  } else {
    map.add("when", quoted_text(guardrail.when_text));
  }
  if (guardrail.tolerate_ppm != usual.tolerate_ppm) map.add("tolerate", percent_text(guardrail.tolerate_ppm) + "%");
  if (guardrail.error_ppm != usual.error_ppm) {
    map.add("confidence", percent_text(static_cast<std::uint64_t>(whole_ppm) - guardrail.error_ppm) + "%");
  }
  std::vector<std::string> by;
  for (const auto& key : guardrail.by) by.push_back(name_of(key));
  if (!by.empty()) map.add("by", list_text(by));
  if (guardrail.on_fail != usual.on_fail) map.add("on_fail", std::string(name_of(guardrail.on_fail)));
  if (guardrail.observe_s != usual.observe_s) map.add("observe", seconds_text(guardrail.observe_s));
  if (guardrail.silent_after_s != usual.silent_after_s) map.add("silent_after", seconds_text(guardrail.silent_after_s));
  if (guardrail.advance_after_s != usual.advance_after_s)
    map.add("on_inconclusive", "{ advance_after: " + seconds_text(guardrail.advance_after_s) + " }");
  return map.text();
}

std::string versions_text(const Rule& rule) {
  std::string text = "versions:\n";
  std::vector<std::string> order;
  bool usual = true;
  for (const VersionChoice& version : rule.versions) {
    usual = usual && (order.empty() || rule.versions[order.size() - 1].plane < version.plane);
    order.emplace_back(name_of(version.plane));
    text += "  " + order.back() + ": " + name_text(version.name + "@" + version.version) + "\n";
  }
  return usual ? text : text + "order: " + list_text(order) + "\n";
}

std::string line(std::string_view key, const std::string& value) {
  return std::string(key) + ": " + value + "\n";
}

std::string halt_text(const Rule& rule) {
  const Rule usual;
  if (rule.halt_failed_devices == usual.halt_failed_devices && rule.halt_failed_ppm == usual.halt_failed_ppm &&
      rule.halt_failed_in_a_row == usual.halt_failed_in_a_row)
    return {};
  FlowMap map;
  if (rule.halt_failed_devices != 0) map.add("failed_devices", std::to_string(rule.halt_failed_devices));
  if (rule.halt_failed_ppm != 0) map.add("failed_percent", percent_text(rule.halt_failed_ppm) + "%");
  if (rule.halt_failed_in_a_row != 0) map.add("failed_in_a_row", std::to_string(rule.halt_failed_in_a_row));
  return line("halt", map.text());
}

std::string pace_text(const Pace& pace) {
  FlowMap map;
  if (pace.per_minute != 0) map.add("per_minute", std::to_string(pace.per_minute));
  if (pace.per_site != 0) map.add("per_site", std::to_string(pace.per_site));
  if (pace.at_once != 0) map.add("at_once", std::to_string(pace.at_once));
  if (pace.jitter_s != 0) map.add("jitter", seconds_text(pace.jitter_s));
  return map.empty() ? std::string() : line("pace", map.text());
}

std::string times_text(const Rule& rule) {
  std::string text = rule.retry == Retry() ? std::string() : line("retry", retry_as_written(rule.retry));
  if (rule.windows.empty()) return text;
  text += "windows:\n";
  for (const Window& window : rule.windows) text += "  - " + window_as_written(window) + "\n";
  return rule.utc_offset_min == 0 ? text
                                  : text + line("utc_offset", '"' + zone_text(zone_of(rule.utc_offset_min)) + '"');
}

}  // namespace

std::string write_rule(const Rule& rule) {
  const Rule usual;
  std::string text = line("rollout", name_text(rule.rollout));
  if (rule.seed != usual.seed) text += line("seed", std::to_string(rule.seed));
  if (rule.priority != usual.priority) text += line("priority", std::to_string(rule.priority));
  text += line("targets", rule.targets_text == "true" ? rule.targets_text : quoted_text(rule.targets_text));
  text += versions_text(rule) + (rule.shadow ? line("shadow", "true") : "") + "waves:\n";
  for (const Wave& wave : rule.waves) text += "  - " + wave_text(wave) + "\n";
  text += halt_text(rule) + pace_text(rule.pace) + times_text(rule);
  if (!rule.guardrails.empty()) text += "guardrails:\n";
  for (const Guardrail& guardrail : rule.guardrails) text += "  - " + guardrail_text(guardrail) + "\n";
  if (rule.baseline_window_s != usual.baseline_window_s)
    text += line("baseline_window", seconds_text(rule.baseline_window_s));
  FlowMap rollback;
  if (rule.rollback_first) rollback.add("first", std::string(name_of(*rule.rollback_first)));
  if (rule.on_abort != usual.on_abort) {
    rollback.add("on_abort",
                 std::string(key_of(keys::rollback, "on_abort").words[static_cast<std::size_t>(rule.on_abort)]));
  }
  if (rule.keep_previous_for_s != usual.keep_previous_for_s)
    rollback.add("keep_previous_for", seconds_text(rule.keep_previous_for_s));
  if (!rollback.empty()) text += line("rollback", rollback.text());
  if (rule.unreachable_after_s != usual.unreachable_after_s)
    text += line("unreachable_after", seconds_text(rule.unreachable_after_s));
  if (rule.attempt_timeout_s != usual.attempt_timeout_s)
    text += line("attempt_timeout", seconds_text(rule.attempt_timeout_s));
  return text;
}

}  // namespace muster::rules
