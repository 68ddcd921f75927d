#include "broker-plugin/core/sealing.h"

#include <algorithm>
#include <utility>

#include "broker-plugin/core/wire_digest.h"
#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/limits.h"

namespace muster::broker {
namespace {

Bytes finished(const flatbuffers::FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

// The engine's kinds and the wire's are numbered differently: a thaw never leaves the engine, it takes a freeze away.
wire::OrderKind order_kind_of(rules::OrderKind kind) {
  switch (kind) {
    case rules::OrderKind::safe_mode:
      return wire::OrderKind::safe_mode;
    case rules::OrderKind::resume:
      return wire::OrderKind::resume;
    case rules::OrderKind::rollback:
      return wire::OrderKind::rollback;
    case rules::OrderKind::freeze:
    case rules::OrderKind::thaw:
      return wire::OrderKind::freeze;
    case rules::OrderKind::pause_updates:
      return wire::OrderKind::pause_updates;
    case rules::OrderKind::send_evidence:
      return wire::OrderKind::send_evidence;
  }
  return wire::OrderKind::safe_mode;
}

// With the texts of orders given after `texts_after`, a directive epoch.
Bytes build_directive_with(const rules::Direct& direct, const Validity& validity, std::uint64_t texts_after) {
  flatbuffers::FlatBufferBuilder builder(512);
  std::vector<flatbuffers::Offset<wire::Order>> orders;
  for (const auto& order : direct.orders) {
    const bool texts = order.epoch > texts_after;
    const auto release = wire_digest(order.release);
    const auto reason = texts ? builder.CreateString(order.reason) : 0;
    const auto by = texts ? builder.CreateString(order.by) : 0;
    orders.push_back(wire::CreateOrder(builder, order_kind_of(order.kind), order.epoch,
                                       static_cast<wire::Plane>(order.plane),
                                       order.release.is_zero() ? nullptr : &release, reason, by));
  }
  const auto scope = builder.CreateString(direct.scope);
  const auto list = builder.CreateVector(orders);
  wire::FinishDirectiveBuffer(
      builder, wire::CreateDirective(builder, scope, direct.epoch, validity.issued_s, validity.expires_s(), list));
  return finished(builder);
}

// `known`: one for each of `wanted`, null for one that this broker does not know.
auto build_releases(const std::vector<std::pair<rules::Plane, Sha256>>& wanted, const std::vector<ReleasePtr>& known,
                    flatbuffers::FlatBufferBuilder& builder) {
  std::vector<flatbuffers::Offset<wire::AssignedRelease>> releases;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [plane, digest] = wanted[i];
    const auto* release = known[i].get();
    const auto manifest = wire_digest(digest);
    const auto envelope = wire_digest(release != nullptr ? release->envelope : Sha256{});
    releases.push_back(wire::CreateAssignedRelease(builder, static_cast<wire::Plane>(plane), &manifest, &envelope,
                                                   release != nullptr ? release->envelope_size : 0,
                                                   release != nullptr ? builder.CreateString(release->name) : 0,
                                                   release != nullptr ? builder.CreateString(release->version) : 0));
  }
  return builder.CreateVector(releases);
}

}  // namespace

Bytes build_assignment(const AssignWork& work, const Validity& validity) {
  const auto& assign = work.assign;
  flatbuffers::FlatBufferBuilder builder(512);
  const auto list = build_releases(assign.releases, work.releases, builder);
  const auto shadow = assign.shadow.empty() ? 0 : build_releases(assign.shadow, work.shadow, builder);
  const auto device = builder.CreateString(assign.device);
  const auto rollout = builder.CreateString(assign.rollout);
  wire::FinishAssignmentBuffer(
      builder,
      wire::CreateAssignment(builder, device, assign.epoch, validity.issued_s, validity.expires_s(), rollout, list,
                             static_cast<std::uint32_t>(assign.soak_s), static_cast<wire::Hold>(assign.hold), shadow));
  return finished(builder);
}

Bytes build_directive(const rules::Direct& direct, const Validity& validity) {
  auto built = build_directive_with(direct, validity, 0);
  if (built.size() <= limits::directive_len_texts) return built;
  std::vector<std::uint64_t> epochs;
  for (const auto& order : direct.orders) epochs.push_back(order.epoch);
  std::sort(epochs.begin(), epochs.end());
  for (const auto epoch : epochs) {
    built = build_directive_with(direct, validity, epoch);
    if (built.size() <= limits::directive_len_texts) break;
  }
  return built;
}

Bytes build_audit_head(const AuditTail& tail, std::uint64_t time_s) {
  flatbuffers::FlatBufferBuilder builder(128);
  const auto hash = wire_digest(tail.hash);
  wire::FinishAuditHeadBuffer(builder, wire::CreateAuditHead(builder, tail.seq, &hash, time_s));
  return finished(builder);
}

Sealer::Sealer(trust::SigningKey key, std::uint64_t valid_for_s) : key_(std::move(key)), valid_for_s_(valid_for_s) {}

tl::expected<Sealer::Sealed, Error> Sealer::seal(const std::vector<const AssignWork*>& assigns,
                                                 const std::vector<const rules::Direct*>& directs,
                                                 const AuditTail* head, std::uint64_t now_s) const {
  const Validity validity{now_s, valid_for_s_};
  std::vector<Bytes> payloads;
  std::vector<wire::PayloadKind> kinds;
  for (const auto* assign : assigns) {
    payloads.push_back(build_assignment(*assign, validity));
    kinds.push_back(wire::PayloadKind::assignment);
  }
  for (const auto* direct : directs) {
    payloads.push_back(build_directive(*direct, validity));
    kinds.push_back(wire::PayloadKind::directive);
  }
  if (head != nullptr) {
    payloads.push_back(build_audit_head(*head, now_s));
    kinds.push_back(wire::PayloadKind::audit_head);
  }
  Sealed sealed;
  if (payloads.empty()) return sealed;
  std::vector<trust::ToSign> batch;
  batch.reserve(payloads.size());
  for (std::size_t i = 0; i < payloads.size(); ++i) batch.push_back({kinds[i], ByteView(payloads[i])});
  auto envelopes = trust::seal(batch, {&key_});
  if (!envelopes) return tl::unexpected(std::move(envelopes.error()).with_context("signing a batch"));
  auto next = envelopes->begin();
  for (std::size_t i = 0; i < assigns.size(); ++i) sealed.assignments.push_back(std::move(*next++));
  for (std::size_t i = 0; i < directs.size(); ++i) sealed.directives.push_back(std::move(*next++));
  if (head != nullptr) sealed.audit_head = std::move(*next);
  return sealed;
}

}  // namespace muster::broker
