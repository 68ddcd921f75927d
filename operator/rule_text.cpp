#include "operator/rule_text.h"

#include <charconv>

#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "rules/config/guardrails.h"
#include "rules/config/metric_doubts.h"
#include "rules/config/percent.h"
#include "rules/engine/pace.h"
#include "rules/engine/readings.h"

namespace muster::ctl {
namespace {

std::string share_of(const rules::Wave& wave) {
  if (wave.devices != 0) return "the first " + count_text(wave.devices, "target");
  return wave.is_ring() ? "the ring " + wave.ring_text : std::to_string(wave.percent) + " % of the targets";
}

// "  1. canary: 10 % of the targets; each device watches itself for 1 h 00 min; goes on when you approve it"
std::string wave_line(const rules::Rule& rule, std::size_t index) {
  const auto& wave = rule.waves[index];
  const bool last = index + 1 == rule.waves.size();
  auto line = "  " + std::to_string(index + 1) + ". " + wave.name + ": " + share_of(wave);
  if (wave.hold == rules::HoldPoint::before_swap)
    line += "; each device fetches and verifies, changes nothing, and waits for you (rollout release)";
  if (rule.shadow)
    line += "; each device runs them for " + duration_text(wave.soak_s);
  else if (wave.soak_s != 0)
    line += "; each device watches itself for " + duration_text(wave.soak_s) + " before it counts as done";
  if (wave.hold == rules::HoldPoint::before_commit) line += ", and waits for you before it commits (rollout release)";
  if (wave.rehearse) line += "; each takes the versions, goes back to what it ran, and takes them again";
  const bool manual = wave.gate == rules::Gate::manual;
  const auto who =
      wave.approvers == 1 ? std::string("you approve") : std::to_string(wave.approvers) + " operators approve";
  if (last)
    line += manual ? "; ends when " + who + " it" : "; ends when all its devices are done";
  else
    line += manual ? "; goes on when all its devices are done and " + who + " it (rollout approve)"
                   : "; goes on by itself when all its devices are done";
  return line;
}

std::string number_text(double number) {
  char digits[32];
  const auto written = std::to_chars(digits, digits + sizeof digits, number);
  return {digits, written.ptr};
}

std::string share_text(std::uint32_t ppm) {
  return rules::percent_text(ppm) + " %";
}

// "2 devices or 5 % of the assigned devices or 3 in a row have"
std::string halt_text(const rules::Rule& rule) {
  std::string text;
  const auto add = [&text](const std::string& limit) { text += (text.empty() ? "" : " or ") + limit; };
  if (rule.halt_failed_devices != 0) add(count_text(rule.halt_failed_devices, "device"));
  if (rule.halt_failed_ppm != 0) add(share_text(rule.halt_failed_ppm) + " of the assigned devices");
  if (rule.halt_failed_in_a_row != 0) add(std::to_string(rule.halt_failed_in_a_row) + " in a row");
  return text + (text == "1 device" ? " has" : " have");
}

// An absolute limit as the file writes it: a word for `thermal`, whose states are numbers inside only.
std::string limit_text(const rules::Guardrail& guardrail) {
  if (guardrail.metric != rules::name_of(rules::Reading::thermal)) return number_text(guardrail.limit);
  return std::string(rules::thermal_word(guardrail.limit));
}

// When a device exceeds: "p95_ms is more than 10 % higher than before"
std::string exceeds_text(const rules::Guardrail& guardrail) {
  if (!guardrail.when_text.empty()) return guardrail.when_text;
  const auto metric = guardrail.metric + " is ";
  if (guardrail.metric == "delegate_active")
    return metric + "another one than the release asks for, or, where it does not say, than before";
  const std::string direction = guardrail.lower_is_worse ? "lower" : "higher";
  if (guardrail.against == rules::Against::absolute) return metric + direction + " than " + limit_text(guardrail);
  return metric + "more than " + number_text(guardrail.limit * 100) + " % " + direction + " than before" +
         (guardrail.against == rules::Against::control ? " (corrected by how the others have changed)" : "");
}

std::string consequence_text(rules::OnFail on_fail) {
  switch (on_fail) {
    case rules::OnFail::pause:
      return "pauses the rollout";
    case rules::OnFail::rollback:
      return "brings all reached devices back, ends the rollout and freezes its releases for the fleet";
    case rules::OnFail::freeze_segment:
      return "freezes the segment and brings it back";
    case rules::OnFail::freeze_release:
      break;
  }
  return "freezes the releases for the fleet and pauses the rollout";
}

// "  quality: a device exceeds when …; a fail (more than 5 % of the devices of a region, at 99 %) freezes …"
std::string guardrail_line(const rules::Guardrail& guardrail) {
  std::string by;
  for (const auto& key : guardrail.by) by += (by.empty() ? " of one " : " and ") + rules::name_of(key);
  auto line = "  " + guardrail.name + ": a device exceeds when " + exceeds_text(guardrail) + ", measured for " +
              duration_text(guardrail.observe_s) + "; a fail (more than " + share_text(guardrail.tolerate_ppm) +
              " of the devices" + by + " exceed, at " + share_text(1'000'000 - guardrail.error_ppm) + ") " +
              consequence_text(guardrail.on_fail) + "; without a verdict a wave ";
  return line + (guardrail.advance_after_s == 0
                     ? "holds"
                     : "goes on " + duration_text(guardrail.advance_after_s) + " after it opened");
}

std::string guardrails_plan(const rules::Rule& rule) {
  if (rule.guardrails.empty()) return {};
  std::string text = "What the devices measure is judged:\n";
  bool compares = false;
  for (const auto& guardrail : rule.guardrails) {
    text += guardrail_line(guardrail) + "\n";
    compares = compares || guardrail.against != rules::Against::absolute;
  }
  if (compares)
    text +=
        "The first wave opens after " + duration_text(rule.baseline_window_s) + " in which its targets are measured.\n";
  return text;
}

std::string guardrail_json(const rules::Guardrail& guardrail) {
  std::vector<std::string> by;
  for (const auto& key : guardrail.by) by.push_back(rules::name_of(key));
  const bool limited = guardrail.when_text.empty() && guardrail.metric != "delegate_active";
  JsonFields fields{{"name", guardrail.name}};
  if (guardrail.when_text.empty())
    fields.emplace_back("metric", guardrail.metric);
  else
    fields.emplace_back("when", guardrail.when_text);
  fields.emplace_back("against", std::string(rules::name_of(guardrail.against)));
  if (limited) {
    fields.emplace_back("limit", RawJson{number_text(guardrail.limit)});
    fields.emplace_back("lower_is_worse", guardrail.lower_is_worse);
  }
  fields.emplace_back("tolerate_ppm", std::uint64_t{guardrail.tolerate_ppm});
  fields.emplace_back("error_ppm", std::uint64_t{guardrail.error_ppm});
  fields.emplace_back("by", by);
  fields.emplace_back("on_fail", std::string(rules::name_of(guardrail.on_fail)));
  fields.emplace_back("observe_s", guardrail.observe_s);
  fields.emplace_back("silent_after_s", guardrail.silent_after_s);
  fields.emplace_back("advance_after_s", guardrail.advance_after_s);
  return json_object(fields);
}

std::string pace_json(const rules::Pace& pace) {
  JsonFields fields;
  const auto add = [&fields](const char* name, std::uint32_t limit) {
    if (limit != 0) fields.emplace_back(name, std::uint64_t{limit});
  };
  add("per_minute", pace.per_minute);
  add("per_site", pace.per_site);
  add("at_once", pace.at_once);
  add("jitter_s", pace.jitter_s);
  return json_object(fields);
}

std::vector<std::string> retry_names(const rules::Retry& retry) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rules::retry_reasons.size(); ++i) {
    if ((retry.on >> i & 1) != 0) names.emplace_back(rules::retry_reasons[i].name);
  }
  return names;
}

