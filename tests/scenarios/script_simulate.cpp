// `simulate` of scenario files: a rule tried out in simulated time as `musterctl simulate` does it; README.md lists it.
#include <cmath>
#include <stdexcept>

#include "operator/render/histogram.h"
#include "operator/render/moment.h"
#include "operator/render/simulation_text.h"
#include "rules/config/load_faults.h"
#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "rules/config/reach.h"
#include "rules/simulate/simulation.h"
#include "tests/scenarios/script.h"

namespace muster::rules::test {

namespace {

using ctl::Spread;
using ctl::Unit;

[[noreturn]] void complain(const std::vector<Diagnostic>& diagnostics) {
  throw std::runtime_error(diagnostics.empty() ? "no rule, fleet or fault" : diagnostics.front().text());
}

// What is wrong with the release: words of the line, and what has an '=' in it and is no option of the command.
std::vector<std::string> faults_in(const ScriptLine& line) {
  std::vector<std::string> faults(line.words.begin() + 3, line.words.end());
  for (const auto& [key, value] : line.in_order) {
    if (key != "seeds") faults.push_back(key + "=" + value);
  }
  return faults;
}

Simulation simulation_of(const ScriptLine& line) {
  Simulation simulation;
  auto rule = load_rule(text_of(line.words.at(1)), line.words[1]);
  if (!rule.rule) complain(rule.diagnostics);
  simulation.rule = std::move(*rule.rule);
  simulation.lines = std::move(rule.lines);
  auto fleet = load_fleet(text_of(line.words.at(2)), line.words[2]);
  if (!fleet.fleet) complain(fleet.diagnostics);
  simulation.fleet = std::move(*fleet.fleet);
  for (const auto& text : faults_in(line)) {
    const auto loaded = load_fault(text, text, simulation.rule);
    if (!loaded.diagnostics.empty()) complain(loaded.diagnostics);
    simulation.faults.insert(simulation.faults.end(), loaded.faults.begin(), loaded.faults.end());
  }
  return simulation;
}

// When each wave can open and whom it adds to those before it, and what will be worth less.
std::vector<std::string> plan_of(const Simulation& simulation) {
  std::vector<std::string> lines;
  const auto groups = plan_waves(simulation.rule, simulation.fleet);
  const auto opens_s = earliest_openings(simulation);
  double before = 0;
  for (std::size_t i = 0; i < opens_s.size(); ++i) {
    double reached = 0;
    for (const auto& group : groups) reached += group.reached[i];
    lines.push_back(simulation.rule.waves[i].name + " opens after " + ctl::duration_text(opens_s[i]) +
                    " at the earliest, for about " +
                    ctl::count_text(static_cast<std::uint64_t>(std::llround(reached - before)), "device"));
    before = reached;
  }
  for (const auto& warning : warnings_of(simulation)) lines.push_back("warning: " + warning);
  return lines;
}

std::string spread_text(const std::string& what, std::vector<std::uint64_t> values, Unit unit, std::uint64_t whole) {
  const Spread spread(std::move(values));
  return what + ": " + (spread.empty() ? "in no run" : ctl::spread_line(spread, unit, whole));
}

std::vector<std::string> spread_of(const Simulation& simulation, const std::vector<RunResult>& runs) {
  std::vector<std::uint64_t> ran, harmed, stopped_s, finished_s;
  for (const auto& run : runs) {
    ran.push_back(run.ran);
    harmed.push_back(run.harmed);
    if (run.stopped_s) stopped_s.push_back(*run.stopped_s);
    if (run.finished_s) finished_s.push_back(*run.finished_s);
  }
  std::uint64_t targets = 0;
  for (const auto& label : runs.front().labels) targets += label.targets;
  std::vector<std::string> lines = {spread_text("blast radius", ran, Unit::count, targets)};
  if (!simulation.faults.empty()) lines.push_back(spread_text("harmed", harmed, Unit::count, targets));
  lines.push_back(spread_text("time to halt", stopped_s, Unit::seconds, 0));
  lines.push_back(spread_text("time to finish", finished_s, Unit::seconds, 0));
  return lines;
}

}  // namespace

void Script::simulate(const ScriptLine& line) {
  const auto simulation = simulation_of(line);
  const FleetIds ids(simulation.fleet);
  if (const auto fault = fault_of(simulation, ids); !fault.empty()) throw std::runtime_error(fault);
  lines_ = plan_of(simulation);
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 1; seed <= std::stoull(line.option("seeds", "5")); ++seed) {
    runs.push_back(run_simulation(simulation, ids, seed));
    if (!runs.back().refused.empty()) throw std::runtime_error(runs.back().refused);
    lines_.push_back("seed " + std::to_string(seed) + ": " + ctl::end_of_run(runs.back()));
  }
  for (auto& each : spread_of(simulation, runs)) lines_.push_back(std::move(each));
}

}  // namespace muster::rules::test
