#include "operator/commands/rollout.h"

#include <filesystem>

#include "operator/commands/change.h"
#include "operator/commands/rollout_fit.h"
#include "operator/decode.h"
#include "operator/file_schema.h"
#include "operator/fleet_plan.h"
#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "operator/render/rollout_text.h"
#include "operator/rule_files.h"
#include "operator/rule_text.h"
#include "rules/config/metric_doubts.h"
#include "rules/config/write_rule.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

// A rollout that stands still because the broker decides nothing any more looks like one that has time.
void warn_when_stopped(ControlClient& client, const Terminal& terminal) {
  const auto answer = client.call({"getMetrics", {}});
  const auto stopped = answer ? decode_stopped(*answer) : std::string();
  if (stopped.empty()) return;
  *terminal.err << "musterctl: the broker has stopped deciding, all rollouts stand still: " << stopped
                << "; mend the cause and restart the broker\n";
}

// The same rule without presets, to be read or to go on from; with what made it in a comment above.
Outcome expand(const CheckedRule& checked, const Terminal& terminal) {
  auto text = rules::write_rule(checked.rule);
  if (text.size() > limits::rule_text_len_max) {
    return tl::make_unexpected(Error(ErrorKind::invalid, "spelt out, the rule is longer than a rule file may be: " +
                                                             std::to_string(limits::rule_text_len_max) + " bytes"));
  }
  text.pop_back();  // the line break that result() adds
  const auto head = checked.preset.empty() ? std::string() : "# " + checked.preset + "\n";
  terminal.result(head + text, json_object({{"expanded", text + "\n"}}));
  return ExitCode::ok;
}

// An approval and an acknowledgement name what they are of, so that neither takes along what comes between the status
// and the command. A rollout that is not known is the command's to refuse.
tl::expected<RolloutChange, Error> name_what_is_meant(ControlClient& client, RolloutChange change) {
  const bool approves = change.command == "approveRollout" && change.wave.empty();
  const bool acknowledges = change.acknowledge_failures && !change.failures;
  if (!approves && !acknowledges) return change;
  const auto answer = client.call({"getRollout", {{"rollout", change.rollout}}});
  if (!answer) return tl::make_unexpected(answer.error());
  const auto view = decode_rollout(*answer);
  if (!view) return tl::make_unexpected(view.error());
  if (approves && view->wave < view->waves.size()) change.wave = view->waves[view->wave].name;
  if (acknowledges) change.failures = view->unacknowledged;
  return change;
}

}  // namespace

Outcome rollout_schema(bool of_releases, const Terminal& terminal) {
  const auto schema = of_releases ? release_schema() : rule_schema();
  terminal.result(schema, schema);
  return ExitCode::ok;
}

Outcome rollout_check(const Connection& connection, const RolloutCheckOptions& options, const Terminal& terminal) {
  const auto checked = read_rule(options.file);
  if (!checked) return tl::make_unexpected(checked.error());
  if (options.expand) return expand(*checked, terminal);
  auto text = options.file + " is valid.\n" + rule_plan(checked->rule);
  if (!checked->preset.empty()) text += "\n" + checked->preset + " --expand prints them as a rule file.";
  auto json = rule_json(checked->rule);
  auto warnings = rules::metric_doubts(checked->rule);
  if (!options.fleet.empty()) {
    const auto fleet = read_fleet(options.fleet);
    if (!fleet) return tl::make_unexpected(fleet.error());
    text += "\n" + fleet_plan(checked->rule, *fleet, options.fleet);
    warnings = fleet_warnings(checked->rule, *fleet);
    json = json_object(
        {{"rule", RawJson{json}}, {"fleet", RawJson{fleet_plan_json(checked->rule, *fleet)}}, {"warnings", warnings}});
  }
  for (const auto& warning : warnings) text += "\nwarning: " + warning;
  if (options.broker) {
    const auto asked = ask_fit(connection, options.file, *checked);
    if (!asked) return tl::make_unexpected(asked.error());
    text += "\n" + fit_text(asked->fit);
    json = json_object({{"plan", RawJson{json}}, {"broker", RawJson{asked->json}}});
  }
  terminal.result(text, json);
  return ExitCode::ok;
}

