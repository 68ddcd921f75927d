// musterctl audit …
#include "operator/commands/audit.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {

void add_audit_commands(CLI::App& app, Session& session) {
  auto& group = add_group(app, "audit", "the record of every decision and command");
  auto show = std::make_shared<AuditShowOptions>();
  auto* command = add_command(group, session, "show", "print entries, the newest unless --after says otherwise",
                              "musterctl audit show --limit 20",
                              [&session, show] { return audit_show(session.connection, *show, session.terminal); });
  command->add_option("--after", show->after, "begin after this entry; 0 is the beginning")->type_name("SEQ");
  command->add_option("--limit", show->limit, "how many entries")->check(CLI::Range(1, 1000000))->capture_default_str();
  add_connection(*command, session);

  auto verify = std::make_shared<AuditVerifyOptions>();
  command = add_command(group, session, "verify", "recompute the whole record's hash chain and check its signed head",
                        "musterctl audit verify --root keys/root.menv",
                        [&session, verify] { return audit_verify(session.connection, *verify, session.terminal); });
  add_root(*command, verify->root, "the trust root (root.menv) that says who signs the head");
  command->add_option("--expect-head", verify->expected_head, "an earlier head that must still be in the record")
      ->type_name("SEQ:HASH");
  add_connection(*command, session);
}

}  // namespace muster::ctl
