#include "operator/commands/rollout.h"

#include <filesystem>

#include "host/files.h"
#include "operator/decode.h"
#include "operator/fleet_plan.h"
#include "operator/json_text.h"
#include "operator/render/moment.h"
#include "operator/render/rollout_text.h"
#include "operator/rule_text.h"
#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"
#include "schemas/limits.h"

namespace muster::ctl {
namespace {

struct CheckedRule {
  std::string text;
  rules::Rule rule;
};

// Every diagnostic of a file on a line of its own after the first.
Error error_of(const std::string& file, const std::vector<rules::Diagnostic>& diagnostics) {
  auto message = file + " has " + count_text(diagnostics.size(), "error");
  for (const auto& diagnostic : diagnostics) message += "\n" + diagnostic.text();
  return {ErrorKind::invalid, std::move(message)};
}

tl::expected<CheckedRule, Error> read_rule(const std::string& file) {
  auto bytes = host::read_file(file, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  CheckedRule checked;
  checked.text = ByteView(*bytes).text();
  auto loaded = rules::load_rule(checked.text, file);
  if (!loaded.rule) return tl::make_unexpected(error_of(file, loaded.diagnostics));
  checked.rule = std::move(*loaded.rule);
  return checked;
}

tl::expected<rules::DescribedFleet, Error> read_fleet(const std::string& file) {
  auto bytes = host::read_file(file, limits::rule_text_len_max);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  auto loaded = rules::load_fleet(ByteView(*bytes).text(), file);
  if (!loaded.fleet) return tl::make_unexpected(error_of(file, loaded.diagnostics));
  return std::move(*loaded.fleet);
}

// A rollout that stands still because the broker decides nothing any more looks like one that has time.
void warn_when_stopped(ControlClient& client, const Terminal& terminal) {
  const auto answer = client.call({"getMetrics", {}});
  const auto stopped = answer ? decode_stopped(*answer) : std::string();
  if (stopped.empty()) return;
  *terminal.err << "musterctl: the broker has stopped deciding, all rollouts stand still: " << stopped
                << "; mend the cause and restart the broker\n";
}

}  // namespace

Outcome rollout_check(const RolloutCheckOptions& options, const Terminal& terminal) {
  const auto checked = read_rule(options.file);
  if (!checked) return tl::make_unexpected(checked.error());
  auto text = options.file + " is valid.\n" + rule_plan(checked->rule);
  auto json = rule_json(checked->rule);
  if (!options.fleet.empty()) {
    const auto fleet = read_fleet(options.fleet);
    if (!fleet) return tl::make_unexpected(fleet.error());
    text += "\n" + fleet_plan(checked->rule, *fleet, options.fleet);
    json = json_object({{"rule", RawJson{json}}, {"fleet", RawJson{fleet_plan_json(checked->rule, *fleet)}}});
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
  terminal.result(*message + "\nwatch it: musterctl rollout watch " + checked->rule.rollout, *answer);
  return ExitCode::ok;
}

Outcome rollout_change(const Connection& connection, const RolloutChange& change, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  Request request{change.command, {{"rollout", change.rollout}}};
  if (!change.reason.empty()) request.fields.emplace_back("reason", change.reason);
  if (change.acknowledge_failures) request.fields.emplace_back("acknowledgeFailures", true);
  if (!change.mode.empty()) request.fields.emplace_back("mode", change.mode);
  auto answer = client.call(request);
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  const auto message = decode_message(*answer);
  if (!message) return tl::make_unexpected(message.error());
  terminal.result(*message, *answer);
  return ExitCode::ok;
}

Outcome rollout_status(const Connection& connection, const std::string& rollout, const Terminal& terminal) {
  ControlClient client(connection);
  if (auto connected = client.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
  auto answer =
      rollout.empty() ? client.call({"listRollouts", {}}) : client.call({"getRollout", {{"rollout", rollout}}});
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
