// musterctl: what operators run. Parses the command line, runs the one command, turns errors into a sentence and an
// exit code (docs/exit-codes.md).
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "operator/cli/session.h"

namespace muster::ctl {
namespace {

constexpr const char* version = "musterctl 0.1.0";

// One sentence on stderr, diagnostics below it; with --json one object with the same.
int report(const Error& error, const Terminal& terminal) {
  const auto code = static_cast<int>(exit_code_of(error.kind));
  if (!terminal.json) {
    *terminal.err << "musterctl: " << error.message << "\n";
    return code;
  }
  const auto line_end = error.message.find('\n');
  JsonFields fields{{"error", error.message.substr(0, line_end)},
                    {"kind", std::string(name_of(error.kind))},
                    {"exit_code", static_cast<std::uint64_t>(code)}};
  std::vector<std::string> diagnostics;
  for (auto at = line_end; at != std::string::npos;) {
    const auto next = error.message.find('\n', at + 1);
    diagnostics.push_back(error.message.substr(at + 1, next == std::string::npos ? next : next - at - 1));
    at = next;
  }
  if (!diagnostics.empty()) fields.emplace_back("diagnostics", diagnostics);
  *terminal.err << json_object(fields) << "\n";
  return code;
}

// The command furthest down the line that was recognised: the one whose help is of use.
std::string given_command(const CLI::App& app) {
  std::string text = "musterctl";
  const auto* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    text += " " + at->get_name();
  }
  return text;
}

// The library says of a misspelt command only that one is missing; what stands in its place says more.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  const auto leftover = app.remaining(true);
  const bool misspelt = error.get_name() == "RequiredError" && !leftover.empty() && leftover.front().front() != '-';
  return misspelt ? "there is no command '" + leftover.front() + "'" : std::string(error.what());
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, const Terminal& terminal) {
  return report({ErrorKind::usage, what_is_wrong(app, error) + " (see " + given_command(app) + " --help)"}, terminal);
}

int run(int argc, char** argv) {
  Session session;
  session.terminal = stdout_terminal();
  CLI::App app("Staged rollouts over MQTT: keys, releases, rollouts, devices, orders, evidence and the audit record.",
               "musterctl");
  app.footer("Every command has --help with an example, and --json. Exit codes: docs/exit-codes.md.");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  add_keys_commands(app, session);
  add_release_commands(app, session);
  add_rollout_commands(app, session);
  add_simulate_command(app, session);
  add_device_commands(app, session);
  add_evidence_commands(app, session);
  add_audit_commands(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, session.terminal);
  }
  if (const char* password = std::getenv("MUSTER_PASSWORD"); password != nullptr)
    session.connection.password = password;
  const auto outcome = session.run();
  // A full disk or a closed pipe behind stdout must not pass for success.
  std::cout.flush();
  if (!outcome) return report(outcome.error(), session.terminal);
  if (!std::cout) return report({ErrorKind::io, "the output could not be written"}, session.terminal);
  return static_cast<int>(*outcome);
}

}  // namespace
}  // namespace muster::ctl

int main(int argc, char** argv) {
  try {
    return muster::ctl::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "musterctl: internal error: " << error.what() << "\n";
    return static_cast<int>(muster::ctl::ExitCode::internal);
  }
}