// "fetch_failed, fetch_timeout or disk_full"
std::string retry_reasons_text(const rules::Retry& retry) {
  const auto names = retry_names(retry);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

std::string retry_plan(const rules::Retry& retry) {
  return "A device whose attempt fails with " + retry_reasons_text(retry) + " is tried again, up to " +
         count_text(retry.attempts, "attempt") + " in all, " + duration_text(retry.wait_s) +
         " after the first at most, later up to " + duration_text(retry.wait_max_s) + ".\n";
}

// When devices are assigned, and when they are tried again.
std::string times_plan(const rules::Rule& rule) {
  std::string text;
  if (!rule.windows.empty()) {
    text += "Devices are assigned only in their maintenance windows, " + rules::describe_windows(rule.windows) +
            " by their own clocks; one that does not say how its clock goes is judged by " +
            rules::zone_text(rules::zone_of(rule.utc_offset_min)) + ".\n";
  }
  if (rule.retry.attempts > 1) {
    rules::Retry rest = rule.retry;
    for (const auto& one : rule.retry.by_error) rest.on &= ~one.on;
    for (const auto& one : rule.retry.by_error) text += retry_plan(one);
    if (rest.on != 0) text += retry_plan(rest);
  }
  return text;
}

std::string retry_json(const rules::Retry& retry) {
  JsonFields fields{{"attempts", std::uint64_t{retry.attempts}},
                    {"wait_s", retry.wait_s},
                    {"wait_max_s", retry.wait_max_s},
                    {"on", retry_names(retry)}};
  std::vector<RawJson> by_error;
  for (const auto& one : retry.by_error) by_error.push_back({retry_json(one)});
  if (!by_error.empty()) fields.emplace_back("by_error", RawJson{json_array(by_error)});
  return json_object(fields);
}

std::string window_json(const rules::Window& window) {
  return json_object({{"days", std::uint64_t{window.days}},
                      {"from_min", std::uint64_t{window.from_min}},
                      {"to_min", std::uint64_t{window.to_min}}});
}

}  // namespace

