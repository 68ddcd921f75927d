#include "operator/rule_text.h"

#include "operator/json_text.h"
#include "operator/render/moment.h"

namespace muster::ctl {
namespace {

std::string share_of(const rules::Wave& wave) {
  return wave.percent == 0 ? "the ring " + wave.ring_text : std::to_string(wave.percent) + " % of the targets";
}

// "  1. canary: 10 % of the targets; each device watches itself for 1 h 00 min; goes on when you approve it"
std::string wave_line(const rules::Wave& wave, std::size_t number, bool last) {
  auto line = "  " + std::to_string(number) + ". " + wave.name + ": " + share_of(wave);
  if (wave.soak_s != 0)
    line += "; each device watches itself for " + duration_text(wave.soak_s) + " before it counts as done";
  const bool manual = wave.gate == rules::Gate::manual;
  if (last)
    line += manual ? "; ends when you approve it" : "; ends when all its devices are done";
  else
    line += manual ? "; goes on when all its devices are done and you approve it (rollout approve)"
                   : "; goes on by itself when all its devices are done";
  return line;
}

}  // namespace

std::string rule_plan(const rules::Rule& rule) {
  std::string text = rule.rollout + " will bring\n";
  for (const auto& version : rule.versions) {
    text += "  " + version.name + "@" + version.version + " on the " + std::string(rules::name_of(version.plane)) +
            " plane\n";
  }
  text += "to every device for which " + (rule.targets_text.empty() ? std::string("true") : rule.targets_text) +
          ",\nin " + count_text(rule.waves.size(), "wave") + " (cohorts by seed " + std::to_string(rule.seed) + "):\n";
  for (std::size_t i = 0; i < rule.waves.size(); ++i)
    text += wave_line(rule.waves[i], i + 1, i + 1 == rule.waves.size()) + "\n";
  text += "It holds all waves when " + count_text(rule.halt_failed_devices, "device") +
          (rule.halt_failed_devices == 1 ? " has" : " have") + " failed.\n";
  text += "A device that is away for " + duration_text(rule.unreachable_after_s) +
          " no longer holds up its wave; one that shows no result within " + duration_text(rule.attempt_timeout_s) +
          " has failed.\n";
  text += rule.on_abort == rules::AbortDefault::revert ? "Abort takes back what was done."
                                                       : "Abort leaves devices as they are then.";
  return text;
}

std::string rule_json(const rules::Rule& rule) {
  std::vector<RawJson> versions, waves;
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
    if (wave.percent == 0) fields.emplace_back("ring", wave.ring_text);
    waves.push_back({json_object(fields)});
  }
  return json_object({{"rollout", rule.rollout},
                      {"seed", rule.seed},
                      {"targets", rule.targets_text},
                      {"versions", RawJson{json_array(versions)}},
                      {"waves", RawJson{json_array(waves)}},
                      {"halt_failed_devices", std::uint64_t{rule.halt_failed_devices}},
                      {"unreachable_after_s", rule.unreachable_after_s},
                      {"attempt_timeout_s", rule.attempt_timeout_s},
                      {"on_abort", std::string(rule.on_abort == rules::AbortDefault::revert ? "revert" : "keep")}});
}

}  // namespace muster::ctl
