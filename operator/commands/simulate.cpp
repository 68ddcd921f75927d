#include "operator/commands/simulate.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "host/files.h"
#include "operator/render/simulation_text.h"
#include "operator/rule_files.h"
#include "operator/simulation_json.h"
#include "rules/config/load_faults.h"
#include "rules/simulate/simulation.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

// As many devices altogether are simulated in a few seconds.
constexpr std::uint64_t quick_devices = 200'000, quick_runs_max = 20;
// A device takes about half a kilobyte: so many at a time stay well under a gigabyte.
constexpr std::uint64_t devices_at_a_time_max = 1'000'000;

tl::expected<void, Error> read_faults(const SimulateOptions& options, rules::Simulation& simulation) {
  auto& faults = simulation.faults;
  std::vector<rules::Diagnostic> diagnostics;
  std::string source = "--fault";
  const auto add = [&](rules::LoadedFaults loaded) {
    std::move(loaded.faults.begin(), loaded.faults.end(), std::back_inserter(faults));
    std::move(loaded.diagnostics.begin(), loaded.diagnostics.end(), std::back_inserter(diagnostics));
  };
  if (!options.faults_file.empty()) {
    const auto bytes = host::read_file(options.faults_file, limits::rule_text_len_max);
    if (!bytes) return tl::make_unexpected(bytes.error());
    add(rules::load_faults(ByteView(*bytes).text(), options.faults_file, simulation.rule));
    if (!diagnostics.empty()) source = options.faults_file;
  }
  for (const auto& text : options.faults) {
    auto loaded = rules::load_fault(text, "--fault '" + text + "'", simulation.rule);
    add(std::move(loaded));
  }
  if (!diagnostics.empty()) return tl::make_unexpected(error_of(source, diagnostics));
  if (faults.size() > rules::faults_max) {
    return tl::make_unexpected(Error{ErrorKind::usage, std::to_string(faults.size()) + " faults; at most " +
                                                           std::to_string(rules::faults_max) + " at a time"});
  }
  return {};
}

// `preset` gets what a preset of the rule made of it, in a sentence.
tl::expected<rules::Simulation, Error> read_simulation(const SimulateOptions& options, std::string& preset) {
  rules::Simulation simulation;
  auto rule = read_rule(options.rule);
  if (!rule) return tl::make_unexpected(std::move(rule.error()));
  simulation.rule = std::move(rule->rule);
  simulation.lines = std::move(rule->lines);
  preset = rule->preset;
  auto fleet = read_fleet(options.fleet);
  if (!fleet) return tl::make_unexpected(std::move(fleet.error()));
  simulation.fleet = std::move(*fleet);
  if (auto read = read_faults(options, simulation); !read) return tl::make_unexpected(std::move(read.error()));
  simulation.approve_after_s = options.approve_after_s;
  simulation.until_s = options.until_s;
  return simulation;
}

// Each run has its place, so that it does not matter which thread does it, or when.
std::vector<rules::RunResult> run_all(const rules::Simulation& simulation, const rules::FleetIds& ids,
                                      std::uint64_t first_seed, std::uint64_t count) {
  std::vector<rules::RunResult> results(count);
  std::atomic<std::uint64_t> next{0};
  const auto work = [&] {
    for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      results[i] = rules::run_simulation(simulation, ids, first_seed + i);
      if (i != 0) results[i].timeline = {};  // only the first one is told
    }
  };
  const auto at_a_time = std::max<std::uint64_t>(1, devices_at_a_time_max / std::max<std::uint64_t>(1, ids.size()));
  const auto threads = std::min({count, at_a_time, std::uint64_t{std::max(1u, std::thread::hardware_concurrency())}});
  std::vector<std::future<void>> others;
  for (std::uint64_t i = 1; i < threads; ++i) others.push_back(std::async(std::launch::async, work));
  work();
  for (auto& other : others) other.get();
  return results;
}

}  // namespace

Outcome simulate(const SimulateOptions& options, const Terminal& terminal) {
  std::string preset;
  const auto simulation = read_simulation(options, preset);
  if (!simulation) return tl::make_unexpected(simulation.error());
  const rules::FleetIds ids(simulation->fleet);
  if (auto fault = rules::fault_of(*simulation, ids); !fault.empty())
    return tl::make_unexpected(Error{ErrorKind::invalid, options.fleet + ": " + fault});
  if (!terminal.json) {  // before what may take a while
    if (!preset.empty()) *terminal.out << preset << "\n";
    *terminal.out << simulation_plan(*simulation, options.fleet, terminal.columns, terminal.style) << std::endl;
  }
  const auto count = options.seeds.value_or(std::clamp<std::uint64_t>(quick_devices / ids.size(), 1, quick_runs_max));
  const auto runs = run_all(*simulation, ids, options.seed, count);
  if (!runs.front().refused.empty())
    return tl::make_unexpected(Error{ErrorKind::refused, "the engine refuses this rule: " + runs.front().refused});
  if (terminal.json) {
    *terminal.out << simulation_json(*simulation, runs) << "\n";
    return ExitCode::ok;
  }
  *terminal.out << simulated_run(*simulation, runs.front(), terminal.columns, terminal.style) << "\n"
                << simulated_runs(*simulation, runs, terminal.columns, terminal.style);
  return ExitCode::ok;
}

}  // namespace muster::ctl
