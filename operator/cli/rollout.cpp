// musterctl rollout …
#include "operator/commands/rollout.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"
#include "operator/commands/report.h"
#include "operator/commands/watch.h"
#include "operator/commands/why.h"
#include "rules/config/load_rule.h"

namespace muster::ctl {
namespace {

struct NameOption {
  std::string name;
};

CLI::App* add_change(CLI::App& group, Session& session, const std::string& name, const std::string& api_command,
                     const std::string& what, const std::string& example,
                     const std::shared_ptr<RolloutChange>& change) {
  change->command = api_command;
  auto* command = add_command(group, session, name, what, example, [&session, change] {
    return rollout_change(session.connection, *change, session.terminal);
  });
  command->add_option("ROLLOUT", change->rollout, "its name")->required();
  add_reason(*command, change->reason);
  add_connection(*command, session);
  return command;
}

// "90s" as rule files write durations, in whole seconds.
std::string read_seconds(const std::string& text, std::uint64_t& seconds) {
  std::uint64_t ms = 0;
  if (!rules::parse_duration_ms(text, ms) || ms % 1000 != 0)
    return "a duration in whole seconds such as 90s or 15m is needed, not '" + text + "'";
  seconds = ms / 1000;
  return {};
}

void add_pace(CLI::App& group, Session& session) {
  auto change = std::make_shared<RolloutChange>();
  change->pace.emplace();
  auto* command =
      add_change(group, session, "pace", "changePace",
                 "change how fast the devices of open waves are assigned; a limit that is not given is lifted",
                 "musterctl rollout pace reader-2 --per-minute 60 --per-site 2", change);
  auto* none = command->add_flag("--none", change->pace->none, "lift all limits: all devices are assigned at once");
  command->add_option("--per-minute", change->pace->per_minute, "assignments in any 60 s, spread evenly")
      ->excludes(none);
  command->add_option("--per-site", change->pace->per_site, "devices of one site at work at once")->excludes(none);
  command->add_option("--at-once", change->pace->at_once, "devices at work at once")->excludes(none);
  command
      ->add_option_function<std::string>(
          "--jitter",
          [change](const std::string& text) {
            if (auto wrong = read_seconds(text, change->pace->jitter_s); !wrong.empty())
              throw CLI::ValidationError("--jitter", wrong);
          },
          "each device waits for a share of this after its wave opened")
      ->type_name("DURATION")
      ->excludes(none);
}

// What takes devices out of a rollout has to say why; what lets them in again need not.
void add_exclusion(CLI::App& group, Session& session, const std::string& name, const std::string& api_command,
                   const std::string& what, const std::string& example, bool of_group, bool takes_out) {
  auto change = std::make_shared<RolloutChange>();
  auto* command = add_change(group, session, name, api_command, what, example, change);
  if (of_group) {
    command->add_option("--group", change->group, "the devices with this attribute, such as region=de")
        ->required()
        ->type_name("ATTRIBUTE=VALUE");
  } else {
    command->add_option("--device", change->device, "the device's id")->required()->type_name("ID");
  }
  if (!takes_out) return;
  command->get_option("--reason")->required();
  command->add_flag_callback(
      "--revert", [change] { change->mode = "revert"; }, "who has it goes back to what it ran before");
}

void add_exclusions(CLI::App& group, Session& session) {
  add_exclusion(group, session, "stop", "stopGroup",
                "give a rollout to no further device of a group, while the others go on; no wave waits for them",
                "musterctl rollout stop reader-2 --group region=de --revert --reason 'wrong labels there'", true, true);
  add_exclusion(group, session, "continue", "continueGroup", "take a stop of a group back",
                "musterctl rollout continue reader-2 --group region=de", true, false);
  add_exclusion(group, session, "cancel", "cancelDevice",
                "take one device out of a rollout, or end its way back; it does not come back in by itself",
                "musterctl rollout cancel reader-2 --device gw-17 --reason 'bad disk'", false, true);
  add_exclusion(group, session, "readmit", "readmitDevice", "let a cancelled device in again",
                "musterctl rollout readmit reader-2 --device gw-17", false, false);
}

void add_changes(CLI::App& group, Session& session) {
  auto approval = std::make_shared<RolloutChange>();
  add_change(group, session, "approve", "approveRollout", "let a rollout pass the manual gate of a wave",
             "musterctl rollout approve reader-2 --wave canary --reason 'canary looks well'", approval)
      ->add_option("--wave", approval->wave,
                   "the wave that is meant: no other is approved when the rollout has gone on (default: the open one)")
      ->type_name("NAME");
  add_change(group, session, "pause", "pauseRollout", "stop a rollout from reaching more devices",
             "musterctl rollout pause reader-2 --reason 'odd latency'", std::make_shared<RolloutChange>());
  auto resume = std::make_shared<RolloutChange>();
  auto* resumed =
      add_change(group, session, "resume", "resumeRollout", "go on with a paused or halted rollout",
                 "musterctl rollout resume reader-2 --acknowledge-failures --reason 'gw-3 has a bad disk'", resume);
  resumed->add_flag("--acknowledge-failures", resume->acknowledge_failures,
                    "the failures so far are known and no longer halt it");
  resumed
      ->add_option("--failures", resume->failures,
                   "… as many as you have looked at: refused when there are more by now (default: as many as there "
                   "are now)")
      ->type_name("COUNT")
      ->needs("--acknowledge-failures");
  auto go = std::make_shared<RolloutChange>();
  add_change(group, session, "release", "releaseHold",
             "let the devices of a wave with a hold go on: those that wait, and those that are on their way there",
             "musterctl rollout release reader-2 --reason 'line 3 stands still until six'", go)
      ->add_option("--wave", go->wave, "its wave (default: the open one)")
      ->type_name("NAME");
  auto stay = std::make_shared<RolloutChange>();
  auto* hold = add_change(group, session, "hold", "holdWave",
                          "have the devices of a wave hold, ready, until they are let go with 'rollout release'",
                          "musterctl rollout hold reader-2 --before swap --reason 'line 3 runs until six'", stay);
  hold->add_option("--before", stay->before,
                   "swap: all is fetched, nothing is changed; commit: probes and soak are over")
      ->required()
      ->check(CLI::IsMember({"swap", "commit"}));
  hold->add_option("--wave", stay->wave, "its wave, open or to come (default: the open one)")->type_name("NAME");
  add_pace(group, session);
  auto abort = std::make_shared<RolloutChange>();
  auto* command =
      add_change(group, session, "abort", "abortRollout", "end a rollout; without --keep or --revert as its rule says",
                 "musterctl rollout abort reader-2 --revert --reason 'wrong thresholds'", abort);
  auto* keep = command->add_flag_callback(
      "--keep", [abort] { abort->mode = "keep"; },
      "leave devices with what they have; of a rollout that reverts, those that have not gone back yet");
  command
      ->add_flag_callback(
          "--revert", [abort] { abort->mode = "revert"; }, "bring every device back to what it had before")
      ->excludes(keep);
}

// "90s" as rule files write durations; the API of watch has milliseconds.
std::string read_timeout(const std::string& text, std::optional<std::uint64_t>& timeout_ms) {
  std::uint64_t ms = 0;
  if (!rules::parse_duration_ms(text, ms) || ms == 0)
    return "a duration such as 90s, 15m or 2h is needed, not '" + text + "'";
  timeout_ms = ms;
  return {};
}

void add_watch(CLI::App& group, Session& session, const std::string& name, const std::string& what, bool quiet) {
  auto watch = std::make_shared<WatchOptions>();
  watch->quiet = quiet;
  auto* command =
      add_command(group, session, name, what, "musterctl rollout " + name + " reader-2 --until completed --timeout 10m",
                  [&session, watch] { return rollout_watch(session.connection, *watch, session.terminal); });
  command->add_option("ROLLOUT", watch->rollout, "its name")->required();
  command->add_option("--until", watch->until, "end with exit code 0 in one of these states (default: completed)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("STATE[,STATE]")
      ->check(CLI::IsMember({"running", "awaiting_approval", "paused", "halted", "completed", "reverting", "aborted"}));
  command
      ->add_option_function<std::string>(
          "--timeout",
          [watch](const std::string& text) {
            if (auto wrong = read_timeout(text, watch->timeout_ms); !wrong.empty())
              throw CLI::ValidationError("--timeout", wrong);
          },
          "give up after this long, with exit code 11 (default: never)")
      ->type_name("DURATION");
  command->add_flag("--through-halts", watch->through_halts, "a halt does not end it");
  if (!quiet) command->add_flag("--quiet", watch->quiet, "print only how it ended, as wait does");
  add_connection(*command, session);
}

// Why it stands as it does, and what came of it.
void add_explanations(CLI::App& group, Session& session) {
  auto why = std::make_shared<WhyOptions>();
  auto* command = add_command(group, session, "why", "say why a device has, or has not, what rollouts would give it",
                              "musterctl rollout why gw-17",
                              [&session, why] { return rollout_why(session.connection, *why, session.terminal); });
  command->add_option("DEVICE", why->device, "its id")->required();
  command->add_option("--rollout", why->rollout, "only what this rollout says")->type_name("NAME");
  add_connection(*command, session);

  auto told = std::make_shared<NameOption>();
  command =
      add_command(group, session, "report",
                  "print what is to be told about a rollout afterwards: cause, devices, measures, what is left to do",
                  "musterctl rollout report reader-2 > incident.md",
                  [&session, told] { return rollout_report(session.connection, told->name, session.terminal); });
  command->add_option("ROLLOUT", told->name, "its name")->required();
  add_connection(*command, session);
}

}  // namespace

void add_rollout_commands(CLI::App& app, Session& session) {
  auto& group = add_group(app, "rollout", "start, steer and watch rollouts");

  auto check = std::make_shared<RolloutCheckOptions>();
  auto* command = add_command(group, session, "check", "check a rule file and say what it will do; needs no broker",
                              "musterctl rollout check reader-2.yaml --fleet plant.yaml", [&session, check] {
                                return rollout_check(session.connection, *check, session.terminal);
                              });
  command->add_option("FILE", check->file, "the rule file (YAML)")->required();
  command
      ->add_option("--fleet", check->fleet,
                   "also say how many devices of the fleet in this file (YAML) each wave reaches, and which waves "
                   "are too small for a guardrail's verdict")
      ->type_name("FILE");
  command
      ->add_flag("--expand", check->expand,
                 "print the rule as a plain file instead: the waves of its strategy and risk spelt out")
      ->excludes("--fleet");
  command
      ->add_flag("--broker", check->broker, "also ask the broker whom it would take, and who cannot run its releases")
      ->excludes("--expand");
  add_connection(*command, session);

  auto of_releases = std::make_shared<bool>(false);
  command = add_command(group, session, "schema", "print the JSON Schema of rule files, for editors",
                        "musterctl rollout schema > rule.schema.json",
                        [&session, of_releases] { return rollout_schema(*of_releases, session.terminal); });
  command->add_flag("--release", *of_releases, "that of release files instead");

  auto start = std::make_shared<RolloutStartOptions>();
  command = add_command(group, session, "start", "start the rollout that a rule file describes",
                        "musterctl rollout start reader-2.yaml --reason 'release 2'",
                        [&session, start] { return rollout_start(session.connection, *start, session.terminal); });
  command->add_option("FILE", start->file, "the rule file (YAML)")->required();
  add_reason(*command, start->reason);
  add_connection(*command, session);

  add_changes(group, session);
  add_exclusions(group, session);

  auto one = std::make_shared<NameOption>();
  command = add_command(group, session, "status", "show one rollout in full, or all as a table",
                        "musterctl rollout status reader-2",
                        [&session, one] { return rollout_status(session.connection, one->name, session.terminal); });
  command->alias("show");  // what devices, releases and evidence call it
  command->add_option("ROLLOUT", one->name, "its name");
  add_connection(*command, session);

  command = add_command(group, session, "list", "list all rollouts", "musterctl rollout list",
                        [&session] { return rollout_status(session.connection, "", session.terminal); });
  add_connection(*command, session);

  add_explanations(group, session);
  add_watch(group, session, "watch", "follow a rollout, with live bars on a terminal, until it ends", false);
  add_watch(group, session, "wait", "wait until a rollout reaches a state, for scripts", true);
}

}  // namespace muster::ctl