std::string rule_plan(const rules::Rule& rule) {
  std::string text = rule.rollout + (rule.shadow ? " will run, in the shadow of what is active,\n" : " will bring\n");
  for (const auto& version : rule.versions) {
    text += "  " + version.name + "@" + version.version + " on the " + std::string(rules::name_of(version.plane)) +
            " plane\n";
  }
  text += (rule.shadow ? "on every device for which " : "to every device for which ") +
          (rule.targets_text.empty() ? std::string("true") : rule.targets_text) + ",\nin " +
          count_text(rule.waves.size(), "wave") + " (cohorts by seed " + std::to_string(rule.seed) + "):\n";
  for (std::size_t i = 0; i < rule.waves.size(); ++i) text += wave_line(rule, i) + "\n";
  text += "It holds all waves when " + halt_text(rule) + " failed.\n";
  if (rule.priority != 0)
    text += "It may start over the devices of active rollouts with a priority under " + std::to_string(rule.priority) +
            ", and takes them.\n";
  if (rule.pace.any()) text += "Its pace: " + rules::describe_pace(rule.pace) + ".\n";
  text += times_plan(rule);
  text += guardrails_plan(rule);
  text += "A device that is away for " + duration_text(rule.unreachable_after_s) +
          " no longer holds up its wave; one that is connected for " + duration_text(rule.attempt_timeout_s) +
          " and shows no result has failed.\n";
  if (rule.rollback_first)
    text += "When devices go back, the " + std::string(rules::name_of(*rule.rollback_first)) + " plane goes first.\n";
  text += rule.on_abort == rules::AbortDefault::revert ? "Abort takes back what was done."
                                                       : "Abort leaves devices as they are then.";
  if (rule.keep_previous_for_s != 0)
    text += "\nOnce it has completed, the broker keeps what its devices ran before for " +
            duration_text(rule.keep_previous_for_s) + ".";
  return text;
}

std::string rule_json(const rules::Rule& rule) {
  std::vector<RawJson> versions, waves, windows, guardrails;
  for (const auto& version : rule.versions) {
    versions.push_back({json_object({{"plane", std::string(rules::name_of(version.plane))},
                                     {"name", version.name},
                                     {"version", version.version}})});
  }
  for (const auto& wave : rule.waves) {
    JsonFields fields{{"name", wave.name},
                      {"percent", std::uint64_t{wave.percent}},
                      {"gate", std::string(wave.gate == rules::Gate::manual ? "manual" : "auto")},
                      {"soak_s", wave.soak_s}};
    if (wave.hold != rules::HoldPoint::none) fields.emplace_back("hold", std::string(rules::name_of(wave.hold)));
    if (wave.gate == rules::Gate::manual) fields.emplace_back("approvers", std::uint64_t{wave.approvers});
    if (wave.devices != 0) fields.emplace_back("first_devices", std::uint64_t{wave.devices});
    if (wave.is_ring()) fields.emplace_back("ring", wave.ring_text);
    if (wave.rehearse) fields.emplace_back("rehearse", true);
    waves.push_back({json_object(fields)});
  }
  for (const auto& window : rule.windows) windows.push_back({window_json(window)});
  for (const auto& guardrail : rule.guardrails) guardrails.push_back({guardrail_json(guardrail)});
  JsonFields fields{{"rollout", rule.rollout},
                    {"seed", rule.seed},
                    {"priority", std::uint64_t{rule.priority}},
                    {"shadow", rule.shadow},
                    {"targets", rule.targets_text},
                    {"versions", RawJson{json_array(versions)}},
                    {"waves", RawJson{json_array(waves)}},
                    {"halt_failed_devices", std::uint64_t{rule.halt_failed_devices}},
                    {"halt_failed_ppm", std::uint64_t{rule.halt_failed_ppm}},
                    {"halt_failed_in_a_row", std::uint64_t{rule.halt_failed_in_a_row}},
                    {"pace", RawJson{pace_json(rule.pace)}},
                    {"retry", RawJson{retry_json(rule.retry)}},
                    {"windows", RawJson{json_array(windows)}},
                    {"utc_offset", rules::zone_text(rules::zone_of(rule.utc_offset_min))},
                    {"unreachable_after_s", rule.unreachable_after_s},
                    {"attempt_timeout_s", rule.attempt_timeout_s},
                    {"on_abort", std::string(rule.on_abort == rules::AbortDefault::revert ? "revert" : "keep")},
                    {"keep_previous_for_s", rule.keep_previous_for_s},
                    {"guardrails", RawJson{json_array(guardrails)}},
                    {"baseline_window_s", rule.baseline_window_s},
                    {"warnings", rules::metric_doubts(rule)}};
  if (rule.rollback_first) fields.emplace_back("rollback_first", std::string(rules::name_of(*rule.rollback_first)));
  return json_object(fields);
}

}  // namespace muster::ctl
