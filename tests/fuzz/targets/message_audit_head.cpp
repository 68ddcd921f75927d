#include "schemas/audit_head_generated.h"
#include "tests/fuzz/message_target.h"

FUZZ_TARGET(message_audit_head) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  (void)fuzz::checked_input<wire::AuditHead>(copy, wire::AuditHeadIdentifier(), limits::audit_head_len_max);
}
