#include "trust/signing/signer.h"

#include <mbedtls/ecdsa.h>

#include <utility>

#include "schemas/wire.h"
#include "trust/signatures.h"
#include "trust/signing/mbedtls_compat.h"
#include "trust/signing/merkle_tree.h"
#include "trust/signing/private_key.h"

namespace muster::trust {

namespace {

using SignatureBytes = std::array<std::uint8_t, 64>;

struct MadeSignature {
  KeyIdBytes key_id{};
  SignatureBytes bytes{};
};

tl::unexpected<Error> failure(ErrorKind kind, std::string message) {
  return tl::unexpected(Error{kind, std::move(message)});
}

tl::expected<std::vector<MadeSignature>, Error> sign_all(const Sha256& digest,
                                                         const std::vector<const SigningKey*>& signers) {
  std::vector<MadeSignature> signatures;
  for (const auto* signer : signers) {
    const auto id = signer->id();
    for (const auto& made : signatures) {
      if (made.key_id == id)
        return failure(ErrorKind::usage, "the same key was given twice as a signer; each key signs once");
    }
    auto bytes = signer->sign(digest);
    if (!bytes) return tl::unexpected(std::move(bytes).error());
    signatures.push_back({id, *bytes});
  }
  return signatures;
}

// Builds one envelope. `builder` is used for all of a batch, so that its buffer is allocated once.
Bytes write_envelope(flatbuffers::FlatBufferBuilder& builder, const ToSign& item, std::uint32_t index,
                     std::uint32_t count, const std::vector<Sha256>& path,
                     const std::vector<MadeSignature>& signatures) {
  static_assert(sizeof(wire::Digest) == sizeof(Sha256) && sizeof(wire::KeyId) == sizeof(KeyIdBytes));
  builder.Clear();
  std::vector<flatbuffers::Offset<wire::Signature>> entries;
  for (const auto& made : signatures) {
    const wire::KeyId id{flatbuffers::make_span(made.key_id)};
    entries.push_back(wire::CreateSignature(builder, &id, builder.CreateVector(made.bytes.data(), made.bytes.size())));
  }
  const auto list = builder.CreateVector(entries);
  flatbuffers::Offset<flatbuffers::Vector<const wire::Digest*>> siblings;
  if (!path.empty()) {
    siblings = builder.CreateVectorOfStructs(reinterpret_cast<const wire::Digest*>(path.data()), path.size());
  }
  builder.ForceVectorAlignment(item.payload.size(), 1, 8);
  const auto payload = builder.CreateVector(item.payload.data(), item.payload.size());
  wire::FinishEnvelopeBuffer(builder, wire::CreateEnvelope(builder, item.kind, payload, index, count, siblings, list));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

}  // namespace

struct SigningKey::Impl {
  explicit Impl(PrivateKey made) : key(std::move(made)), point(key.point()) {}

  PrivateKey key;
  PublicPoint point;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

tl::expected<SigningKey, Error> SigningKey::generate() {
  auto key = PrivateKey::generate();
  if (!key) return tl::unexpected(std::move(key).error());
  return SigningKey(std::make_unique<Impl>(std::move(*key)));
}

tl::expected<SigningKey, Error> SigningKey::load(const std::string& path) {
  auto key = PrivateKey::load(path);
  if (!key) return tl::unexpected(std::move(key).error());
  return SigningKey(std::make_unique<Impl>(std::move(*key)));
}

tl::expected<void, Error> SigningKey::save(const std::string& path) const {
  return impl_->key.save(path);
}

const PublicPoint& SigningKey::point() const {
  return impl_->point;
}

// RFC 6979: the nonce comes from key and message, so a bad random device can not give the key away.
tl::expected<SignatureBytes, Error> SigningKey::sign(const Sha256& digest) const {
  auto* pair = impl_->key.pair();
  mbedtls_mpi r;
  mbedtls_mpi s;
  mbedtls_mpi_init(&r);
  mbedtls_mpi_init(&s);
  SignatureBytes signature{};
  int code =
      mbedtls_ecdsa_sign_det_ext(&pair->MBEDTLS_PRIVATE(grp), &r, &s, &pair->MBEDTLS_PRIVATE(d), digest.bytes.data(),
                                 digest.bytes.size(), MBEDTLS_MD_SHA256, compat::system_random, nullptr);
  if (code == 0) code = mbedtls_mpi_write_binary(&r, signature.data(), 32);
  if (code == 0) code = mbedtls_mpi_write_binary(&s, signature.data() + 32, 32);
  mbedtls_mpi_free(&s);
  mbedtls_mpi_free(&r);
  if (code != 0) return failure(ErrorKind::internal, "cannot sign: " + compat::reason(code));
  return signature;
}

tl::expected<std::vector<Bytes>, Error> seal(const std::vector<ToSign>& batch,
                                             const std::vector<const SigningKey*>& signers) {
  if (batch.empty() || batch.size() > limits::batch_max) {
    return failure(ErrorKind::usage, "a batch holds 1 to " + std::to_string(limits::batch_max) + " payloads, not " +
                                         std::to_string(batch.size()));
  }
  if (signers.empty() || signers.size() > limits::signatures_max) {
    return failure(ErrorKind::usage, "an envelope carries 1 to " + std::to_string(limits::signatures_max) +
                                         " signatures, not " + std::to_string(signers.size()));
  }
  std::vector<Sha256> leaves;
  leaves.reserve(batch.size());
  for (const auto& item : batch) leaves.push_back(payload_leaf(item.kind, item.payload));
  const MerkleTree tree(std::move(leaves));
  const auto count = static_cast<std::uint32_t>(batch.size());
  const auto signatures = sign_all(batch_digest(count, tree.root()), signers);
  if (!signatures) return tl::unexpected(signatures.error());

  std::vector<Bytes> envelopes;
  envelopes.reserve(batch.size());
  flatbuffers::FlatBufferBuilder builder(4096);
  for (std::uint32_t i = 0; i < count; ++i) {
    envelopes.push_back(write_envelope(builder, batch[i], i, count, tree.path(i), *signatures));
    // What no receiver would accept must not leave: the fault is the caller's payload.
    const wire::Envelope* checked = nullptr;
    if (const auto fault = verify(envelopes.back(), checked); fault != WireFault::none) {
      return failure(ErrorKind::invalid, "payload " + std::to_string(i) +
                                             " of the batch can not be sealed: " + std::string(name_of(fault)) + " (" +
                                             std::to_string(batch[i].payload.size()) + " bytes)");
    }
  }
  return envelopes;
}

}  // namespace muster::trust
