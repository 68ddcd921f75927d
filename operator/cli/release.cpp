// musterctl release …
#include "operator/commands/release.h"
#include "operator/commands/readiness.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {

void add_release_commands(CLI::App& app, Session& session) {
  auto& group = add_group(app, "release", "build, sign and publish releases");

  auto build = std::make_shared<ReleaseBuildOptions>();
  auto* command =
      add_command(group, session, "build", "check a release file and make its folder with manifest and files",
                  "musterctl release build reader-deu.yaml --out releases",
                  [&session, build] { return release_build(*build, session.terminal); });
  command->add_option("FILE", build->file, "the release file (YAML)")->required();
  command->add_option("--out", build->out, "makes NAME@VERSION in this folder")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--replace", build->replace, "build anew over a folder that is not signed yet");

  auto check = std::make_shared<ReleaseCheckOptions>();
  command = add_command(group, session, "check", "judge a release by its evidence, against a readiness policy",
                        "musterctl release check reader-deu.yaml --policy readiness.yaml",
                        [&session, check] { return release_check(*check, session.terminal); });
  command->add_option("RELEASE", check->what, "a release file, or a folder that release build made")->required();
  command->add_option("--policy", check->policy, "the policy; else the one that the release names")->type_name("FILE");
  command->add_option("--evidence", check->evidence, "take the evidence from here; else what the release names")
      ->type_name("DIR");
  command->add_option("--stage", check->stage, "only the items of build, release or post; else of the first two")
      ->type_name("STAGE");

  auto sign = std::make_shared<ReleaseSignOptions>();
  command = add_command(group, session, "sign", "sign a release's manifest",
                        "musterctl release sign releases/reader-deu@1 --key keys/release.key",
                        [&session, sign] { return release_sign(*sign, session.terminal); });
  command->add_option("FOLDER", sign->folder, "the folder that release build made")->required();
  command->add_option("--key", sign->keys, "a release key; repeat it where the root asks for several")
      ->allow_extra_args(false)
      ->required()
      ->type_name("FILE");
  command->add_flag("--again", sign->again, "replace the signature that is there");

  auto publish = std::make_shared<ReleasePublishOptions>();
  command = add_command(
      group, session, "publish", "bring a signed release to the broker; goes on where an earlier try stopped",
      "musterctl release publish releases/reader-deu@1",
      [&session, publish] { return release_publish(session.connection, *publish, session.terminal); });
  command->add_option("FOLDER", publish->folder, "the folder that release build made")->required();
  add_reason(*command, publish->reason);
  add_root(*command, publish->root, "check the signature with this trust root before anything is sent");
  add_connection(*command, session);

  auto show = std::make_shared<ReleaseShowOptions>();
  command = add_command(group, session, "show", "show a release: a folder's, or the broker's",
                        "musterctl release show reader-deu@1 --json",
                        [&session, show] { return release_show(session.connection, *show, session.terminal); });
  command->add_option("RELEASE", show->what, "a folder, or NAME@VERSION")->required();
  add_root(*command, show->root, "check the signature with this trust root");
  add_connection(*command, session);

  auto evidence = std::make_shared<ReleaseEvidenceOptions>();
  command = add_command(group, session, "evidence", "list, or fetch, what the broker's release was judged by",
                        "musterctl release evidence reader-deu@1 --out reader-deu-1", [&session, evidence] {
                          return release_evidence(session.connection, *evidence, session.terminal);
                        });
  command->add_option("RELEASE", evidence->release, "NAME@VERSION")->required();
  command->add_option("--out", evidence->out, "fetch all of it into this new folder")->type_name("DIR");
  add_root(*command, evidence->root, "check the signature with this trust root");
  add_connection(*command, session);

  command = add_command(group, session, "list", "list the broker's releases", "musterctl release list",
                        [&session] { return release_list(session.connection, session.terminal); });
  add_connection(*command, session);
  add_release_life_commands(group, session);
}

}  // namespace muster::ctl
