#include "trust/release_move.h"

#include <algorithm>

#include "schemas/release_move_generated.h"
#include "trust/signatures.h"

namespace muster::trust {
namespace {

// Of each signature, also of those that the threshold does not ask for: a key of the role gave it, and only once.
TrustFault check_each(const wire::Envelope& envelope, const RoleKeySet& keys) {
  Sha256 digest;
  if (!signed_digest(envelope, digest)) return TrustFault::malformed;
  std::array<bool, limits::root_keys_max> seen{};
  for (const auto* signature : *envelope.signatures()) {
    const auto* id = signature->key_id()->bytes();
    const auto end = keys.keys.begin() + keys.key_count;
    const auto key = std::find_if(keys.keys.begin(), end, [&](const TrustedKey& each) {
      return std::equal(each.id.begin(), each.id.end(), id->begin(), id->end());
    });
    if (key == end) return TrustFault::unknown_key;
    auto& again = seen[static_cast<std::size_t>(key - keys.keys.begin())];
    if (again) return TrustFault::malformed;
    again = true;
    RoleKeySet alone;
    alone.threshold = alone.key_count = 1;
    alone.keys[0] = *key;
    if (const auto fault = check_threshold(envelope, digest, alone); fault != TrustFault::none) return fault;
  }
  return TrustFault::none;
}

}  // namespace

TrustFault open_release_move(ByteView envelope, const OpenContext& context, const wire::ReleaseMove*& move) {
  if (context.root == nullptr) return TrustFault::unknown_key;
  ByteView payload;
  const auto fault = open_envelope(envelope, wire::PayloadKind::release_move, *context.root, payload);
  if (fault != TrustFault::none) return fault;
  const wire::Envelope* opened = nullptr;
  if (verify(envelope, opened) != WireFault::none) return TrustFault::malformed;
  if (const auto each = check_each(*opened, context.root->role(wire::Role::release)); each != TrustFault::none)
    return each;
  const wire::ReleaseMove* found = nullptr;
  if (verify(payload, found) != WireFault::none) return TrustFault::malformed;
  for (const auto expires_s : {context.root->expires_s, found->expires_s()}) {
    if (expires_s != 0 && context.now_s > expires_s) return TrustFault::expired;
  }
  move = found;
  return TrustFault::none;
}

}  // namespace muster::trust
