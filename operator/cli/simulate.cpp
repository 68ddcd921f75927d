// musterctl simulate
#include "operator/commands/simulate.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"
#include "rules/config/load_rule.h"
#include "rules/simulate/simulation.h"

namespace muster::ctl {
namespace {

std::uint64_t read_duration_s(const std::string& option, const std::string& text, std::uint64_t max_s) {
  std::uint64_t ms = 0;
  if (!rules::parse_duration_ms(text, ms) || ms / 1000 > max_s) {
    throw CLI::ValidationError(option, "a duration such as 90s, 15m, 2h or 7d of at most " +
                                           rules::duration_as_written(max_s * 1000) + " is needed, not '" + text + "'");
  }
  return ms / 1000;
}

void add_faults(CLI::App& command, SimulateOptions& options) {
  command
      .add_option(
          "--fault", options.faults,
          "what is wrong with the release; may be given several times. 'RELEASE: WHAT [on SHARE] "
          "[after DURATION] [where CONDITION]', where WHAT is one of: METRIC +40%, METRIC = 250, METRIC missing, "
          "delegate_active = cpu, fails 3%, hangs 3%, sticks 1%, rolls_back 2% after 6h")
      ->type_name("TEXT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command.add_option("--faults", options.faults_file, "a file (YAML) with a list of them: faults: ['...']")
      ->type_name("FILE");
}

void add_times(CLI::App& command, SimulateOptions& options) {
  command
      .add_option_function<std::string>(
          "--approve-after",
          [&options](const std::string& text) {
            options.approve_after_s.reset();
            if (text != "never")
              options.approve_after_s = read_duration_s("--approve-after", text, rules::simulated_s_max);
          },
          "how long a wave with a manual gate waits for its approval once the last vote of its devices has come; it "
          "then comes whatever the verdicts are; or 'never' (default: 10m)")
      ->type_name("DURATION");
  command
      .add_option_function<std::string>(
          "--until",
          [&options](const std::string& text) {
            options.until_s = read_duration_s("--until", text, rules::simulated_s_max);
            if (options.until_s == 0) throw CLI::ValidationError("--until", "at least one second is needed");
          },
          "simulate no more than this; it ends earlier when nothing more will happen (default: 30d)")
      ->type_name("DURATION");
}

}  // namespace

void add_simulate_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<SimulateOptions>();
  auto* command = add_command(
      app, session, "simulate",
      "try a rule out in simulated time: the broker's own engine, a fleet that a file describes, and faults of your "
      "choice. Prints the plan, the timeline of one run, and over many runs how many devices a bad release reaches, "
      "how soon it is halted and how long a good one takes. Needs no broker",
      "musterctl simulate reader-2.yaml --fleet plant.yaml --fault "
      "'reader@2: edit_distance +40% where device.region == \"de\"'",
      [&session, options] { return simulate(*options, session.terminal); });
  command->add_option("RULE", options->rule, "the rule file (YAML); its releases need not exist")->required();
  command->add_option("--fleet", options->fleet, "the fleet (YAML, docs/simulate.md)")->type_name("FILE")->required();
  add_faults(*command, *options);
  command
      ->add_option("--seeds", options->seeds, "how many runs (default: up to 20, fewer for more than 10,000 devices)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, simulation_runs_max));
  command
      ->add_option("--seed", options->seed,
                   "of the first run: which devices a fault hits, links, readings. Cohorts depend on the rule's own "
                   "seed alone, and are the broker's")
      ->type_name("N")
      ->capture_default_str();
  add_times(*command, *options);
}

}  // namespace muster::ctl
