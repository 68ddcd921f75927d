#include "trust/envelope.h"

#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/manifest_generated.h"
#include "trust/sha256.h"
#include "trust/signatures.h"

namespace muster::trust {

namespace {

// Which role may sign what: the whole table.
wire::Role signer_of(wire::PayloadKind kind) {
  switch (kind) {
    case wire::PayloadKind::root:
      return wire::Role::root;
    case wire::PayloadKind::manifest:
    case wire::PayloadKind::release_move:
      return wire::Role::release;
    case wire::PayloadKind::assignment:
    case wire::PayloadKind::directive:
    case wire::PayloadKind::audit_head:
      return wire::Role::control;
  }
  return wire::Role::root;
}

bool is_past(std::uint64_t expires_s, std::uint64_t now_s) {
  return expires_s != 0 && now_s > expires_s;
}

// Signatures first, so that nothing an outsider wrote is read; then the payload's own structure.
template <class Message>
TrustFault open_message(ByteView envelope, wire::PayloadKind kind, const OpenContext& context, const Message*& message,
                        ByteView& payload) {
  if (context.root == nullptr) return TrustFault::unknown_key;
  const auto fault = open_envelope(envelope, kind, *context.root, payload);
  if (fault != TrustFault::none) return fault;
  if (is_past(context.root->expires_s, context.now_s)) return TrustFault::expired;
  return verify(payload, message) == WireFault::none ? TrustFault::none : TrustFault::malformed;
}

bool says(const flatbuffers::String* text, std::string_view wanted) {
  return std::string_view(text->c_str(), text->size()) == wanted;
}

}  // namespace

TrustFault open_envelope(ByteView envelope, wire::PayloadKind kind, const TrustRoot& root, ByteView& payload) {
  const wire::Envelope* found = nullptr;
  const auto fault = verify(envelope, found);
  if (fault == WireFault::wrong_kind) return TrustFault::wrong_kind;
  if (fault != WireFault::none) return TrustFault::malformed;
  if (found->kind() != kind) return TrustFault::wrong_kind;
  Sha256 digest;
  if (!signed_digest(*found, digest)) return TrustFault::malformed;
  const auto refused = check_threshold(*found, digest, root.role(signer_of(kind)));
  if (refused == TrustFault::none) payload = ByteView(found->payload()->data(), found->payload()->size());
  return refused;
}

TrustFault open_manifest(ByteView envelope, const OpenContext& context, const wire::Manifest*& manifest,
                         Sha256& digest) {
  ByteView payload;
  const wire::Manifest* found = nullptr;
  const auto fault = open_message(envelope, wire::PayloadKind::manifest, context, found, payload);
  if (fault != TrustFault::none) return fault;
  if (is_past(found->expires_s(), context.now_s)) return TrustFault::expired;
  manifest = found;
  digest = sha256(payload);
  return TrustFault::none;
}

TrustFault open_assignment(ByteView envelope, const OpenContext& context, std::string_view device_id,
                           const wire::Assignment*& assignment) {
  ByteView payload;
  const wire::Assignment* found = nullptr;
  const auto fault = open_message(envelope, wire::PayloadKind::assignment, context, found, payload);
  if (fault != TrustFault::none) return fault;
  if (!says(found->device_id(), device_id)) return TrustFault::wrong_subject;
  if (is_past(found->expires_s(), context.now_s)) return TrustFault::expired;
  assignment = found;
  return TrustFault::none;
}

TrustFault open_directive(ByteView envelope, const OpenContext& context, std::string_view scope,
                          const wire::Directive*& directive) {
  ByteView payload;
  const wire::Directive* found = nullptr;
  const auto fault = open_message(envelope, wire::PayloadKind::directive, context, found, payload);
  if (fault != TrustFault::none) return fault;
  if (!says(found->scope(), scope)) return TrustFault::wrong_subject;
  if (is_past(found->expires_s(), context.now_s)) return TrustFault::expired;
  directive = found;
  return TrustFault::none;
}

TrustFault open_audit_head(ByteView envelope, const OpenContext& context, const wire::AuditHead*& head) {
  ByteView payload;
  const wire::AuditHead* found = nullptr;
  const auto fault = open_message(envelope, wire::PayloadKind::audit_head, context, found, payload);
  if (fault != TrustFault::none) return fault;
  head = found;
  return TrustFault::none;
}

}  // namespace muster::trust
