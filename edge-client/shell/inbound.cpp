#include "edge-client/shell/inbound.h"

#include <utility>

#include "schemas/assignment_generated.h"
#include "schemas/topics.h"
#include "schemas/wire.h"

namespace muster::edge {
namespace {

Sha256 digest(const wire::Digest* from) {
  Sha256 to;
  if (from != nullptr) std::memcpy(to.bytes.data(), from->bytes()->data(), to.bytes.size());
  return to;
}

std::string text(const flatbuffers::String* string) {
  return string == nullptr ? std::string() : string->str();
}

Assignment copy_out(const wire::Assignment& from) {
  Assignment to;
  to.epoch = from.epoch();
  to.issued_s = from.issued_s();
  to.expires_s = from.expires_s();
  to.rollout = text(from.rollout());
  to.soak_s = from.soak_s();
  to.hold = from.hold();
  const auto copy = [](const auto& releases, std::vector<AssignedRelease>& into) {
    for (const auto* release : releases) {
      into.push_back({release->plane(), digest(release->manifest()), digest(release->envelope()),
                      release->envelope_size(), text(release->name()), text(release->version())});
    }
  };
  copy(*from.releases(), to.releases);
  if (from.shadow() != nullptr) copy(*from.shadow(), to.shadow);
  return to;
}

Directive copy_out(const wire::Directive& from) {
  Directive to;
  to.scope = text(from.scope());
  to.epoch = from.epoch();
  to.issued_s = from.issued_s();
  for (const auto* order : *from.orders()) {
    to.orders.push_back({order->kind(), order->epoch(), order->plane(), digest(order->release()), text(order->reason()),
                         text(order->by())});
  }
  return to;
}

// group_attributes' values of this device.
std::vector<std::string> groups_of(const Facts& facts) {
  std::vector<std::string> groups;
  const auto add = [&](const char* attribute, const std::string& value) {
    if (!value.empty()) groups.push_back(std::string(attribute) + "=" + value);
  };
  add("class", facts.device_class);
  add("region", facts.region);
  add("site", facts.site);
  add("customer", facts.customer);
  add("os_version", facts.os_version);
  add("memory_tier", facts.memory_tier);
  for (const auto& tag : facts.tags) add("tag", tag);
  return groups;
}

}  // namespace

std::vector<std::string> scopes_of(const std::string& device_id, const Facts& facts) {
  std::vector<std::string> scopes{"device/" + device_id};
  for (const auto& group : groups_of(facts)) scopes.push_back("group/" + group);
  scopes.push_back("fleet");
  return scopes;
}

std::vector<std::string> topics_of(const std::string& device_id, const Facts& facts) {
  std::vector<std::string> topics;
  const auto add = [&](TopicKind kind, std::string_view name) {
    topics.emplace_back(format_topic({kind, name}).view());
  };
  add(TopicKind::trust_root, {});
  add(TopicKind::device_directive, device_id);
  for (const auto& group : groups_of(facts)) add(TopicKind::group_directive, group);
  add(TopicKind::fleet_directive, {});
  add(TopicKind::device_assignment, device_id);
  add(TopicKind::chunk, device_id);
  return topics;
}

void Inbound::take(const host::MqttMessage& message) {
  const auto topic = parse_topic(message.topic);
  if (message.payload.empty()) return;  // a retained message was taken away: nothing to obey
  const bool of_device = topic.name == device_id_;
  switch (topic.kind) {
    case TopicKind::trust_root:
      return take_root_chain(message.payload);
    case TopicKind::fleet_directive:
      return take_directive(message.topic, "fleet", message.payload);
    case TopicKind::group_directive:
      return take_directive(message.topic, "group/" + std::string(topic.name), message.payload);
    case TopicKind::device_directive:
      if (of_device) return take_directive(message.topic, "device/" + device_id_, message.payload);
      break;
    case TopicKind::device_assignment:
      if (of_device) return take_assignment(message.topic, message.payload);
      break;
    case TopicKind::chunk:
      if (of_device) return take_chunk(message.payload);
      break;
    default:
      break;
  }
  ports_.refuse("unknown_topic", "a message on a topic that is not for this device");
}

void Inbound::refuse(const std::string& topic, ByteView payload, trust::TrustFault fault) {
  const bool room = awaiting_root_.size() < awaiting_max || awaiting_root_.contains(topic);
  if (fault == trust::TrustFault::unknown_key && room) awaiting_root_[topic].assign(payload.begin(), payload.end());
  if (fault == trust::TrustFault::expired && (awaiting_clock_.size() < awaiting_max || awaiting_clock_.contains(topic)))
    awaiting_clock_[topic] = {Bytes(payload.begin(), payload.end()), ports_.now_s()};
  ports_.refuse(std::string(name_of(fault)), "a message on " + topic + " was refused: " + std::string(name_of(fault)));
}

void Inbound::look_again() {
  const auto now_s = ports_.now_s();
  std::vector<host::MqttMessage> again;
  for (const auto& [topic, expired] : awaiting_clock_) {
    if (now_s < expired.refused_s) again.push_back({topic, expired.payload, true});
  }
  for (const auto& message : again) {
    awaiting_clock_.erase(message.topic);
    take(message);
  }
}

void Inbound::take_assignment(const std::string& topic, ByteView payload) {
  if (payload.size() > limits::assignment_len_max + limits::envelope_overhead_max)
    return refuse(topic, {}, trust::TrustFault::malformed);
  const AlignedBytes copy(payload);
  const wire::Assignment* assignment = nullptr;
  const auto fault = trust::open_assignment(copy.view(), {&trust_.root(), ports_.now_s()}, device_id_, assignment);
  if (fault != trust::TrustFault::none) return refuse(topic, payload, fault);
  awaiting_root_.erase(topic);
  awaiting_clock_.erase(topic);
  ports_.tell(AssignmentArrived{copy_out(*assignment)});
}

void Inbound::take_directive(const std::string& topic, const std::string& scope, ByteView payload) {
  if (payload.size() > limits::directive_len_max + limits::envelope_overhead_max)
    return refuse(topic, {}, trust::TrustFault::malformed);
  const AlignedBytes copy(payload);
  const wire::Directive* directive = nullptr;
  const auto fault = trust::open_directive(copy.view(), {&trust_.root(), ports_.now_s()}, scope, directive);
  if (fault != trust::TrustFault::none) return refuse(topic, payload, fault);
  awaiting_root_.erase(topic);
  awaiting_clock_.erase(topic);
  ports_.tell(DirectiveArrived{copy_out(*directive)});
}

void Inbound::take_root_chain(ByteView payload) {
  if (payload.size() > limits::root_chain_len_max) return refuse("trust/root", {}, trust::TrustFault::malformed);
  auto fault = trust::TrustFault::none;
  auto moved = trust_.advance(payload, fault);
  if (!moved) return ports_.broken(moved.error());
  if (fault != trust::TrustFault::none) {
    ports_.refuse(std::string(name_of(fault)), "the chain of root documents was followed to version " +
                                                   std::to_string(trust_.root().version) +
                                                   " and no further: " + std::string(name_of(fault)));
  }
  if (!*moved) return;
  ports_.note("the trust root is now at version " + std::to_string(trust_.root().version));
  const auto again = std::exchange(awaiting_root_, {});
  for (const auto& [topic, bytes] : again) take({topic, bytes, true});
}

void Inbound::take_chunk(ByteView payload) {
  if (payload.size() > limits::chunk_len_max) return ports_.refuse("too_long", "a chunk is longer than it may be");
  // Chunks are most of what arrives, and memory from the heap is aligned already.
  const AlignedBytes copy(payload.aligned() ? ByteView() : payload);
  const wire::Chunk* chunk = nullptr;
  const auto fault = verify(payload.aligned() ? payload : copy.view(), chunk);
  if (fault != WireFault::none)
    return ports_.refuse(std::string(name_of(fault)), "a chunk was refused: " + std::string(name_of(fault)));
  ports_.chunk(*chunk);
}

}  // namespace muster::edge
