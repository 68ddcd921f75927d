#include "tests/unit/edge/signed_world.h"

#include <gtest/gtest.h>

#include "schemas/assignment_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/manifest_generated.h"
#include "trust/sha256.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t expires_s = std::uint64_t{1} << 39;  // of what the broker signs

using flatbuffers::FlatBufferBuilder;

wire::Digest digest_of(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}
Bytes finished(const FlatBufferBuilder& b) {
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}
trust::SigningKey new_key() {
  return std::move(trust::SigningKey::generate().value());
}

}  // namespace

Sha256 sha256_of(std::string_view text) {
  return trust::sha256(ByteView(text));
}

AssignedRelease SignedRelease::assigned() const {
  return {manifest.info.plane, manifest.info.manifest,
          envelope_digest,     static_cast<std::uint32_t>(manifest.envelope.size()),
          manifest.info.name,  manifest.info.version};
}

SignedWorld::SignedWorld()
    : root_key_(new_key()), release_key_(new_key()), control_key_(new_key()), rotated_key_(new_key()) {
  root_envelope_ = trust::seal_root(1, 1, 0,
                                    {{wire::Role::root, 1, {root_key_.point()}},
                                     {wire::Role::release, 1, {release_key_.point()}},
                                     {wire::Role::control, 1, {control_key_.point()}}},
                                    {&root_key_})
                       .value();
  EXPECT_EQ(trust::pin_root(AlignedBytes(root_envelope_).view(), root_), trust::TrustFault::none);
}

Bytes SignedWorld::rotated_chain() {
  const auto second = trust::seal_root(2, 2, 0,
                                       {{wire::Role::root, 1, {root_key_.point()}},
                                        {wire::Role::release, 1, {release_key_.point()}},
                                        {wire::Role::control, 1, {rotated_key_.point()}}},
                                       {&root_key_})
                          .value();
  return trust::make_root_chain({root_envelope_, second});
}

Bytes SignedWorld::seal(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) const {
  return trust::seal({{kind, payload}}, {&key}).value().front();
}

SignedRelease SignedWorld::release(const std::string& name, const std::string& version, Plane plane,
                                   std::map<std::string, std::string> files, std::uint64_t expires_s,
                                   const std::string& shadow) const {
  FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<wire::FileEntry>> entries;
  for (const auto& [file, text] : files) {
    const auto digest = digest_of(sha256_of(text));
    entries.push_back(wire::CreateFileEntry(b, b.CreateString(file), text.size(), &digest));
  }
  const auto list = b.CreateVector(entries);
  const auto name_text = b.CreateString(name);
  const auto version_text = b.CreateString(version);
  const auto shadow_text = shadow.empty() ? flatbuffers::Offset<flatbuffers::String>() : b.CreateString(shadow);
  wire::ManifestBuilder builder(b);
  builder.add_shadow(shadow_text);
  builder.add_name(name_text);
  builder.add_version(version_text);
  builder.add_plane(plane);
  builder.add_security_version(1);
  builder.add_files(list);
  builder.add_expires_s(expires_s);
  wire::FinishManifestBuffer(b, builder.Finish());
  const auto payload = finished(b);
  const auto envelope = seal(wire::PayloadKind::manifest, payload, release_key_);
  SignedRelease made;
  made.manifest = read_slot_manifest(envelope, trust::sha256(payload)).value();
  made.files = std::move(files);
  made.envelope_digest = trust::sha256(envelope);
  return made;
}

Bytes SignedWorld::assignment(const std::string& device, std::uint64_t epoch,
                              const std::vector<AssignedRelease>& releases, bool by_rotated_key, Hold hold,
                              const std::vector<AssignedRelease>& shadow) const {
  FlatBufferBuilder b;
  const auto list_of = [&](const std::vector<AssignedRelease>& all) {
    std::vector<flatbuffers::Offset<wire::AssignedRelease>> lines;
    for (const auto& release : all) {
      const auto manifest = digest_of(release.manifest);
      const auto envelope = digest_of(release.envelope);
      lines.push_back(wire::CreateAssignedRelease(b, release.plane, &manifest, &envelope, release.envelope_size,
                                                  b.CreateString(release.name), b.CreateString(release.version)));
    }
    return b.CreateVector(lines);
  };
  const auto list = list_of(releases);
  const auto shadow_list = shadow.empty() ? decltype(list){} : list_of(shadow);
  const auto assignment = wire::CreateAssignment(b, b.CreateString(device), epoch, 1000, expires_s, b.CreateString("r"),
                                                 list, 5, hold, shadow_list);
  wire::FinishAssignmentBuffer(b, assignment);
  return seal(wire::PayloadKind::assignment, finished(b), by_rotated_key ? rotated_key_ : control_key_);
}

Bytes SignedWorld::directive(const std::string& scope, std::uint64_t epoch) const {
  FlatBufferBuilder b;
  const auto order = wire::CreateOrder(b, OrderKind::safe_mode, epoch, Plane::model, nullptr, b.CreateString("why"),
                                       b.CreateString("who"));
  const auto orders = b.CreateVector(std::vector{order});
  wire::FinishDirectiveBuffer(b, wire::CreateDirective(b, b.CreateString(scope), epoch, 1000, expires_s, orders));
  return seal(wire::PayloadKind::directive, finished(b), control_key_);
}

}  // namespace muster::edge
