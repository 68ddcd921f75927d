// musterctl evidence …
#include "operator/commands/evidence.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {
namespace {

struct RequestOptions {
  std::string device, reason;
};

}  // namespace

void add_evidence_commands(CLI::App& app, Session& session) {
  auto& group = add_group(app, "evidence", "what devices keep of their last events: ask for it, fetch it, read it");

  auto request = std::make_shared<RequestOptions>();
  auto* command =
      add_command(group, session, "request", "ask a device for its evidence, once; also one that is off now",
                  "musterctl evidence request board-3 --reason 'two resets since noon'", [&session, request] {
                    return evidence_request(session.connection, request->device, request->reason, session.terminal);
                  });
  command->add_option("DEVICE", request->device, "its id")->required();
  add_reason(*command, request->reason);
  add_connection(*command, session);

  auto list = std::make_shared<RequestOptions>();
  command = add_command(group, session, "list", "list the bundles at the broker", "musterctl evidence list board-3",
                        [&session, list] { return evidence_list(session.connection, list->device, session.terminal); });
  command->add_option("DEVICE", list->device, "only those of this device");
  add_connection(*command, session);

  auto get = std::make_shared<EvidenceGetOptions>();
  command = add_command(group, session, "get", "fetch a bundle into a file and check its digest",
                        "musterctl evidence get board-3 5f2a91c0 --out board-3.mevb",
                        [&session, get] { return evidence_get(session.connection, *get, session.terminal); });
  command->add_option("DEVICE", get->device, "its id")->required();
  command->add_option("BUNDLE", get->bundle, "its digest, or the first digits of it")->required();
  command->add_option("--out", get->out, "the file to make")->required()->type_name("FILE");
  add_connection(*command, session);

  auto show = std::make_shared<EvidenceShowOptions>();
  command = add_command(group, session, "show", "read a microcontroller's bundle: from a file, or from the broker",
                        "musterctl evidence show board-3",
                        [&session, show] { return evidence_show(session.connection, *show, session.terminal); });
  command->add_option("FILE|DEVICE", show->what, "a file that evidence get made, or a device")->required();
  command->add_option("BUNDLE", show->bundle, "of the device: a digest, or the first digits; else its newest");
  add_connection(*command, session);
}

}  // namespace muster::ctl
