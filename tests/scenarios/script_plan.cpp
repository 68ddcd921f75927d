// The commands of scenario files that look at a rule and a described fleet before anything starts, and `pace`, which
// changes what a rule says while it is at work; README.md lists them.
#include <cmath>

#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "rules/config/reach.h"
#include "rules/simulate/simulation.h"
#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

// The number of `key`, or 0, which is no limit.
std::uint32_t limit_in(const ScriptLine& line, const std::string& key) {
  return static_cast<std::uint32_t>(std::stoul(line.option(key, "0")));
}

}  // namespace

bool Script::plan_command(const ScriptLine& line) {
  const auto& words = line.words;
  if (words[0] == "plan") {
    plan(words.at(1), words.at(2));
  } else if (words[0] == "simulate") {
    simulate(line);
  } else if (words[0] == "pace") {
    Pace pace;
    pace.per_minute = limit_in(line, "per_minute");
    pace.per_site = limit_in(line, "per_site");
    pace.at_once = limit_in(line, "at_once");
    pace.jitter_s = limit_in(line, "jitter");
    send(ChangePace{words.at(1), pace}, line);
  } else {
    return false;
  }
  return true;
}

void Script::plan(const std::string& rule_path, const std::string& fleet_path) {
  const auto rule = load_rule(text_of(rule_path), rule_path);
  for (const auto& diagnostic : rule.diagnostics) lines_.push_back(diagnostic.text());
  const auto fleet = load_fleet(text_of(fleet_path), fleet_path);
  for (const auto& diagnostic : fleet.diagnostics) lines_.push_back(diagnostic.text());
  if (!rule.rule || !fleet.fleet) return;
  const auto groups = plan_waves(*rule.rule, *fleet.fleet);
  const auto found = verdicts_out_of_reach(*rule.rule, groups);
  for (std::size_t i = 0; i < rule.rule->waves.size(); ++i) {
    const Wave& wave = rule.rule->waves[i];
    double reached = 0;
    bool small = false;
    for (const auto& group : groups) reached += group.reached[i];
    for (const auto& each : found) small = small || (each.wave == i && each.can_be_reached());
    lines_.push_back(wave.name + " reaches " + std::to_string(std::llround(reached)) +
                     (is_empty_ring(wave, groups) ? ": nobody is in it" : ""));
    if (!small) continue;
    if (const auto enough = large_enough(*rule.rule, *fleet.fleet, i)) lines_.push_back(sentence_of(*enough, wave));
  }
  for (const auto& sentence : sentences_of(found, *rule.rule)) lines_.push_back(sentence);
  Simulation simulation;
  simulation.rule = *rule.rule;
  simulation.fleet = *fleet.fleet;
  for (const auto& warning : warnings_of(simulation)) lines_.push_back("warning: " + warning);
}

}  // namespace muster::rules::test
