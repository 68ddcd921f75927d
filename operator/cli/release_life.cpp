// musterctl release promote, retire, move
#include "operator/commands/release_life.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {
namespace {

CLI::App* add_signed_move(CLI::App& group, Session& session, const std::string& name, const std::string& what,
                          const std::string& example, const std::shared_ptr<ReleaseMoveOptions>& options) {
  auto* command = add_command(group, session, name, what, example, [&session, options] {
    return release_promote(session.connection, *options, session.terminal);
  });
  command->add_option("RELEASE", options->what, "NAME@VERSION, or the folder that release build made")->required();
  command->add_option("--release-key", options->keys, "a release key; repeat it where the root asks for several")
      ->allow_extra_args(false)
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--out", options->out, "write the signed statement here instead; with a folder no broker is needed")
      ->type_name("FILE");
  command->add_option("--from", options->from, "the state it is in; else as the broker says, or the one before")
      ->type_name("STATE");
  add_reason(*command, options->reason);
  add_connection(*command, session);
  return command;
}

}  // namespace

void add_release_life_commands(CLI::App& group, Session& session) {
  auto promote = std::make_shared<ReleaseMoveOptions>();
  auto* command =
      add_signed_move(group, session, "promote", "sign a release's move to candidate, canary or promoted",
                      "musterctl release promote reader-deu@1 --to candidate --release-key keys/release.key", promote);
  command->add_option("--to", promote->to, "the next state: candidate, canary or promoted")
      ->required()
      ->check(CLI::IsMember({"candidate", "canary", "promoted"}));

  auto retire = std::make_shared<ReleaseMoveOptions>();
  retire->to = "retired";
  command = add_signed_move(
      group, session, "retire", "sign a release's end: no rollout of it starts, and later its files go",
      "musterctl release retire reader-deu@1 --release-key keys/release.key --reason 'reader-deu@3 is everywhere'",
      retire);
  command->get_option("--reason")->required();

  auto move = std::make_shared<ReleaseBringOptions>();
  command = add_command(group, session, "move", "bring a move that was signed on another machine",
                        "musterctl release move reader-deu-1-canary.menv",
                        [&session, move] { return release_move(session.connection, *move, session.terminal); });
  command->add_option("FILE", move->file, "what promote or retire wrote with --out")->required();
  add_reason(*command, move->reason);
  add_connection(*command, session);
}

}  // namespace muster::ctl