Outcome rollout_start(const Connection& connection, const RolloutStartOptions& options, const Terminal& terminal) {
  const auto checked = read_rule(options.file);
  if (!checked) return tl::make_unexpected(Error(checked.error()).with_context("nothing was started"));
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  Request request{"startRollout",
                  {{"rule", checked->text}, {"file", std::filesystem::path(options.file).filename().string()}}};
  if (!options.reason.empty()) request.fields.emplace_back("reason", options.reason);
  auto answer = client.call(request);
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto message = decode_message(*answer);
  if (!message) return tl::make_unexpected(message.error());
  const auto fit = decode_fit(*answer);
  const auto unfit = fit ? ineligible_text(*fit) : std::string();
  terminal.result(
      *message + (unfit.empty() ? "" : "\n" + unfit) + "\nwatch it: musterctl rollout watch " + checked->rule.rollout,
      *answer);
  return ExitCode::ok;
}

Outcome rollout_change(const Connection& connection, const RolloutChange& asked, const Terminal& terminal) {
  if (asked.pace && !asked.pace->any() && !asked.pace->none) {
    return tl::make_unexpected(
        Error{ErrorKind::usage,
              "say how fast, such as --per-minute 60, or --none: without a limit all devices of the open waves are "
              "assigned at once"});
  }
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  const auto named = name_what_is_meant(client, asked);
  if (!named) return tl::make_unexpected(named.error());
  const RolloutChange& change = *named;
  Request request{change.command, {{"rollout", change.rollout}}};
  if (!change.reason.empty()) request.fields.emplace_back("reason", change.reason);
  if (change.acknowledge_failures) request.fields.emplace_back("acknowledgeFailures", true);
  if (change.failures) request.fields.emplace_back("failures", std::uint64_t{*change.failures});
  if (!change.mode.empty()) request.fields.emplace_back("mode", change.mode);
  if (!change.wave.empty()) request.fields.emplace_back("wave", change.wave);
  if (!change.before.empty()) request.fields.emplace_back("before", change.before);
  if (!change.group.empty()) request.fields.emplace_back("group", change.group);
  if (!change.device.empty()) request.fields.emplace_back("device", change.device);
  if (const auto& pace = change.pace) {
    const auto object = json_object({{"per_minute", pace->per_minute},
                                     {"per_site", pace->per_site},
                                     {"at_once", pace->at_once},
                                     {"jitter_s", pace->jitter_s}});
    request.fields.emplace_back("pace", RawJson{object});
  }
  return send_change(client, request, terminal);
}

Outcome rollout_status(const Connection& connection, const std::string& rollout, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer = rollout.empty() ? client.call({"listRollouts", {}})
                                : client.call({"getRollout", {{"rollout", rollout}, {"ineligible", true}}});
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  warn_when_stopped(client, terminal);
  if (terminal.json) {
    *terminal.out << *answer << "\n";
    return ExitCode::ok;
  }
  if (!rollout.empty()) {
    const auto view = decode_rollout(*answer);
    if (!view) return tl::make_unexpected(view.error());
    *terminal.out << rollout_text(*view, wall_clock_s(), terminal.columns, terminal.style);
    constexpr std::size_t shown_max = 5;
    const auto fit = decode_fit(*answer);
    const auto unfit = fit ? ineligible_text(*fit, shown_max) : std::string();
    if (!unfit.empty()) *terminal.out << "\n" << unfit << "\n";
    return ExitCode::ok;
  }
  const auto list = decode_rollouts(*answer);
  if (!list) return tl::make_unexpected(list.error());
  std::vector<RolloutView> views;
  for (const auto& [view, text] : *list) views.push_back(view);
  *terminal.out << (views.empty() ? "no rollout yet: musterctl rollout start FILE\n"
                                  : rollout_table(views, terminal.columns, terminal.style));
  return ExitCode::ok;
}

}  // namespace muster::ctl
