#include <utility>

#include "schemas/root_chain_generated.h"
#include "schemas/root_generated.h"
#include "schemas/wire.h"
#include "trust/signing/signer.h"

namespace muster::trust {

namespace {

tl::unexpected<Error> failure(ErrorKind kind, std::string message) {
  return tl::unexpected(Error{kind, std::move(message)});
}

Bytes write_document(std::uint32_t version, std::uint64_t created_s, std::uint64_t expires_s,
                     const std::vector<RoleSpec>& roles) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::RoleKeys>> entries;
  for (const auto& role : roles) {
    std::vector<flatbuffers::Offset<wire::PublicKey>> keys;
    for (const auto& point : role.keys) {
      const auto id_bytes = key_id_of(point);
      const wire::KeyId id{flatbuffers::make_span(id_bytes)};
      keys.push_back(wire::CreatePublicKey(builder, &id, builder.CreateVector(point.data(), point.size())));
    }
    entries.push_back(wire::CreateRoleKeys(builder, role.role, role.threshold, builder.CreateVector(keys)));
  }
  const auto list = builder.CreateVector(entries);
  wire::FinishRootDocumentBuffer(builder, wire::CreateRootDocument(builder, version, created_s, expires_s, list));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

std::string words_for(TrustFault fault) {
  if (fault == TrustFault::unknown_key || fault == TrustFault::bad_signature) {
    return "the signers are fewer of its own root keys than its root threshold asks for; add the missing root keys";
  }
  return "a role is named twice, holds a key twice, has a threshold outside 1 to its number of keys, or nobody holds "
         "root (" +
         std::string(name_of(fault)) + ")";
}

}  // namespace

tl::expected<Bytes, Error> seal_root(std::uint32_t version, std::uint64_t created_s, std::uint64_t expires_s,
                                     const std::vector<RoleSpec>& roles,
                                     const std::vector<const SigningKey*>& signers) {
  const Bytes document = write_document(version, created_s, expires_s, roles);
  auto sealed = seal({{wire::PayloadKind::root, document}}, signers);
  if (!sealed) return tl::unexpected(std::move(sealed).error().with_context("sealing the root document"));
  // Pin it here first: a device would refuse for the same reasons, but much later.
  TrustRoot pinned;
  const auto fault = pin_root(sealed->front(), pinned);
  if (fault != TrustFault::none) {
    return failure(ErrorKind::invalid,
                   "root document version " + std::to_string(version) + " would be refused: " + words_for(fault));
  }
  return std::move(sealed->front());
}

Bytes make_root_chain(const std::vector<Bytes>& envelopes) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::EnvelopeBytes>> documents;
  for (const auto& envelope : envelopes) {
    builder.ForceVectorAlignment(envelope.size(), 1, 8);
    documents.push_back(wire::CreateEnvelopeBytes(builder, builder.CreateVector(envelope)));
  }
  const auto list = builder.CreateVector(documents);
  wire::FinishRootChainBuffer(builder, wire::CreateRootChain(builder, list));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

}  // namespace muster::trust
