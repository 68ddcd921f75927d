#include "tests/unit/schemas/samples.h"

#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/manifest_generated.h"
#include "schemas/release_move_generated.h"
#include "schemas/root_chain_generated.h"
#include "schemas/root_generated.h"
#include "schemas/state_report_generated.h"

namespace muster::test {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Bytes bytes_of(const FlatBufferBuilder& builder) {
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

wire::Digest digest_of(unsigned seed) {
  std::uint8_t bytes[32];
  for (unsigned i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(seed * 31 + i + 1);
  return wire::Digest(flatbuffers::make_span(bytes));
}

// An empty text stands for an absent one where the schema allows that.
Offset<flatbuffers::String> optional_text(FlatBufferBuilder& builder, const std::string& text) {
  return text.empty() ? Offset<flatbuffers::String>() : builder.CreateString(text);
}

Offset<flatbuffers::Vector<std::uint8_t>> data_of(FlatBufferBuilder& builder, std::size_t len, bool aligned) {
  const Bytes data(len, 0x5A);
  builder.ForceVectorAlignment(len, 1, 8);
  if (!aligned) builder.Pad(4);  // four bytes off, where FlatBuffers itself still sees nothing wrong
  return builder.CreateVector(data);
}

}  // namespace

Bytes build(const StateReportSpec& spec) {
  FlatBufferBuilder b;
  const auto digest = digest_of(1);
  std::vector<Offset<wire::PlaneState>> planes;
  for (const auto& plane : spec.planes) {
    planes.push_back(wire::CreatePlaneState(b, static_cast<wire::Plane>(plane.plane), &digest, &digest, nullptr,
                                            optional_text(b, plane.name), optional_text(b, plane.version), 3));
  }
  const auto list = b.CreateVector(planes);
  const auto facts = wire::CreateFacts(
      b, b.CreateString(spec.device_class), optional_text(b, spec.region), 0, 0, b.CreateString("12"), 2048,
      b.CreateString("small"), b.CreateVectorOfStrings(spec.tags), b.CreateVectorOfStrings(spec.accelerators),
      b.CreateString("0.1.0"), b.CreateVectorOfStrings(spec.runtimes), static_cast<std::int16_t>(spec.utc_offset_min));
  const auto attempt =
      wire::CreateAttempt(b, 7, static_cast<wire::AttemptState>(spec.attempt_state), wire::Plane::model,
                          static_cast<wire::ErrorCode>(spec.error), optional_text(b, spec.detail), 10, 20);
  wire::FinishStateReportBuffer(
      b, wire::CreateStateReport(b, b.CreateString(spec.device_id), 12, 4, 1790000000, facts,
                                 static_cast<wire::DeviceState>(spec.state), list, attempt, 7, 3,
                                 static_cast<wire::RecoveryAction>(spec.recovery_action), false));
  return bytes_of(b);
}

Bytes build(const HealthSummarySpec& spec) {
  FlatBufferBuilder b;
  std::vector<Offset<wire::TaskMetric>> metrics;
  for (const auto& name : spec.metrics) {
    metrics.push_back(wire::CreateTaskMetric(b, b.CreateString(name), 5, spec.metric_sum, 0.5, 4, 3.25));
  }
  const auto list = b.CreateVector(metrics);
  const auto buckets = b.CreateVector(spec.latency_buckets);
  const auto device_id = b.CreateString(spec.device_id);
  const auto config_version = optional_text(b, spec.config_version);
  const auto runtime_version = b.CreateString("tesseract-5.3.0");
  const auto delegate = b.CreateString("cpu");
  const auto model = digest_of(2);
  wire::HealthSummaryBuilder summary(b);
  summary.add_device_id(device_id);
  summary.add_seq(9);
  summary.add_boot_id(4);
  summary.add_window_s(60);
  summary.add_state(static_cast<wire::DeviceState>(spec.state));
  summary.add_model_hash(&model);
  summary.add_config_version(config_version);
  summary.add_runtime_version(runtime_version);
  summary.add_delegate_active(delegate);
  summary.add_p95_ms(spec.p95_ms);
  summary.add_thermal(static_cast<wire::ThermalState>(spec.thermal));
  summary.add_error_code(static_cast<wire::ErrorCode>(spec.error));
  summary.add_latency_buckets(buckets);
  summary.add_metrics(list);
  wire::FinishHealthSummaryBuffer(b, summary.Finish());
  return bytes_of(b);
}

Bytes build(const ChunkGetSpec& spec) {
  FlatBufferBuilder b;
  const auto digest = digest_of(3);
  wire::FinishChunkGetBuffer(b, wire::CreateChunkGet(b, &digest, spec.offset, spec.length));
  return bytes_of(b);
}

Bytes build(const ChunkSpec& spec) {
  FlatBufferBuilder b;
  const auto digest = digest_of(3);
  const auto data = data_of(b, spec.data_len, spec.aligned);
  wire::FinishChunkBuffer(
      b, wire::CreateChunk(b, &digest, spec.offset, spec.total, static_cast<wire::ChunkStatus>(spec.status), data));
  return bytes_of(b);
}

Bytes build(const EvidenceChunkSpec& spec) {
  FlatBufferBuilder b;
  const auto digest = digest_of(4);
  const auto data = data_of(b, spec.data_len, true);
  wire::FinishEvidenceChunkBuffer(
      b, wire::CreateEvidenceChunk(b, b.CreateString(spec.device_id), &digest, spec.offset, spec.total, data));
  return bytes_of(b);
}

Bytes build(const AckSpec&) {
  FlatBufferBuilder b;
  const auto digest = digest_of(4);
  wire::FinishAckBuffer(b, wire::CreateAck(b, &digest, 40));
  return bytes_of(b);
}

Bytes build(const EnvelopeSpec& spec) {
  FlatBufferBuilder b;
  std::vector<Offset<wire::Signature>> signatures;
  for (std::size_t i = 0; i < spec.signatures; ++i) {
    std::uint8_t id_bytes[16] = {static_cast<std::uint8_t>(i)};
    const wire::KeyId id{flatbuffers::make_span(id_bytes)};
    signatures.push_back(wire::CreateSignature(b, &id, b.CreateVector(Bytes(spec.signature_len, 0x77))));
  }
  const auto list = b.CreateVector(signatures);
  const std::vector<wire::Digest> path(spec.path_len, digest_of(5));
  const auto siblings = b.CreateVectorOfStructs(path);
  const auto payload = data_of(b, spec.payload_len, spec.aligned);
  wire::FinishEnvelopeBuffer(b, wire::CreateEnvelope(b, static_cast<wire::PayloadKind>(spec.kind), payload,
                                                     spec.leaf_index, spec.leaf_count, siblings, list));
  return bytes_of(b);
}

Bytes build(const RootDocumentSpec& spec) {
  FlatBufferBuilder b;
  std::vector<Offset<wire::RoleKeys>> roles;
  for (const auto& role : spec.roles) {
    std::vector<Offset<wire::PublicKey>> keys;
    for (std::size_t i = 0; i < role.keys; ++i) {
      Bytes point(role.point_len, static_cast<std::uint8_t>(i + 1));
      if (!point.empty()) point[0] = role.point_form;
      const wire::KeyId id{};
      keys.push_back(wire::CreatePublicKey(b, &id, b.CreateVector(point)));
    }
    roles.push_back(wire::CreateRoleKeys(b, static_cast<wire::Role>(role.role),
                                         static_cast<std::uint8_t>(role.threshold), b.CreateVector(keys)));
  }
  const auto list = b.CreateVector(roles);
  wire::FinishRootDocumentBuffer(b, wire::CreateRootDocument(b, spec.version, 1, 2000000000, list));
  return bytes_of(b);
}

Bytes build(const RootChainSpec& spec) {
  FlatBufferBuilder b;
  std::vector<Offset<wire::EnvelopeBytes>> documents;
  for (std::size_t i = 0; i < spec.documents; ++i) {
    documents.push_back(wire::CreateEnvelopeBytes(b, data_of(b, spec.document_len, spec.aligned)));
  }
  const auto list = b.CreateVector(documents);
  wire::FinishRootChainBuffer(b, wire::CreateRootChain(b, list));
  return bytes_of(b);
}

Bytes build(const ManifestSpec& spec) {
  FlatBufferBuilder b;
  const auto digest = digest_of(6);
  std::vector<Offset<wire::FileEntry>> files;
  for (const auto& file : spec.files)
    files.push_back(wire::CreateFileEntry(b, b.CreateString(file.name), file.size, &digest));
  std::vector<Offset<wire::Requirement>> requirements;
  for (const auto plane : spec.requirement_planes) {
    requirements.push_back(
        wire::CreateRequirement(b, static_cast<wire::Plane>(plane), b.CreateString(spec.min_version)));
  }
  const auto compatible = wire::CreateCompatibility(b, b.CreateVectorOfStrings(spec.classes), 1024, 0, 0,
                                                    b.CreateVectorOfStrings(spec.os_versions));
  const auto runtime = wire::CreateRuntime(b, optional_text(b, spec.tokenizer));
  std::vector<Offset<wire::Probe>> probes;
  for (const auto& probe : spec.probes) {
    probes.push_back(wire::CreateProbe(b, static_cast<wire::ProbeKind>(probe.kind), b.CreateString(probe.target), 5000,
                                       probe.timeout_ms, static_cast<std::uint8_t>(probe.attempts)));
  }
  std::vector<Offset<wire::RecoveryRule>> rules;
  for (std::size_t i = 0; i < spec.recovery_rules; ++i) {
    rules.push_back(wire::CreateRecoveryRule(b, b.CreateVector(Bytes(spec.program_len, 1)),
                                             static_cast<wire::RecoveryAction>(spec.action),
                                             b.CreateString(spec.source)));
  }
  std::vector<Offset<wire::KeyValue>> provenance;
  for (const auto& key : spec.provenance) {
    provenance.push_back(wire::CreateKeyValue(b, b.CreateString(key), b.CreateString(spec.provenance_value)));
  }
  std::vector<Offset<wire::NamedDigest>> evidence;
  for (const auto& name : spec.evidence) evidence.push_back(wire::CreateNamedDigest(b, b.CreateString(name), &digest));
  Offset<wire::Readiness> readiness;
  if (spec.readiness) readiness = wire::CreateReadiness(b, b.CreateString(spec.policy), 3, &digest, &digest);
  const auto condition = [&](std::size_t program_len) -> Offset<wire::ReadingCondition> {
    if (program_len == 0) return {};
    const auto program = b.CreateVector(Bytes(program_len, 1));
    return wire::CreateReadingCondition(b, program, b.CreateString(spec.wait_source));
  };
  Offset<wire::Activation> activation;
  if (spec.activation) {
    const auto fetch = condition(spec.fetch_program_len);
    activation = wire::CreateActivation(b, fetch, condition(spec.swap_program_len), spec.within_s);
  }
  const auto manifest = wire::CreateManifest(
      b, b.CreateString(spec.name), b.CreateString(spec.version), static_cast<wire::Plane>(spec.plane), 4,
      b.CreateVector(files), b.CreateVector(requirements), compatible, runtime, b.CreateVector(probes),
      b.CreateVector(rules), 1790000000, 0, b.CreateVector(provenance), b.CreateVector(evidence), readiness,
      optional_text(b, spec.shadow), activation);
  wire::FinishManifestBuffer(b, manifest);
  return bytes_of(b);
}

Bytes build(const AssignmentSpec& spec) {
  FlatBufferBuilder b;
  const auto some = digest_of(7);
  const wire::Digest none{};
  const auto list_of = [&](const std::vector<AssignedReleaseSpec>& specs) {
    std::vector<Offset<wire::AssignedRelease>> releases;
    for (const auto& release : specs) {
      releases.push_back(wire::CreateAssignedRelease(b, static_cast<wire::Plane>(release.plane),
                                                     release.manifest ? &some : &none, release.envelope ? &some : &none,
                                                     release.envelope_size, optional_text(b, release.name),
                                                     b.CreateString("2.1.0")));
    }
    return b.CreateVector(releases);
  };
  const auto list = list_of(spec.releases);
  const auto shadow = spec.shadow.empty() ? decltype(list){} : list_of(spec.shadow);
  wire::FinishAssignmentBuffer(b, wire::CreateAssignment(b, b.CreateString(spec.device_id), spec.epoch, 1790000000,
                                                         spec.expires_s, optional_text(b, spec.rollout), list,
                                                         spec.soak_s, static_cast<wire::Hold>(spec.hold), shadow));
  return bytes_of(b);
}

Bytes build(const DirectiveSpec& spec) {
  FlatBufferBuilder b;
  const auto some = digest_of(7);
  std::vector<Offset<wire::Order>> orders;
  for (const auto& order : spec.orders) {
    orders.push_back(wire::CreateOrder(b, static_cast<wire::OrderKind>(order.kind), 3,
                                       static_cast<wire::Plane>(order.plane), order.release ? &some : nullptr,
                                       optional_text(b, order.reason), optional_text(b, order.by)));
  }
  const auto list = b.CreateVector(orders);
  wire::FinishDirectiveBuffer(
      b, wire::CreateDirective(b, b.CreateString(spec.scope), 3, 1790000000, spec.expires_s, list));
  return bytes_of(b);
}

Bytes build(const AuditHeadSpec&) {
  FlatBufferBuilder b;
  const auto digest = digest_of(8);
  wire::FinishAuditHeadBuffer(b, wire::CreateAuditHead(b, 40, &digest, 1790000000));
  return bytes_of(b);
}

Bytes build(const ReleaseMoveSpec& spec) {
  FlatBufferBuilder b;
  const auto some = digest_of(9);
  const wire::Digest none{};
  const auto release = b.CreateString(spec.release);
  const auto reason = optional_text(b, spec.reason);
  wire::FinishReleaseMoveBuffer(
      b, wire::CreateReleaseMove(b, release, spec.manifest ? &some : &none, static_cast<wire::ReleaseState>(spec.from),
                                 static_cast<wire::ReleaseState>(spec.to), 1790000000, spec.expires_s, reason));
  return bytes_of(b);
}

}  // namespace muster::test
