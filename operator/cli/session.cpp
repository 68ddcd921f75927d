#include "operator/cli/session.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "schemas/limits.h"

namespace muster::ctl {

CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& what) {
  auto* group = app.add_subcommand(name, what);
  group->require_subcommand(1);
  return *group;
}

CLI::App* add_command(CLI::App& parent, Session& session, const std::string& name, const std::string& what,
                      const std::string& example, std::function<Outcome()> action) {
  auto* command = parent.add_subcommand(name, what);
  command->footer("Example:\n  " + example);
  command->add_flag("--json", session.terminal.json, "print JSON instead of text");
  command->callback([&session, action = std::move(action)] { session.run = action; });
  return command;
}

void add_connection(CLI::App& command, Session& session) {
  // Each command has values of its own: the library reads variables for all commands, and would write those over the
  // options that one of them was given.
  const auto own = std::make_shared<Connection>();
  auto& c = *own;
  command.parse_complete_callback([&session, own] { session.connection = *own; });
  const auto add = [&command](const std::string& name, auto& value, const std::string& what,
                              const std::string& variable) {
    return command.add_option(name, value, what)->envname(variable)->group("Connection");
  };
  add("--host", c.host, "the broker's host name or address", "MUSTER_HOST")->capture_default_str();
  add("--port", c.port, "its TLS port", "MUSTER_PORT")->check(CLI::Range(1, 65535))->capture_default_str();
  add("--ca", c.ca, "PEM file with the CA that signed the broker's certificate", "MUSTER_CA")->type_name("FILE");
  add("--cert", c.cert, "PEM file with your operator certificate", "MUSTER_CERT")->type_name("FILE");
  add("--key", c.key, "PEM file with its private key", "MUSTER_KEY")->type_name("FILE");
  add("--user", c.username,
      "user name, where the broker takes logins instead of certificates; its password comes from MUSTER_PASSWORD",
      "MUSTER_USER")
      ->type_name("NAME");
  add("--timeout-s", c.timeout_s, "how long to wait for the connection and for each answer", "MUSTER_TIMEOUT_S")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
}

void add_reason(CLI::App& command, std::string& reason) {
  command.add_option("--reason", reason, "why; goes into the audit record")
      ->type_name("TEXT")
      ->check([](const std::string& text) {
        return text.size() <= limits::text_len_max
                   ? std::string()
                   : "a reason has at most " + std::to_string(limits::text_len_max) + " bytes";
      });
}

CLI::Option* add_root(CLI::App& command, std::string& root, const std::string& what) {
  return command.add_option("--root", root, what)->envname("MUSTER_ROOT")->type_name("FILE");
}

}  // namespace muster::ctl
