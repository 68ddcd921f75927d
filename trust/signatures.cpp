#include "trust/signatures.h"

#include <string_view>

#include "trust/ecdsa.h"
#include "trust/merkle.h"
#include "trust/sha256.h"

namespace muster::trust {

namespace {

// Separates these signatures from any other use of the same keys; the NUL ends it.
constexpr std::string_view batch_label("muster-batch-v1\0", 16);

constexpr std::size_t no_key = limits::root_keys_max;

// Where the signature's key stands in the role; no_key when it does not hold it.
std::size_t place_of(const wire::KeyId& id, const RoleKeySet& keys) {
  for (std::size_t i = 0; i < keys.key_count; ++i) {
    if (std::memcmp(id.bytes()->data(), keys.keys[i].id.data(), keys.keys[i].id.size()) == 0) return i;
  }
  return no_key;
}

}  // namespace

Sha256 batch_digest(std::uint32_t leaf_count, const Sha256& merkle_root) {
  const std::uint8_t count[4] = {static_cast<std::uint8_t>(leaf_count >> 24),
                                 static_cast<std::uint8_t>(leaf_count >> 16),
                                 static_cast<std::uint8_t>(leaf_count >> 8), static_cast<std::uint8_t>(leaf_count)};
  Sha256Stream stream;
  stream.update(ByteView(batch_label));
  stream.update(ByteView(count, sizeof count));
  stream.update(ByteView(merkle_root.bytes.data(), merkle_root.bytes.size()));
  return stream.finish();
}

Sha256 payload_leaf(wire::PayloadKind kind, ByteView payload) {
  const auto byte = static_cast<std::uint8_t>(kind);
  return merkle_leaf(ByteView(&byte, 1), payload);
}

bool signed_digest(const wire::Envelope& envelope, Sha256& digest) {
  const auto* payload = envelope.payload();
  const auto* path = envelope.path();
  const auto leaf = payload_leaf(envelope.kind(), ByteView(payload->data(), payload->size()));
  const std::uint8_t* siblings = path == nullptr ? nullptr : path->Data();
  const std::size_t depth = path == nullptr ? 0 : path->size();
  Sha256 root;
  if (!merkle_root_from_path(leaf, envelope.leaf_index(), envelope.leaf_count(), siblings, depth, root)) return false;
  digest = batch_digest(envelope.leaf_count(), root);
  return true;
}

TrustFault check_threshold(const wire::Envelope& envelope, const Sha256& digest, const RoleKeySet& keys) {
  if (keys.threshold == 0) return TrustFault::unknown_key;
  bool counted[limits::root_keys_max] = {};
  unsigned count = 0;
  bool failed = false;
  for (const auto* signature : *envelope.signatures()) {
    const auto place = place_of(*signature->key_id(), keys);
    if (place == no_key || counted[place]) continue;
    if (!ecdsa_p256_verify(keys.keys[place].point, digest, signature->bytes()->data())) {
      failed = true;
      continue;
    }
    counted[place] = true;
    if (++count >= keys.threshold) return TrustFault::none;
  }
  return failed ? TrustFault::bad_signature : TrustFault::unknown_key;
}

}  // namespace muster::trust
