// What all commands' options share: --json, where the broker is, and the one action that a parsed command line asks
// for. The files of cli/ are the only ones that know the command line library. One thread.
#pragma once

#include <functional>
#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace muster::ctl {

struct Session {
  Terminal terminal;
  Connection connection;
  std::function<Outcome()> run;  // set by the command that was given
};

// A command below `parent` with its example and --json; `action` runs after parsing.
CLI::App* add_command(CLI::App& parent, Session& session, const std::string& name, const std::string& what,
                      const std::string& example, std::function<Outcome()> action);
// A group of commands: nothing by itself.
CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& what);

// --host, --port, --ca, --cert, --key, --user, --timeout-s, each with its MUSTER_* variable.
void add_connection(CLI::App& command, Session& session);
// --reason, ending in the audit record.
void add_reason(CLI::App& command, std::string& reason);
// --root, with MUSTER_ROOT.
CLI::Option* add_root(CLI::App& command, std::string& root, const std::string& what);

// The commands, one file a group.
void add_keys_commands(CLI::App& app, Session& session);
void add_release_commands(CLI::App& app, Session& session);
void add_release_life_commands(CLI::App& group, Session& session);  // into the group `release`
void add_rollout_commands(CLI::App& app, Session& session);
void add_simulate_command(CLI::App& app, Session& session);
void add_device_commands(CLI::App& app, Session& session);
void add_evidence_commands(CLI::App& app, Session& session);
void add_audit_commands(CLI::App& app, Session& session);

}  // namespace muster::ctl
