#include "tests/e2e/harness/messages.h"

#include <chrono>
#include <cstring>

#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"

namespace muster::e2e {
namespace {

using flatbuffers::FlatBufferBuilder;

wire::Digest to_wire(const Sha256& digest) {
  return wire::Digest(flatbuffers::span<const std::uint8_t, 32>(digest.bytes.data(), digest.bytes.size()));
}

Sha256 from_wire(const wire::Digest& digest) {
  Sha256 found;
  std::memcpy(found.bytes.data(), digest.bytes()->Data(), found.bytes.size());
  return found;
}

Bytes bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

Bytes state_report(const Report& report) {
  FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<flatbuffers::String>> tags;
  for (std::size_t i = 0; i < report.tag_count; ++i) tags.push_back(builder.CreateString("tag-" + std::to_string(i)));
  const auto facts =
      wire::CreateFacts(builder, builder.CreateString(report.device_class), builder.CreateString(report.region),
                        builder.CreateString("plant-7"), builder.CreateString("acme"), builder.CreateString("12"), 2048,
                        builder.CreateString("small"), builder.CreateVector(tags));
  const auto active = to_wire(report.active_model);
  std::vector<flatbuffers::Offset<wire::PlaneState>> planes;
  planes.push_back(
      wire::CreatePlaneState(builder, wire::Plane::model, report.active_model.is_zero() ? nullptr : &active));
  const auto attempt = wire::CreateAttempt(builder, report.attempt_epoch,
                                           static_cast<wire::AttemptState>(report.attempt_state), wire::Plane::model);
  const auto state = static_cast<wire::DeviceState>(report.device_state);
  wire::FinishStateReportBuffer(
      builder, wire::CreateStateReport(builder, builder.CreateString(report.device), report.seq, report.boot_id, 1,
                                       facts, state, builder.CreateVector(planes), attempt, report.attempt_epoch));
  return bytes_of(builder);
}

Bytes health_summary(const Health& health) {
  FlatBufferBuilder builder;
  const auto device = builder.CreateString(health.device);
  wire::HealthSummaryBuilder summary(builder);
  summary.add_device_id(device);
  summary.add_seq(health.seq);
  summary.add_boot_id(health.boot_id);
  summary.add_window_s(1);
  summary.add_p95_ms(health.p95_ms);
  wire::FinishHealthSummaryBuffer(builder, summary.Finish());
  return bytes_of(builder);
}

Bytes chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
  FlatBufferBuilder builder;
  const auto wanted = to_wire(digest);
  wire::FinishChunkGetBuffer(builder, wire::CreateChunkGet(builder, &wanted, offset, length));
  return bytes_of(builder);
}

ChunkAsked read_chunk_get(const Bytes& payload) {
  const AlignedBytes copy{ByteView(payload)};
  const wire::ChunkGet* request = nullptr;
  ChunkAsked asked;
  if (verify(copy.view(), request) != WireFault::none) return asked;
  asked.valid = true;
  asked.digest = from_wire(*request->digest());
  asked.offset = request->offset();
  asked.length = request->length();
  return asked;
}

Bytes evidence_chunk(const EvidenceToSend& evidence) {
  FlatBufferBuilder builder;
  const auto id = builder.CreateString(evidence.device);
  const auto digest = to_wire(evidence.bundle);
  builder.ForceVectorAlignment(evidence.data.size(), 1, 8);
  const auto data = builder.CreateVector(evidence.data);
  wire::FinishEvidenceChunkBuffer(
      builder, wire::CreateEvidenceChunk(builder, id, &digest, evidence.offset, evidence.total, data));
  return bytes_of(builder);
}

AckSeen read_ack(const Bytes& payload) {
  const AlignedBytes aligned{ByteView(payload)};
  const wire::Ack* ack = nullptr;
  if (verify(aligned.view(), ack) != WireFault::none) return {};
  return {true, from_wire(*ack->bundle()), ack->offset()};
}

Bytes chunk(const Sha256& digest, std::uint64_t offset, const Bytes& data, std::uint64_t total, std::uint8_t status) {
  FlatBufferBuilder builder;
  const auto of = to_wire(digest);
  builder.ForceVectorAlignment(data.size(), sizeof(std::uint8_t), 8);
  const auto content = builder.CreateVector(data);
  wire::FinishChunkBuffer(builder, wire::CreateChunk(builder, &of, offset, total == 0 ? offset + data.size() : total,
                                                     static_cast<wire::ChunkStatus>(status), content));
  return bytes_of(builder);
}

ChunkSeen read_chunk(const Bytes& payload) {
  const AlignedBytes copy{ByteView(payload)};
  const wire::Chunk* chunk = nullptr;
  ChunkSeen seen;
  if (verify(copy.view(), chunk) != WireFault::none) return seen;
  seen.status = static_cast<std::uint8_t>(chunk->status());
  seen.offset = chunk->offset();
  seen.total = chunk->total();
  if (chunk->data() != nullptr) seen.data.assign(chunk->data()->begin(), chunk->data()->end());
  return seen;
}

Bytes assignment(const AssignmentToSend& given) {
  FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::AssignedRelease>> releases;
  for (const auto& release : given.releases) {
    const auto manifest = to_wire(release.manifest);
    const auto envelope = to_wire(release.envelope);
    releases.push_back(wire::CreateAssignedRelease(builder, static_cast<wire::Plane>(release.plane), &manifest,
                                                   &envelope, release.envelope_size, builder.CreateString(release.name),
                                                   builder.CreateString(release.version)));
  }
  wire::FinishAssignmentBuffer(
      builder,
      wire::CreateAssignment(builder, builder.CreateString(given.device), given.epoch, given.issued_s, given.expires_s,
                             builder.CreateString("by-hand"), builder.CreateVector(releases), 0));
  return bytes_of(builder);
}

Bytes directive(const DirectiveToSend& given) {
  FlatBufferBuilder builder;
  const auto release = to_wire(given.release);
  std::vector<flatbuffers::Offset<wire::Order>> orders;
  orders.push_back(wire::CreateOrder(builder, static_cast<wire::OrderKind>(given.order), given.epoch,
                                     wire::Plane::model, given.release.is_zero() ? nullptr : &release,
                                     builder.CreateString("by hand"), builder.CreateString("test")));
  wire::FinishDirectiveBuffer(
      builder, wire::CreateDirective(builder, builder.CreateString(given.scope), given.epoch, given.issued_s,
                                     given.expires_s, builder.CreateVector(orders)));
  return bytes_of(builder);
}

AssignmentSeen read_assignment(const Bytes& envelope) {
  AssignmentSeen seen;
  const AlignedBytes outer{ByteView(envelope)};
  const wire::Envelope* opened = nullptr;
  if (verify(outer.view(), opened) != WireFault::none) return seen;
  const AlignedBytes inner{ByteView(opened->payload()->Data(), opened->payload()->size())};
  const wire::Assignment* assigned = nullptr;
  if (verify(inner.view(), assigned) != WireFault::none) return seen;
  seen.valid = true;
  seen.epoch = assigned->epoch();
  if (assigned->rollout() != nullptr) seen.rollout = assigned->rollout()->str();
  for (const auto* release : *assigned->releases()) seen.manifests.push_back(from_wire(*release->manifest()));
  return seen;
}

ReportSeen read_report(const Bytes& payload) {
  ReportSeen seen;
  const AlignedBytes copy{ByteView(payload)};
  const wire::StateReport* report = nullptr;
  if (verify(copy.view(), report) != WireFault::none) return seen;
  seen.valid = true;
  seen.boot_id = report->boot_id();
  seen.seq = report->seq();
  seen.state = wire::EnumNameDeviceState(report->state());
  seen.last_recovery_action = wire::EnumNameRecoveryAction(report->last_recovery_action());
  for (const auto* plane : *report->planes()) {
    const auto index = static_cast<std::size_t>(plane->plane());
    if (index >= seen.active.size() || plane->active_name() == nullptr || plane->active_version() == nullptr) continue;
    seen.active[index] = plane->active_name()->str() + "@" + plane->active_version()->str();
  }
  if (report->attempt() == nullptr) return seen;
  seen.attempt = wire::EnumNameAttemptState(report->attempt()->state());
  seen.error = wire::EnumNameErrorCode(report->attempt()->error());
  seen.attempt_epoch = report->attempt()->epoch();
  return seen;
}

std::uint64_t now_s() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace muster::e2e
