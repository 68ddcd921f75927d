// What comes from the broker: into events for the machine, chunks for the download, roots for the trust store.
#include <cstring>

#include "mcu-client/include/client.h"
#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/topics.h"
#include "schemas/wire.h"
#include "trust/envelope.h"

namespace muster::mcu {

void Client::connect() {
  char topic[limits::topic_len_max];
  MqttConnect options;
  options.client_id = identity_.device_id;
  options.username = identity_.device_id;
  options.will_topic = topic_of("link", topic);
  options.will_payload = "0";
  options.keepalive_s = settings_.keepalive_s;
  const int result = session_.connect(options, now_ms());
  if (result != ok) on_lost(result);
}

void Client::on_connected(bool session_present) {
  // Retained messages come with every subscription, which makes up for whatever was missed.
  log(LogLevel::info, "connected");
  if (link_notes_.take(now_ms())) note(EventCode::connected, session_present ? 1 : 0);
  backoff_ms_ = 0;
  subscribe_next_ = 0;
  link_due_ = true;
  step(EventKind::connected);
}

void Client::on_lost(int why) {
  log(LogLevel::warning, "connection lost");
  fill_.disconnected();
  evidence_.disconnected();
  if (backoff_ms_ == 0 && link_notes_.take(now_ms()))
    note(EventCode::connection_lost, static_cast<std::uint32_t>(-why));
  const std::uint32_t longest = backoff_ms_ == 0 ? settings_.backoff_first_ms : backoff_ms_;
  backoff_ms_ = longest * 2 < settings_.backoff_max_ms ? longest * 2 : settings_.backoff_max_ms;
  std::uint32_t random = 0;
  if (port_.entropy(port_.context, reinterpret_cast<std::uint8_t*>(&random), sizeof random) != ok) random = longest / 2;
  connect_at_ms_ = now_ms() + random % (longest + 1);
}

void Client::on_acknowledged() {
  if (report_sent_) ++reports_;
  report_sent_ = false;
}

void Client::on_subscribed(bool granted) {
  if (!granted) log(LogLevel::error, "the broker refuses a subscription: this device's rights are not right");
}

// Topics are those that were subscribed to, and the two that the broker hands us by itself: "muster/v1/SCOPE/LEAF".
bool Client::on_message(std::string_view topic, ByteView payload) {
  if (topic == trust_root_topic) return take_roots(0, static_cast<std::uint32_t>(payload.size()), payload);
  for (std::uint32_t i = 0; i < scope_count(); ++i) {
    char space[limits::topic_len_max];
    const auto scope = scope_text(i, space);
    const std::size_t head = topic_root.size() + scope.size();
    if (topic.size() <= head || topic[head] != '/' || topic.compare(topic_root.size(), scope.size(), scope) != 0)
      continue;
    const auto leaf = topic.substr(head + 1);
    if (leaf == "directive") {
      take_directive(i, payload);
    } else if (i == 0) {
      take_own(leaf, payload);
    }
    break;
  }
  return true;
}

void Client::take_own(std::string_view leaf, ByteView payload) {
  if (leaf == "chunk") {
    const wire::Chunk* chunk = nullptr;
    if (filling_ && verify(payload, chunk) == WireFault::none) fill_.take(*chunk, now_ms());
  } else if (leaf == "assignment") {
    take_assignment(payload);
  } else if (leaf == "ack") {
    take_ack(payload);
  }
}

bool Client::on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) {
  if (topic == trust_root_topic) return take_roots(offset, total, piece);
  if (offset != 0) return true;
  log(LogLevel::warning, "a message is longer than this device takes");
  note_refused(ErrorCode::size_mismatch);
  return true;
}

void Client::refuse(const char* what, trust::TrustFault why) {
  log(LogLevel::warning, what);
  log(LogLevel::warning, trust::name_of(why).data());
  note_refused(trust::code_of(why));
}

void Client::note_refused(ErrorCode error) {
  if (refusal_notes_.take(now_ms())) note(EventCode::message_refused, static_cast<std::uint32_t>(error));
}

