#include "trust/root.h"

#include <cstring>

#include "schemas/root_chain_generated.h"
#include "schemas/wire.h"
#include "trust/sha256.h"
#include "trust/signatures.h"

namespace muster::trust {

namespace {

// A document taken from an envelope whose signatures are still unchecked.
struct Candidate {
  const wire::Envelope* envelope = nullptr;
  const wire::RootDocument* document = nullptr;
};

TrustFault read_candidate(ByteView bytes, Candidate& candidate) {
  const auto fault = verify(bytes, candidate.envelope);
  if (fault == WireFault::wrong_kind) return TrustFault::wrong_kind;
  if (fault != WireFault::none) return TrustFault::malformed;
  if (candidate.envelope->kind() != wire::PayloadKind::root) return TrustFault::wrong_kind;
  const auto* payload = candidate.envelope->payload();
  if (verify(ByteView(payload->data(), payload->size()), candidate.document) != WireFault::none)
    return TrustFault::malformed;
  return TrustFault::none;
}

// One key under two names would count twice towards a threshold, so each must have its own point and the id made from
// it.
bool read_role(const wire::RoleKeys& from, RoleKeySet& role) {
  role.threshold = from.threshold();
  for (const auto* key : *from.keys()) {
    auto& to = role.keys[role.key_count];
    std::memcpy(to.point.data(), key->point()->data(), to.point.size());
    to.id = key_id_of(to.point);
    if (std::memcmp(to.id.data(), key->id()->bytes()->data(), to.id.size()) != 0) return false;
    for (std::size_t i = 0; i < role.key_count; ++i) {
      if (role.keys[i].point == to.point) return false;
    }
    ++role.key_count;
  }
  return true;
}

// A root that nobody may sign could never be replaced, so the root role must be held.
bool read_document(const wire::RootDocument& document, TrustRoot& root) {
  root.version = document.version();
  root.expires_s = document.expires_s();
  for (const auto* role : *document.roles()) {
    if (!read_role(*role, root.roles[static_cast<std::size_t>(role->role())])) return false;
  }
  return root.role(wire::Role::root).threshold > 0;
}

// Checks the candidate against `holders` first, when there are any, and always against its own root keys.
TrustFault accept(const Candidate& candidate, const RoleKeySet* holders, TrustRoot& root) {
  TrustRoot next;
  if (!read_document(*candidate.document, next)) return TrustFault::malformed;
  Sha256 digest;
  if (!signed_digest(*candidate.envelope, digest)) return TrustFault::malformed;
  if (holders != nullptr) {
    if (const auto fault = check_threshold(*candidate.envelope, digest, *holders); fault != TrustFault::none)
      return fault;
  }
  const auto fault = check_threshold(*candidate.envelope, digest, next.role(wire::Role::root));
  if (fault == TrustFault::none) root = next;
  return fault;
}

}  // namespace

KeyIdBytes key_id_of(const PublicPoint& point) {
  const auto digest = sha256(ByteView(point.data(), point.size()));
  KeyIdBytes id{};
  std::memcpy(id.data(), digest.bytes.data(), id.size());
  return id;
}

TrustFault pin_root(ByteView envelope, TrustRoot& root) {
  Candidate candidate;
  if (const auto fault = read_candidate(envelope, candidate); fault != TrustFault::none) return fault;
  return accept(candidate, nullptr, root);
}

TrustFault advance_root_by(ByteView envelope, TrustRoot& root) {
  if (root.version == 0) return TrustFault::unknown_key;
  Candidate candidate;
  if (const auto unreadable = read_candidate(envelope, candidate); unreadable != TrustFault::none) return unreadable;
  if (candidate.document->version() <= root.version) return TrustFault::none;
  if (candidate.document->version() - root.version != 1) return TrustFault::malformed;
  const RoleKeySet holders = root.role(wire::Role::root);
  return accept(candidate, &holders, root);
}

TrustFault advance_root(ByteView chain, TrustRoot& root) {
  if (root.version == 0) return TrustFault::unknown_key;
  const wire::RootChain* documents = nullptr;
  const auto fault = verify(chain, documents);
  if (fault != WireFault::none) return fault == WireFault::wrong_kind ? TrustFault::wrong_kind : TrustFault::malformed;
  for (const auto* entry : *documents->documents()) {
    const auto refused = advance_root_by(ByteView(entry->bytes()->data(), entry->bytes()->size()), root);
    if (refused != TrustFault::none) return refused;
  }
  return TrustFault::none;
}

}  // namespace muster::trust
