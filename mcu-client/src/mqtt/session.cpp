#include "mcu-client/src/mqtt/session.h"

#include <cassert>
#include <cstring>

namespace muster::mcu {

using mqtt::Inbound;

MqttSession::MqttSession(const Port& port, MqttBuffers buffers, MqttHandler& handler)
    : port_(port), buffers_(buffers), handler_(handler), parser_(buffers.in, buffers.in_size) {
  assert(ByteView(buffers.in, buffers.in_size).aligned() && buffers.in_size >= MqttBuffers::in_size_min);
}

// --- connecting and ending ---

int MqttSession::connect(const MqttConnect& options, std::uint64_t now_ms) {
  assert(!polling_);
  if (!idle()) return err_busy;
  // The inbound buffer is free: the parser takes nothing but a CONNACK into it, and that only after the CONNECT has
  // gone.
  const auto packet = mqtt::write_connect(options, buffers_.in, buffers_.in_size);
  if (packet.size == 0) return err_too_long;
  const int opened = port_.open(port_.context);
  if (opened < 0) return opened;
  parser_.reset();
  now_ms_ = connect_ms_ = static_cast<std::uint32_t>(now_ms);
  quiet_ms_ = options.keepalive_s * 750u;
  patience_ms_ = options.answer_timeout_ms;
  clean_session_ = options.clean_session;
  state_ = State::connecting;
  send(Sending::connect, packet);
  return ok;
}

void MqttSession::disconnect() {
  if (idle()) return;
  if (send_all() && sending_ == Sending::nothing) {
    tiny_[0] = static_cast<std::uint8_t>(mqtt::Type::disconnect) << 4;
    tiny_[1] = 0;
    send(Sending::tiny, {tiny_, 2});
    static_cast<void>(send_all());
  }
  end();
}

// Leaves nothing of this connection but the PUBLISH of QoS 1 that has no acknowledgement.
void MqttSession::end() {
  port_.close(port_.context);
  if (kept_state_ == Kept::sent || (sending_ == Sending::kept && rest_.size != kept_.size)) kept_tried_ = true;
  kept_state_ = kept_state_ <= Kept::begun || kept_is_subscribe() ? Kept::none : Kept::queued;
  state_ = State::idle;
  sending_ = Sending::nothing;
  small_.size = 0;
  puback_id_ = 0;
  stalled_ = ping_due_ = ping_waits_ = false;
}

int MqttSession::poll(std::uint64_t now_ms) {
  assert(!polling_);
  if (idle()) return ok;
  now_ms_ = static_cast<std::uint32_t>(now_ms);
  polling_ = true;
  const int why = run();
  if (why < 0) {
    end();
    handler_.on_lost(why);
  }
  polling_ = false;
  return why;
}

// What a poll does: ok, or why the connection is over. The handler may have ended it too, which is ok.
int MqttSession::run() {
  // While a short packet is being sent it may be the PINGREQ.
  const bool may_ping = connected() && quiet_ms_ != 0 && !ping_waits_ && sending_ != Sending::tiny;
  if (may_ping && (passed(sent_ms_, quiet_ms_) || passed(heard_ms_, quiet_ms_))) ping_due_ = true;
  for (unsigned packets = 0;; ++packets) {
    if (!send_all()) return err_closed;
    if (puback_id_ != 0 || packets == packets_per_poll) break;
    const int received = receive();
    if (received < 0 || idle()) return received < 0 ? received : ok;
    if (received == 0) break;
  }
  return is_overdue() ? err_timeout : ok;
}

bool MqttSession::is_overdue() {
  if (!connected()) return passed(connect_ms_, patience_ms_);
  if (sending_ != Sending::nothing) {
    // Counted from the first poll that found it so, because the caller may have been away for long.
    if (stalled_ && passed(stalled_ms_, patience_ms_)) return true;
    if (!stalled_) stalled_ms_ = now_ms_;
    stalled_ = true;
  }
  const auto times = kept_is_subscribe() ? 1 : puback_patience;
  if (kept_state_ == Kept::sent && passed(kept_ms_, patience_ms_ * times)) return true;
  return ping_waits_ && passed(pinged_ms_, patience_ms_);
}

// --- sending: one packet after the other, each to its end ---

// As far as the port takes it; false when the connection is gone.
bool MqttSession::send_all() {
  while (sending_ != Sending::nothing || choose()) {
    const int sent = port_.send(port_.context, rest_.at, rest_.size);
    if (sent <= 0) return sent == 0;
    const auto size = static_cast<std::size_t>(sent);
    assert(size <= rest_.size);
    stalled_ = false;
    rest_.at += size;
    rest_.size -= size;
    if (rest_.size == 0) finish_packet();
  }
  return true;
}

void MqttSession::send(Sending what, const mqtt::Packet& packet) {
  sending_ = what;
  rest_ = packet;
}

// The short ones first, because others wait for them.
bool MqttSession::choose() {
  if (!connected()) return false;
  if (puback_id_ != 0) {
    tiny_[0] = static_cast<std::uint8_t>(mqtt::Type::puback) << 4;
    tiny_[1] = 2;
    mqtt::put_u16(tiny_ + 2, puback_id_);
    puback_id_ = 0;
    send(Sending::tiny, {tiny_, 4});
  } else if (ping_due_) {
    ping_due_ = false;
    tiny_[0] = static_cast<std::uint8_t>(mqtt::Type::pingreq) << 4;
    tiny_[1] = 0;
    send(Sending::tiny, {tiny_, 2});
  } else if (kept_state_ == Kept::queued) {
    send(Sending::kept, kept_);
  } else if (small_.size != 0) {
    send(Sending::small, small_);
  } else {
    return false;
  }
  return true;
}

void MqttSession::finish_packet() {
  sent_ms_ = now_ms_;
  if (sending_ == Sending::kept) {
    kept_state_ = Kept::sent;
    kept_ms_ = now_ms_;
  } else if (sending_ == Sending::small) {
    small_.size = 0;
  } else if (sending_ == Sending::tiny && tiny_[0] == static_cast<std::uint8_t>(mqtt::Type::pingreq) << 4) {
    ping_waits_ = true;
    pinged_ms_ = now_ms_;
  }
  sending_ = Sending::nothing;
}

// --- receiving ---

// Up to the end of one packet or piece: 1, or 0 when no more bytes have come, or why the connection is over.
int MqttSession::receive() {
  for (;;) {
    const auto room = parser_.room();
    const int size = port_.recv(port_.context, room.to, room.size);
    if (size <= 0) return size == 0 ? 0 : err_closed;
    heard_ms_ = now_ms_;
    ping_waits_ = false;
    const auto event = parser_.took(static_cast<std::size_t>(size));
    if (event == Inbound::none) continue;
    const int handled = handle(event);
    return handled < 0 ? handled : 1;
  }
}

int MqttSession::handle(Inbound event) {
  switch (event) {
    case Inbound::connack:
      return handle_connack();
    case Inbound::message:
    case Inbound::piece:
      return handle_payload(event == Inbound::message);
    case Inbound::puback:
    case Inbound::suback:
      return handle_answer(event == Inbound::suback);
    case Inbound::pingresp:
      return ok;  // any byte answers a PINGREQ, so that this one may come late
    default:
      return err_protocol;
  }
}

int MqttSession::handle_connack() {
  if (sending_ != Sending::nothing) return err_protocol;  // an answer to what was not asked yet
  if (parser_.code() != 0) return err_refused;
  const bool session_present = parser_.session_present();
  if (session_present && clean_session_) return err_protocol;
  state_ = State::up;
  sent_ms_ = now_ms_;
  if (kept_state_ == Kept::queued) {
    // A broker without the session does not know the message: it is a new one.
    if (!session_present) kept_tried_ = false;
    *kept_.at = static_cast<std::uint8_t>(kept_first_ | (kept_tried_ ? mqtt::dup_flag : 0u));
  }
  handler_.on_connected(session_present);
  return ok;
}

// PUBACK or SUBACK: only what was sent to its end can be answered.
int MqttSession::handle_answer(bool to_subscribe) {
  if (kept_state_ != Kept::sent || parser_.id() != kept_id_ || kept_is_subscribe() != to_subscribe) return err_protocol;
  kept_state_ = Kept::none;
  if (to_subscribe) {
    handler_.on_subscribed(parser_.code() != 0x80);
  } else {
    handler_.on_acknowledged();
  }
  return ok;
}

int MqttSession::handle_payload(bool whole) {
  const bool taken = whole ? handler_.on_message(parser_.topic(), parser_.payload())
                           : handler_.on_piece(parser_.topic(), parser_.offset(), parser_.total(), parser_.payload());
  if (idle()) return ok;
  if (!taken) return err_closed;
  if (parser_.is_last()) puback_id_ = parser_.id();
  return ok;
}

// --- what the caller has to say ---

std::uint16_t MqttSession::next_id() {
  if (++last_id_ == 0) last_id_ = 1;
  return last_id_;
}

// Whether a packet may go into the outbound buffer.
int MqttSession::check_free() const {
  return !connected() ? err_not_connected : can_publish() ? ok : err_busy;
}

int MqttSession::publish(std::string_view topic, ByteView payload, bool retain) {
  const int checked = check_free();
  if (checked < 0) return checked;
  std::size_t capacity = 0;
  std::uint8_t* const to = begin_publish(topic, retain, capacity);
  if (to == nullptr) return err_too_long;
  if (payload.size() <= capacity && !payload.empty()) std::memcpy(to, payload.data(), payload.size());
  return end_publish(payload.size());
}

std::uint8_t* MqttSession::begin_publish(std::string_view topic, bool retain, std::size_t& capacity) {
  if (!can_publish()) return nullptr;
  kept_state_ = Kept::none;
  capacity = 0;
  // The payload's place is the first aligned one that leaves room for everything before it.
  const std::size_t head = mqtt::publish_head_max + topic.size();
  const std::size_t skip = head + (-(reinterpret_cast<std::uintptr_t>(buffers_.out) + head) & 7);
  if (topic.size() > topic_max || skip > buffers_.out_size) return nullptr;
  assert(mqtt::is_topic(topic));
  std::uint8_t* const payload = buffers_.out + skip;
  kept_ = {payload - 4 - topic.size(), 4 + topic.size()};
  kept_id_ = next_id();
  mqtt::put_u16(mqtt::put_text(kept_.at, topic), kept_id_);
  kept_first_ = static_cast<std::uint8_t>(0x30 | mqtt::qos1_flag | (retain ? mqtt::retain_flag : 0u));
  kept_state_ = Kept::begun;
  capacity = buffers_.out_size - skip;
  const std::size_t longest = mqtt::packet_max - kept_.size;
  if (capacity > longest) capacity = longest;
  return payload;
}

int MqttSession::end_publish(std::size_t payload_size) {
  if (!connected()) return err_not_connected;
  assert(kept_state_ == Kept::begun);
  kept_state_ = Kept::none;
  const std::uint8_t* const payload = kept_.at + kept_.size;
  const auto room = static_cast<std::size_t>(buffers_.out + buffers_.out_size - payload);
  if (payload_size > room || payload_size > mqtt::packet_max - kept_.size) return err_too_long;
  kept_.at = mqtt::put_head_before(kept_.at, kept_.size + payload_size, kept_first_);
  kept_.size = static_cast<std::size_t>(payload + payload_size - kept_.at);
  kept_tried_ = false;
  kept_state_ = Kept::queued;
  return ok;
}

int MqttSession::publish_small(std::string_view topic, ByteView payload) {
  if (!connected()) return err_not_connected;
  if (!can_publish_small()) return err_busy;
  // Built from the end of its buffer, because its length says how long the length is.
  constexpr std::size_t room = small_max - 1 - 2 - 2;
  if (topic.size() > topic_max || payload.size() > room - topic.size()) return err_too_long;
  assert(mqtt::is_topic(topic));
  const std::size_t size = 2 + topic.size() + payload.size();
  std::uint8_t* const end = small_bytes_ + small_max;
  std::uint8_t* const to = mqtt::put_text(end - size, topic);
  if (!payload.empty()) std::memcpy(to, payload.data(), payload.size());
  small_.at = mqtt::put_head_before(end - size, size, 0x30);
  small_.size = static_cast<std::size_t>(end - small_.at);
  return ok;
}

int MqttSession::subscribe(std::string_view filter) {
  const int checked = check_free();
  if (checked < 0) return checked;
  kept_state_ = Kept::none;
  const auto id = next_id();
  const auto packet = mqtt::write_subscribe(filter, id, buffers_.out, buffers_.out_size);
  if (packet.size == 0) return err_too_long;
  kept_ = packet;
  kept_first_ = *packet.at;
  kept_id_ = id;
  kept_state_ = Kept::queued;
  return ok;
}

}  // namespace muster::mcu