void Client::take_ack(ByteView payload) {
  const wire::Ack* ack = nullptr;
  Sha256 bundle;
  if (verify(payload, ack) != WireFault::none) return;
  std::memcpy(bundle.bytes.data(), ack->bundle()->bytes()->data(), bundle.bytes.size());
  evidence_.acknowledged(bundle, ack->offset());
}

void Client::take_assignment(ByteView payload) {
  trust::TrustRoot root;
  const wire::Assignment* found = nullptr;
  if (const int bad = trust_.read(root); bad != ok) return;
  const auto fault = trust::open_assignment(payload, {&root, now_s()}, identity_.device_id, found);
  if (fault != trust::TrustFault::none) return refuse("an assignment was refused:", fault);
  Assignment assignment;
  assignment.epoch = found->epoch();
  assignment.issued_s = found->issued_s();
  assignment.expires_s = found->expires_s();
  assignment.soak_s = found->soak_s();
  assignment.hold = found->hold();
  if (const auto* shadow = found->shadow(); shadow != nullptr && shadow->size() != 0)
    assignment.shadow = static_cast<std::uint8_t>(1 + index_of(shadow->Get(0)->plane()));
  for (const auto* from : *found->releases()) {
    auto& release = assignment.releases[assignment.count++];
    release.plane = from->plane();
    release.envelope_size = from->envelope_size();
    std::memcpy(release.manifest.bytes.data(), from->manifest()->bytes()->data(), release.manifest.bytes.size());
    std::memcpy(release.envelope.bytes.data(), from->envelope()->bytes()->data(), release.envelope.bytes.size());
  }
  Event event;
  event.kind = EventKind::assignment;
  event.assignment = &assignment;
  step(event);
}

void Client::take_directive(std::uint32_t scope, ByteView payload) {
  trust::TrustRoot root;
  const wire::Directive* found = nullptr;
  char space[limits::topic_len_max];
  if (trust_.read(root) != ok) return;
  const auto fault = trust::open_directive(payload, {&root, now_s()}, scope_text(scope, space), found);
  if (fault != trust::TrustFault::none) return refuse("a directive was refused:", fault);
  Directive directive;
  directive.scope = static_cast<std::uint8_t>(scope);
  directive.epoch = found->epoch();
  directive.issued_s = found->issued_s();
  for (const auto* from : *found->orders()) {
    if (directive.count == orders_max) {
      directive.too_many = true;
      break;
    }
    auto& order = directive.orders[directive.count++];
    order.kind = from->kind();
    order.epoch = from->epoch();
    order.plane = from->plane();
    order.scope = directive.scope;
    if (from->release() != nullptr) std::memcpy(&order.release, from->release()->bytes()->data(), sizeof order.release);
  }
  Event event;
  event.kind = EventKind::directive;
  event.directive = &directive;
  step(event);
}

// False: the whole chain is wanted once more, which ending the connection brings about.
bool Client::take_roots(std::uint32_t offset, std::uint32_t total, ByteView piece) {
  const int taken = trust_.take_piece(offset, total, piece, now_ms());
  if (taken == err_busy) return false;
  if (taken == err_refused) {
    if (roots_again_ms_ == 0) log(LogLevel::warning, "too many chains of trust roots: the next one is taken later");
    roots_again_ms_ = trust_.next_ms();
    return true;
  }
  if (taken != ok) {
    log(LogLevel::error, "the chain of trust roots cannot be stored");
    return true;
  }
  if (offset + piece.size() < total) return true;
  fill_.lend_work();
  const int walked = trust_.walk(buffers_.work, static_cast<std::uint32_t>(buffers_.work_size));
  if (walked < 0) log(LogLevel::warning, "the chain of trust roots leads nowhere");
  if (walked == 1) {
    log(LogLevel::info, "the trust root has moved");
    subscribe_next_ = 0;  // what the old root refused comes again
  }
  return true;
}

}  // namespace muster::mcu
