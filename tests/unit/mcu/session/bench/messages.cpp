#include "tests/unit/mcu/session/bench/messages.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/manifest_generated.h"
#include "trust/sha256.h"

namespace muster::mcu::sim {
namespace {

using flatbuffers::FlatBufferBuilder;

constexpr std::size_t text_max = 200;  // of one text that makes a manifest longer

// A key that cannot sign is no result of any test.
template <typename Value>
Value must(tl::expected<Value, Error> found) {
  if (found) return std::move(*found);
  std::fprintf(stderr, "cannot sign: %s\n", found.error().message.c_str());
  std::abort();
}

wire::Digest to_wire(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
}

Bytes finished(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Bytes manifest_of(const ReleaseSpec& spec) {
  FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<wire::FileEntry>> files;
  for (const auto& [name, bytes] : spec.files) {
    const auto digest = to_wire(trust::sha256(bytes));
    files.push_back(wire::CreateFileEntry(b, b.CreateString(name), bytes.size(), &digest));
  }
  std::vector<flatbuffers::Offset<wire::Probe>> probes;
  for (const auto& check : spec.checks)
    probes.push_back(wire::CreateProbe(b, wire::ProbeKind::exec, b.CreateString(check)));
  std::vector<flatbuffers::Offset<wire::RecoveryRule>> rules;
  for (const auto& [program, action] : spec.rules)
    rules.push_back(wire::CreateRecoveryRule(b, b.CreateVector(program), action, b.CreateString("as written")));
  std::vector<flatbuffers::Offset<wire::KeyValue>> provenance;
  for (std::size_t left = spec.padding; left > 0; left -= std::min(left, text_max)) {
    const auto key = "key" + std::to_string(left);
    provenance.push_back(
        wire::CreateKeyValue(b, b.CreateString(key), b.CreateString(std::string(std::min(left, text_max), 'x'))));
  }
  const auto name = b.CreateString(spec.name);
  const auto version = b.CreateString(spec.version);
  const auto file_list = b.CreateVector(files);
  const auto probe_list = b.CreateVector(probes);
  const auto rule_list = b.CreateVector(rules);
  const auto provenance_list = b.CreateVector(provenance);
  wire::ManifestBuilder builder(b);
  builder.add_name(name);
  builder.add_version(version);
  builder.add_plane(spec.plane);
  builder.add_security_version(spec.security_version);
  builder.add_files(file_list);
  if (!spec.checks.empty()) builder.add_probes(probe_list);
  if (!spec.rules.empty()) builder.add_recovery(rule_list);
  if (spec.padding != 0) builder.add_provenance(provenance_list);
  wire::FinishManifestBuffer(b, builder.Finish());
  return finished(b);
}

}  // namespace

Keys Keys::generated() {
  return {must(trust::SigningKey::generate()), must(trust::SigningKey::generate()),
          must(trust::SigningKey::generate())};
}

Bytes sealed(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) {
  return must(trust::seal({{kind, payload}}, {&key})).front();
}

Bytes root_document(const Keys& keys, std::uint32_t version, std::uint64_t expires_s) {
  return must(trust::seal_root(version, 1, expires_s,
                               {{wire::Role::root, 1, {keys.root.point()}},
                                {wire::Role::release, 1, {keys.release.point()}},
                                {wire::Role::control, 1, {keys.control.point()}}},
                               {&keys.root}));
}

std::map<Sha256, Bytes> Release::blobs() const {
  std::map<Sha256, Bytes> all = {{assigned.envelope, envelope}};
  for (const auto& [name_of_file, bytes] : files) all[trust::sha256(bytes)] = bytes;
  return all;
}

Release make_release(const ReleaseSpec& spec, const trust::SigningKey& key) {
  Release made;
  made.name = spec.name;
  made.version = spec.version;
  made.files = spec.files;
  made.security_version = spec.security_version;
  made.manifest = manifest_of(spec);
  made.envelope = sealed(wire::PayloadKind::manifest, made.manifest, key);
  made.assigned.plane = spec.plane;
  made.assigned.manifest = trust::sha256(made.manifest);
  made.assigned.envelope = trust::sha256(made.envelope);
  made.assigned.envelope_size = static_cast<std::uint32_t>(made.envelope.size());
  return made;
}

Bytes assignment(const AssignmentSpec& spec) {
  FlatBufferBuilder b;
  const auto lines_of = [&](const std::vector<const Release*>& all) {
    std::vector<flatbuffers::Offset<wire::AssignedRelease>> lines;
    for (const auto* release : all) {
      const auto manifest = to_wire(release->assigned.manifest);
      const auto envelope = to_wire(release->assigned.envelope);
      lines.push_back(wire::CreateAssignedRelease(b, release->assigned.plane, &manifest, &envelope,
                                                  release->assigned.envelope_size, b.CreateString(release->name),
                                                  b.CreateString(release->version)));
    }
    return lines;
  };
  auto releases = lines_of(spec.releases);
  const wire::Digest none;
  for (const auto plane : spec.emptied) releases.push_back(wire::CreateAssignedRelease(b, plane, &none, &none));
  const auto list = b.CreateVector(releases);
  const auto shadow = spec.shadow.empty() ? decltype(list){} : b.CreateVector(lines_of(spec.shadow));
  wire::FinishAssignmentBuffer(
      b, wire::CreateAssignment(b, b.CreateString(spec.device_id), spec.epoch, spec.issued_s, spec.expires_s,
                                b.CreateString(spec.rollout), list, spec.soak_s, spec.hold, shadow));
  return finished(b);
}

Bytes directive(const DirectiveSpec& spec) {
  FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<wire::Order>> orders;
  for (const auto& order : spec.orders) {
    const auto release = to_wire(order.release);
    const bool names_one = order.kind == OrderKind::rollback || order.kind == OrderKind::freeze;
    const auto reason = order.reason.empty() ? 0 : b.CreateString(order.reason);
    const auto by = order.by.empty() ? 0 : b.CreateString(order.by);
    orders.push_back(
        wire::CreateOrder(b, order.kind, order.epoch, order.plane, names_one ? &release : nullptr, reason, by));
  }
  wire::FinishDirectiveBuffer(b, wire::CreateDirective(b, b.CreateString(spec.scope), spec.epoch, spec.issued_s,
                                                       spec.expires_s, b.CreateVector(orders)));
  return finished(b);
}

Bytes chunk(const ChunkAnswer& answer) {
  FlatBufferBuilder b;
  const auto digest = to_wire(answer.digest);
  b.ForceVectorAlignment(answer.data.size(), 1, 8);
  const auto data = answer.status == wire::ChunkStatus::ok ? b.CreateVector(answer.data) : 0;
  wire::FinishChunkBuffer(b, wire::CreateChunk(b, &digest, answer.offset, answer.total, answer.status, data));
  return finished(b);
}

Bytes ack(const Sha256& bundle, std::uint64_t offset) {
  FlatBufferBuilder b;
  const auto digest = to_wire(bundle);
  wire::FinishAckBuffer(b, wire::CreateAck(b, &digest, offset));
  return finished(b);
}

Bytes some_bytes(std::size_t size, std::uint32_t salt) {
  Bytes bytes(size);
  std::uint32_t state = salt * 2654435761u + 1;
  for (auto& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

}  // namespace muster::mcu::sim
