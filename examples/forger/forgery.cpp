#include "examples/forger/forgery.h"

#include <algorithm>

#include "schemas/assignment_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"
#include "trust/sha256.h"
#include "trust/signing/signer.h"

namespace muster::forger {
namespace {

using flatbuffers::FlatBufferBuilder;

Bytes finished(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

wire::Digest wire_digest(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes.data(), 32));
}

Bytes manifest_for(const Sha256& image, std::uint64_t size) {
  FlatBufferBuilder builder;
  const auto digest = wire_digest(image);
  const auto files = builder.CreateVector(std::vector{
      wire::CreateFileEntry(builder, builder.CreateString("slot_a.bin"), size, &digest),
      wire::CreateFileEntry(builder, builder.CreateString("slot_b.bin"), size, &digest),
  });
  builder.Finish(wire::CreateManifest(builder, builder.CreateString("fw"), builder.CreateString("666"),
                                      wire::Plane::firmware, 1, files),
                 wire::ManifestIdentifier());
  return finished(builder);
}

Bytes assignment_of(const std::string& device, const Sha256& manifest, const Bytes& envelope, std::uint64_t now_s) {
  FlatBufferBuilder builder;
  const auto manifest_digest = wire_digest(manifest);
  const auto envelope_digest = wire_digest(trust::sha256(envelope));
  const auto releases = builder.CreateVector(
      std::vector{wire::CreateAssignedRelease(builder, wire::Plane::firmware, &manifest_digest, &envelope_digest,
                                              static_cast<std::uint32_t>(envelope.size()))});
  builder.Finish(wire::CreateAssignment(builder, builder.CreateString(device), epoch, now_s, now_s + 3600,
                                        builder.CreateString("forged"), releases),
                 wire::AssignmentIdentifier());
  return finished(builder);
}

tl::expected<Bytes, Error> seal_one(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) {
  auto sealed = trust::seal({{kind, payload}}, {&key});
  if (!sealed) return tl::unexpected(sealed.error());
  return std::move(sealed->front());
}

}  // namespace

tl::expected<Forgery, Error> forge(const std::string& device, const std::string& control_key, const Bytes& image,
                                   std::uint64_t now_s) {
  const auto stranger = trust::SigningKey::generate();
  if (!stranger) return tl::unexpected(stranger.error());
  const auto control = trust::SigningKey::load(control_key);
  if (!control) return tl::unexpected(control.error());
  Forgery forgery;
  const auto image_digest = trust::sha256(image);
  const auto manifest = manifest_for(image_digest, image.size());
  auto envelope = seal_one(wire::PayloadKind::manifest, manifest, *stranger);
  if (!envelope) return tl::unexpected(envelope.error());
  auto assignment = seal_one(wire::PayloadKind::assignment,
                             assignment_of(device, trust::sha256(manifest), *envelope, now_s), *control);
  if (!assignment) return tl::unexpected(assignment.error());
  forgery.assignment = std::move(*assignment);
  forgery.blobs[image_digest] = image;
  forgery.blobs[trust::sha256(*envelope)] = std::move(*envelope);
  return forgery;
}

Bytes answer(const Forgery& forgery, ByteView request) {
  const AlignedBytes copy(request);
  const wire::ChunkGet* asked = nullptr;
  if (verify(copy.view(), asked) != WireFault::none) return {};
  Sha256 digest;
  std::copy_n(asked->digest()->bytes()->data(), digest.bytes.size(), digest.bytes.begin());
  const auto found = forgery.blobs.find(digest);
  if (found == forgery.blobs.end() || asked->offset() > found->second.size()) return {};
  const auto& blob = found->second;
  const auto size = std::min<std::uint64_t>(asked->length(), blob.size() - asked->offset());
  FlatBufferBuilder builder;
  builder.ForceVectorAlignment(size, 1, 8);
  const auto data = builder.CreateVector(blob.data() + asked->offset(), size);
  const auto name = wire_digest(digest);
  builder.Finish(wire::CreateChunk(builder, &name, asked->offset(), blob.size(), wire::ChunkStatus::ok, data),
                 wire::ChunkIdentifier());
  return finished(builder);
}

}  // namespace muster::forger
