#include "tests/unit/mcu/client/board.h"

#include <algorithm>

#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::mcu::testing {
namespace {

constexpr std::uint32_t kib = 1024;

wire::Digest digest_of(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}

Bytes finished(const flatbuffers::FlatBufferBuilder& b) {
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

Bytes manifest_of(const ReleaseSpec& spec) {
  flatbuffers::FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<wire::FileEntry>> files;
  for (const auto& [name, bytes] : spec.files) {
    const auto digest = digest_of(trust::sha256(bytes));
    files.push_back(wire::CreateFileEntry(b, b.CreateString(name), bytes.size(), &digest));
  }
  std::vector<flatbuffers::Offset<wire::RecoveryRule>> rules;
  for (const auto& [program, action] : spec.rules)
    rules.push_back(wire::CreateRecoveryRule(b, b.CreateVector(program), action, b.CreateString("as written")));
  std::vector<flatbuffers::Offset<wire::KeyValue>> provenance;
  for (std::size_t left = spec.provenance; left > 0; left -= std::min<std::size_t>(left, 200)) {
    const auto key = "key" + std::to_string(left);
    provenance.push_back(wire::CreateKeyValue(b, b.CreateString(key),
                                              b.CreateString(std::string(std::min<std::size_t>(left, 200), 'x'))));
  }
  std::vector<flatbuffers::Offset<flatbuffers::String>> classes, accelerators;
  if (!spec.device_class.empty()) classes.push_back(b.CreateString(spec.device_class));
  if (!spec.accelerator.empty()) accelerators.push_back(b.CreateString(spec.accelerator));
  const auto compatible =
      wire::CreateCompatibility(b, b.CreateVector(classes), spec.memory_mb_min, b.CreateVector(accelerators));
  flatbuffers::Offset<wire::Activation> activation;
  if (!spec.swap_when.empty()) {
    const auto program = b.CreateVector(spec.swap_when);
    activation = wire::CreateActivation(b, 0, wire::CreateReadingCondition(b, program, b.CreateString("idle == 1")), 60);
  }
  const auto list = b.CreateVector(files);
  const auto rule_list = b.CreateVector(rules);
  const auto provenance_list = b.CreateVector(provenance);
  const auto name = b.CreateString("release");
  const auto version = b.CreateString("1.2.3");
  wire::ManifestBuilder builder(b);
  builder.add_name(name);
  builder.add_version(version);
  builder.add_plane(spec.plane);
  builder.add_security_version(spec.security_version);
  builder.add_files(list);
  builder.add_compatible(compatible);
  if (!spec.rules.empty()) builder.add_recovery(rule_list);
  if (spec.provenance != 0) builder.add_provenance(provenance_list);
  builder.add_expires_s(spec.expires_s);
  if (!spec.swap_when.empty()) builder.add_activation(activation);
  wire::FinishManifestBuffer(b, builder.Finish());
  return finished(b);
}

}  // namespace

Board::Board() : nor_({112 * kib, unit, 8}), flash_(port_, layout_) {
  nor_.attach(port_);
  layout_.erase_size = unit;
  layout_.settings = {0, 16 * kib};
  layout_.scratch = {16 * kib, 32 * kib};
  layout_.slots[index_of(Plane::model)][0] = {48 * kib, 16 * kib};
  layout_.slots[index_of(Plane::model)][1] = {64 * kib, 16 * kib};
  layout_.slots[index_of(Plane::config)][0] = {80 * kib, 16 * kib};
  layout_.slots[index_of(Plane::config)][1] = {96 * kib, 16 * kib};
}

SignedRelease sign(const ReleaseSpec& spec, const trust::SigningKey& key) {
  const auto manifest = manifest_of(spec);
  const auto envelope = test::seal_one(wire::PayloadKind::manifest, manifest, {&key});
  SignedRelease made;
  made.assigned.plane = spec.plane;
  made.assigned.manifest = trust::sha256(manifest);
  made.assigned.envelope = trust::sha256(envelope);
  made.assigned.envelope_size = static_cast<std::uint32_t>(envelope.size());
  made.blobs[made.assigned.envelope] = envelope;
  for (const auto& [name, bytes] : spec.files) made.blobs[trust::sha256(bytes)] = bytes;
  return made;
}

void ChunkServer::serve(Fill& fill, std::uint64_t now_ms) {
  std::vector<Answer> answers;
  Sha256 blob;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  while (fill.next_request(now_ms, blob, offset, length)) {
    ++requests;
    Answer answer;
    answer.digest = blob;
    answer.offset = offset;
    const auto found = blobs.find(blob);
    if (found == blobs.end()) {
      answer.status = wire::ChunkStatus::unknown_blob;
    } else if (offset >= found->second.size()) {
      answer.status = wire::ChunkStatus::out_of_range;
    } else {
      const auto begin = found->second.begin() + offset;
      answer.total = found->second.size();
      answer.data =
          Bytes(begin, begin + static_cast<std::ptrdiff_t>(std::min<std::size_t>(length, answer.total - offset)));
    }
    if (before && !before(answer)) continue;
    answers.push_back(std::move(answer));
  }
  if (reordered) std::reverse(answers.begin(), answers.end());
  for (const auto& answer : answers) {
    bytes += answer.data.size();
    flatbuffers::FlatBufferBuilder b;
    const auto digest = digest_of(answer.digest);
    b.ForceVectorAlignment(answer.data.size(), 1, 8);
    const auto data = b.CreateVector(answer.data);
    wire::FinishChunkBuffer(b, wire::CreateChunk(b, &digest, answer.offset, answer.total, answer.status, data));
    const AlignedBytes message(finished(b));
    const wire::Chunk* chunk = nullptr;
    ASSERT_EQ(verify(message.view(), chunk), WireFault::none);
    for (unsigned i = 0; i < answer.copies; ++i) fill.take(*chunk, now_ms);
  }
}

}  // namespace muster::mcu::testing
