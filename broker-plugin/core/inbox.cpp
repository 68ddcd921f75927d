#include "broker-plugin/core/inbox.h"

#include <chrono>
#include <utility>

#include "broker-plugin/access.h"
#include "broker-plugin/core/report_translation.h"
#include "broker-plugin/core/wire_digest.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"

namespace muster::broker {
namespace {

std::string_view device_in(const flatbuffers::String* id) {
  return {id->c_str(), id->size()};
}

}  // namespace

Inbox::Inbox(const Config& config, EngineHost& engine, Writer& writer, DeviceTable& devices, Presence& presence,
             ChunkServer& chunks, EvidenceDesk& evidence, Counters& counters, host::Log& log)
    : config_(config),
      engine_(engine),
      writer_(writer),
      devices_(devices),
      presence_(presence),
      chunks_(chunks),
      evidence_(evidence),
      counters_(counters),
      log_(log) {}

void Inbox::refused(std::string_view reason, std::string_view user, std::string_view topic) {
  counters_.refuse(reason);
  log_.write_bounded(host::LogLevel::warning, reason,
                     "muster: refused " + std::string(topic.substr(0, limits::topic_len_max)) + " by '" +
                         std::string(user.substr(0, 64)) + "': " + std::string(reason));
}

bool Inbox::message(const Inbound& inbound) {
  // The access check was passed before, but an acl_file that grants everything comes before any plugin: so once more
  // here, also for what nobody but the broker may publish.
  const auto decision = decide(config_.operators, inbound.user, Access::write, inbound.topic);
  if (decision.verdict == Verdict::defer) return true;
  if (decision.verdict == Verdict::deny) {
    refused(decision.reason, inbound.user, inbound.topic);
    return false;
  }
  return device_message(inbound, decision.kind);
}

bool Inbox::device_message(const Inbound& inbound, TopicKind kind) {
  // Who is connected is known, so that nearly every message is spared a search by name.
  const bool is_here = presence_.is_connected(inbound.client, inbound.user);
  if (auto full = is_here ? room() : room_for(inbound.user); !full.empty()) {
    refused(full, inbound.user, inbound.topic);
    return false;
  }
  if (!is_here) connected(inbound.client, inbound.user);
  const bool in_place = inbound.payload.aligned();
  const AlignedBytes copy = in_place ? AlignedBytes() : AlignedBytes(inbound.payload);
  const auto payload = in_place ? inbound.payload : copy.view();
  std::string_view reason;
  bool deliver = true;
  switch (kind) {
    case TopicKind::device_state:
      reason = take_state(inbound, payload);
      break;
    case TopicKind::device_health:
      reason = take_health(inbound, payload);
      break;
    case TopicKind::device_link:
      if (payload.text() != "0" && payload.text() != "1") reason = "malformed";
      if (reason.empty()) counters_.accept("link");
      break;
    case TopicKind::chunk_get:
      reason = take_chunk_get(inbound, payload);
      deliver = false;  // answered here; nobody else is to see it
      break;
    case TopicKind::evidence:
      reason = take_evidence(inbound, payload);
      break;
    default:
      reason = "unknown_topic";
      break;
  }
  if (!reason.empty()) refused(reason, inbound.user, inbound.topic);
  return deliver && reason.empty();
}

std::string_view Inbox::take_state(const Inbound& inbound, ByteView payload) {
  const wire::StateReport* report = nullptr;
  if (const auto fault = verify(payload, report); fault != WireFault::none) return name_of(fault);
  if (device_in(report->device_id()) != inbound.user) return "foreign_device";
  if (!inbound.retain) return "retain_flag";
  if (!devices_.take_report(inbound.user, report->boot_id(), report->seq())) return "stale_report";
  counters_.accept("state");
  engine_.step(translate(*report));
  return {};
}

std::string_view Inbox::take_health(const Inbound& inbound, ByteView payload) {
  const wire::HealthSummary* summary = nullptr;
  if (const auto fault = verify(payload, summary); fault != WireFault::none) return name_of(fault);
  if (device_in(summary->device_id()) != inbound.user) return "foreign_device";
  if (inbound.retain) return "retain_flag";
  const auto arrival = devices_.take_health(inbound.user, summary->boot_id(), summary->seq(), payload);
  if (arrival == Arrival::older) return "stale_report";
  counters_.accept("health");
  // Most summaries are for people alone, and nothing is asked more often than this.
  if (arrival == Arrival::newer && engine_.wants_health(inbound.user)) {
    engine_.step(translate(*summary), [&] { return devices_.health_record(inbound.user); });
  }
  return {};
}

std::string_view Inbox::take_chunk_get(const Inbound& inbound, ByteView payload) {
  const wire::ChunkGet* get = nullptr;
  if (const auto fault = verify(payload, get); fault != WireFault::none) return name_of(fault);
  if (inbound.retain) return "retain_flag";
  counters_.accept("chunk_get");
  const ChunkRequest request{std::string(inbound.client_id), std::string(inbound.user), digest_of(get->digest()),
                             get->offset(), get->length()};
  return chunks_.request(request, std::chrono::steady_clock::now());
}

std::string_view Inbox::take_evidence(const Inbound& inbound, ByteView payload) {
  const wire::EvidenceChunk* chunk = nullptr;
  if (const auto fault = verify(payload, chunk); fault != WireFault::none) return name_of(fault);
  if (device_in(chunk->device_id()) != inbound.user) return "foreign_device";
  if (inbound.retain) return "retain_flag";
  EvidencePiece piece{{std::string(inbound.user), digest_of(chunk->bundle())},
                      chunk->offset(),
                      chunk->total(),
                      Bytes(chunk->data()->begin(), chunk->data()->end()),
                      0};
  const auto reason = evidence_.take(std::string(inbound.client_id), std::move(piece));
  if (reason.empty()) counters_.accept("evidence");
  return reason;
}

std::string_view Inbox::room() const {
  return writer_.depth() >= config_.limits.queue_records ? "queue_full" : "";
}

std::string_view Inbox::room_for(std::string_view device) const {
  if (!devices_.knows(device) && devices_.size() >= config_.limits.devices) return "over_limit";
  return room();
}

void Inbox::active(const void* client, std::string_view user) {
  if (config_.operators.contains(user) || !room_for(user).empty()) return;
  connected(client, user);
}

void Inbox::connected(const void* client, std::string_view user) {
  const auto change = presence_.active(client, user);
  if (change.lost) lost(*change.lost);
  if (!change.seen) return;
  devices_.know(user);
  engine_.step(rules::DeviceSeen{std::string(user)});
}

void Inbox::disconnected(const void* client) {
  if (const auto device = presence_.gone(client)) lost(*device);
}

void Inbox::lost(const std::string& device) {
  chunks_.forget(device);
  engine_.step(rules::DeviceLost{device});
}

}  // namespace muster::broker
