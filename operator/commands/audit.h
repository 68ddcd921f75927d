// `musterctl audit …`. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "operator/commands/terminal.h"
#include "operator/control_client.h"

namespace muster::ctl {

struct AuditShowOptions {
  std::optional<std::uint64_t> after;  // none: the newest `limit` entries
  std::uint64_t limit = 50;
};
[[nodiscard]] Outcome audit_show(const Connection& connection, const AuditShowOptions& options,
                                 const Terminal& terminal);

struct AuditVerifyOptions {
  std::string root;           // root.menv
  std::string expected_head;  // "SEQ:HASH" or "HASH"; empty: none
};
// Fetches the whole record, recomputes its chain and checks the signed head. A broken record has kind untrusted.
[[nodiscard]] Outcome audit_verify(const Connection& connection, const AuditVerifyOptions& options,
                                   const Terminal& terminal);

}  // namespace muster::ctl
