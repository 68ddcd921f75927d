// Verifies what devices receive, manifests apart: chunks, acknowledgements, envelopes and what is signed in them.
#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/ids.h"
#include "schemas/root_chain_generated.h"
#include "schemas/root_generated.h"
#include "schemas/wire.h"
#include "schemas/wire_check.h"

namespace muster {

using wire_check::Checker;

namespace {

constexpr std::size_t signature_len = 64;  // r || s
constexpr std::size_t point_len = 65;      // 0x04 || x || y

std::size_t payload_len_max(wire::PayloadKind kind) {
  switch (kind) {
    case wire::PayloadKind::root:
      return limits::root_document_len_max;
    case wire::PayloadKind::manifest:
      return limits::manifest_len_max;
    case wire::PayloadKind::assignment:
      return limits::assignment_len_max;
    case wire::PayloadKind::directive:
      return limits::directive_len_max;
    case wire::PayloadKind::audit_head:
      return limits::audit_head_len_max;
    case wire::PayloadKind::release_move:
      return limits::release_move_len_max;
  }
  return 0;
}

void check_role(Checker& check, const wire::RoleKeys& role, unsigned& seen) {
  check.known(role.role());
  check.count(role.keys(), limits::root_keys_max);
  check.require(role.threshold() >= 1 && role.threshold() <= role.keys()->size(), WireFault::over_limit);
  for (const auto* key : *role.keys()) {
    check.require(key->point()->size() == point_len && key->point()->Get(0) == 0x04, WireFault::malformed);
  }
  if (!check.ok()) return;
  const unsigned bit = 1u << static_cast<unsigned>(role.role());
  check.require((seen & bit) == 0, WireFault::malformed);
  seen |= bit;
}

void check_release(Checker& check, const wire::AssignedRelease& release) {
  // A manifest without an envelope is one that the broker can not serve: only a device that still has it can go there.
  const bool servable = !wire_check::is_zero(release.envelope());
  check.require(!servable || !wire_check::is_zero(release.manifest()), WireFault::malformed);
  check.require(servable == (release.envelope_size() != 0), WireFault::malformed);
  check.require(release.envelope_size() <= limits::envelope_len_max, WireFault::over_limit);
  check.optional_id(release.name());
  check.optional_version(release.version());
}

void check_order(Checker& check, const wire::Order& order) {
  check.known(order.kind());
  check.known(order.plane());
  const bool names_a_release = order.kind() == wire::OrderKind::rollback || order.kind() == wire::OrderKind::freeze;
  check.require(!names_a_release || !wire_check::is_zero(order.release()), WireFault::malformed);
  check.text(order.reason(), limits::text_len_max);
  check.text(order.by(), limits::id_len_max);
}

}  // namespace

WireFault verify(ByteView bytes, const wire::Chunk*& message) {
  const wire::Chunk* chunk = nullptr;
  const auto fault = wire_check::open(bytes, limits::chunk_len_max, wire::ChunkIdentifier(), chunk);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.known(chunk->status());
  check.data(chunk->data(), limits::chunk_data_len_max);
  const std::uint64_t len = chunk->data() == nullptr ? 0 : chunk->data()->size();
  if (chunk->status() == wire::ChunkStatus::ok) {
    check.require(chunk->offset() <= chunk->total() && len <= chunk->total() - chunk->offset(), WireFault::malformed);
  } else {
    check.require(len == 0, WireFault::malformed);
  }
  return wire_check::accept(check, chunk, message);
}

WireFault verify(ByteView bytes, const wire::Ack*& message) {
  return wire_check::open(bytes, limits::ack_len_max, wire::AckIdentifier(), message);
}

WireFault verify(ByteView bytes, const wire::Envelope*& message) {
  const wire::Envelope* envelope = nullptr;
  const auto fault = wire_check::open(bytes, limits::envelope_len_max, wire::EnvelopeIdentifier(), envelope);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.known(envelope->kind());
  check.data(envelope->payload(), payload_len_max(envelope->kind()));
  check.require(envelope->payload()->size() > 0, WireFault::malformed);
  check.require(envelope->leaf_count() <= limits::batch_max, WireFault::over_limit);
  check.require(envelope->leaf_index() < envelope->leaf_count(), WireFault::malformed);
  check.count(envelope->path(), limits::merkle_depth_max);
  check.count(envelope->signatures(), limits::signatures_max);
  check.require(envelope->signatures()->size() > 0, WireFault::malformed);
  for (const auto* signature : *envelope->signatures()) {
    check.require(signature->bytes()->size() == signature_len, WireFault::malformed);
  }
  return wire_check::accept(check, envelope, message);
}

WireFault verify(ByteView bytes, const wire::RootDocument*& message) {
  const wire::RootDocument* root = nullptr;
  const auto fault = wire_check::open(bytes, limits::root_document_len_max, wire::RootDocumentIdentifier(), root);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.require(root->version() >= 1, WireFault::malformed);
  check.count(root->roles(), static_cast<std::size_t>(wire::Role::MAX) + 1);
  unsigned seen = 0;
  for (const auto* role : *root->roles()) check_role(check, *role, seen);
  return wire_check::accept(check, root, message);
}

WireFault verify(ByteView bytes, const wire::RootChain*& message) {
  const wire::RootChain* chain = nullptr;
  const auto fault = wire_check::open(bytes, limits::root_chain_len_max, wire::RootChainIdentifier(), chain);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.count(chain->documents(), limits::root_documents_max);
  for (const auto* document : *chain->documents()) check.data(document->bytes(), limits::envelope_len_max);
  return wire_check::accept(check, chain, message);
}

WireFault verify(ByteView bytes, const wire::Assignment*& message) {
  const wire::Assignment* assignment = nullptr;
  const auto fault = wire_check::open(bytes, limits::assignment_len_max, wire::AssignmentIdentifier(), assignment);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.id(assignment->device_id());
  check.optional_id(assignment->rollout());
  check.count(assignment->releases(), limits::planes_max);
  unsigned seen = 0;
  for (const auto* release : *assignment->releases()) {
    check.plane_once(release->plane(), seen);
    check_release(check, *release);
  }
  check.known(assignment->hold());
  if (const auto* shadow = assignment->shadow(); shadow != nullptr) {
    check.count(shadow, limits::planes_max);
    seen = 0;
    for (const auto* release : *shadow) {
      check.plane_once(release->plane(), seen);
      check.require(!wire_check::is_zero(release->envelope()), WireFault::malformed);  // it has to be fetched
      check_release(check, *release);
    }
  }
  return wire_check::accept(check, assignment, message);
}

WireFault verify(ByteView bytes, const wire::Directive*& message) {
  const wire::Directive* directive = nullptr;
  const auto fault = wire_check::open(bytes, limits::directive_len_max, wire::DirectiveIdentifier(), directive);
  if (fault != WireFault::none) return fault;
  Checker check;
  check.require(is_scope(wire_check::view(directive->scope())), WireFault::bad_name);
  check.count(directive->orders(), limits::orders_max);
  for (const auto* order : *directive->orders()) check_order(check, *order);
  return wire_check::accept(check, directive, message);
}

WireFault verify(ByteView bytes, const wire::AuditHead*& message) {
  return wire_check::open(bytes, limits::audit_head_len_max, wire::AuditHeadIdentifier(), message);
}

}  // namespace muster
