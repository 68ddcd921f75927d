// Signed messages as a device opens them. The kept inputs are signed by the keys of fixed_trust.h, so that the paths
// behind a good signature are walked too.
#include <algorithm>

#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/manifest_generated.h"
#include "tests/fuzz/fixed_trust.h"
#include "tests/fuzz/target.h"
#include "trust/release_move.h"
#include "trust/sha256.h"

namespace {

using namespace muster;
using trust::TrustFault;

// What was opened lies in the input, and one turned bit of it is refused.
void check_opened(ByteView envelope, wire::PayloadKind kind) {
  ByteView payload;
  FUZZ_REQUIRE(trust::open_envelope(envelope, kind, fuzz::fixed_root(), payload) == TrustFault::none,
               "opened typed but not as it is");
  FUZZ_REQUIRE(payload.begin() >= envelope.begin() && payload.end() <= envelope.end(), "the payload lies elsewhere");
  const auto at = static_cast<std::size_t>(payload.begin() - envelope.begin());
  Bytes changed(envelope.begin(), envelope.end());
  changed[at + payload.size() / 2] ^= 0x10;
  const fuzz::ExactCopy copy(changed);
  ByteView ignored;
  FUZZ_REQUIRE(trust::open_envelope(copy.view(), kind, fuzz::fixed_root(), ignored) == TrustFault::bad_signature,
               "a changed payload passes");
  for (const auto other : wire::EnumValuesPayloadKind()) {
    if (other == kind) continue;
    FUZZ_REQUIRE(trust::open_envelope(envelope, other, fuzz::fixed_root(), ignored) == TrustFault::wrong_kind,
                 "it passes for something else");
  }
}

}  // namespace

FUZZ_TARGET(open_signed) {
  const fuzz::ExactCopy copy(input);
  const auto envelope = copy.view();
  const trust::OpenContext context{&fuzz::fixed_root(), 1790000000};
  const wire::Manifest* manifest = nullptr;
  const wire::Assignment* assignment = nullptr;
  const wire::Directive* directive = nullptr;
  const wire::AuditHead* head = nullptr;
  Sha256 digest;
  if (trust::open_manifest(envelope, context, manifest, digest) == TrustFault::none) {
    FUZZ_REQUIRE(manifest != nullptr && (manifest->expires_s() == 0 || manifest->expires_s() >= context.now_s),
                 "an expired manifest");
    check_opened(envelope, wire::PayloadKind::manifest);
  }
  if (trust::open_assignment(envelope, context, "gw-17", assignment) == TrustFault::none) {
    FUZZ_REQUIRE(assignment->device_id()->str() == "gw-17", "an assignment of another device");
    check_opened(envelope, wire::PayloadKind::assignment);
  }
  if (trust::open_directive(envelope, context, "group/region=de", directive) == TrustFault::none) {
    FUZZ_REQUIRE(directive->scope()->str() == "group/region=de", "a directive of another scope");
    check_opened(envelope, wire::PayloadKind::directive);
  }
  if (trust::open_audit_head(envelope, context, head) == TrustFault::none) {
    check_opened(envelope, wire::PayloadKind::audit_head);
  }
  const wire::ReleaseMove* move = nullptr;
  if (trust::open_release_move(envelope, context, move) == TrustFault::none) {
    check_opened(envelope, wire::PayloadKind::release_move);
  }
  FUZZ_REQUIRE((manifest != nullptr) + (assignment != nullptr) + (directive != nullptr) + (head != nullptr) +
                       (move != nullptr) <=
                   1,
               "one envelope is two things");
}
