// An MQTT 3.1.1 client for one connection at a time (OASIS mqtt-v3.1.1): QoS 0 and 1, persistent sessions, keep-alive. It
// never waits and never allocates: bytes go through the port as far as it takes them, packets may be split anywhere, and
// the caller owns both buffers. Freestanding C++17; one thread. Reconnecting, with its delays, is the caller's.
//
// Outbound there is one message of QoS 1 at a time, or one SUBSCRIBE. The message stays in the buffer until its
// acknowledgement, over any number of connections: it is sent again with DUP when the broker kept the session, and as a new
// one when the broker lost it, because the broker may never have had it. on_acknowledged comes once, whatever happened. A
// SUBSCRIBE that a lost connection left unanswered is forgotten; the caller subscribes again from on_connected. Beside them
// goes one QoS 0 message, which a lost connection takes with it.
// Inbound messages that fit the buffer come whole, 8-aligned; longer ones come in pieces, for a flash to take them. QoS 1
// messages are acknowledged when the handler has returned true, for pieces that of the last one. While an acknowledgement
// cannot be sent nothing more is received. QoS 2 is err_protocol, as is a packet longer than mqtt::packet_max.
//
// A connection is given up with err_timeout when, for answer_timeout_ms: no CONNACK came since connect; the port took no
// byte of what was to be sent; no SUBACK came; nothing at all came after a PINGREQ. The PINGREQ goes out when for 3/4 of the
// keep-alive nothing was sent or nothing came, so that a half-open connection is found within that and answer_timeout_ms.
// A PUBACK has puback_patience times as long, so that a slow broker is not made slower.
//
// From within the handler's functions these may be called: publish, begin_publish, end_publish, publish_small, subscribe,
// disconnect, and the questions. poll and connect may not (assert).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/include/port.h"
#include "mcu-client/src/mqtt/inbound.h"
#include "mcu-client/src/mqtt/packet.h"
#include "schemas/bytes.h"

namespace muster::mcu {

class MqttHandler {
 public:
  virtual void on_connected(bool session_present) = 0;
  // The connection is over; err_closed, err_timeout, err_protocol or err_refused. The session is idle again.
  virtual void on_lost(int why) = 0;
  // `payload` starts on an 8-byte boundary; topic and payload are the handler's until it returns. False: not taken, the
  // connection is ended without an acknowledgement (on_lost says err_closed), and the broker sends it again if it was QoS 1.
  virtual bool on_message(std::string_view topic, ByteView payload) = 0;
  // A message that does not fit, piece by piece in order; the first has offset 0, the last ends at `total`. All but the
  // last are as long as the buffer. The connection may be lost between two of them; the message then begins anew. False: as above.
  virtual bool on_piece(std::string_view topic, std::uint32_t offset, std::uint32_t total, ByteView piece) = 0;
  // The broker has the QoS 1 message that publish() took.
  virtual void on_acknowledged() = 0;
  // Of subscribe(): granted, or the broker refused.
  virtual void on_subscribed(bool granted) = 0;

 protected:
  ~MqttHandler() = default;
};

struct MqttBuffers {
  std::uint8_t* in = nullptr;   // 8-aligned; the longest message that comes whole. CONNECT is built here too
  std::size_t in_size = 0;      // at least in_size_min
  std::uint8_t* out = nullptr;  // the longest packet of QoS 1, with its topic and up to 7 bytes for alignment, or SUBSCRIBE
  std::size_t out_size = 0;

  static constexpr std::size_t in_size_min = 32;
};

class MqttSession {
 public:
  MqttSession(const Port& port, MqttBuffers buffers, MqttHandler& handler);

  // Opens the port's stream and begins to send CONNECT; on_connected or on_lost follows from poll(). err_busy when not idle,
  // err_too_long when the CONNECT does not fit into the inbound buffer, or what the port's open says: then nothing follows.
  // The views are read during the call.
  [[nodiscard]] int connect(const MqttConnect& options, std::uint64_t now_ms);
  // Sends and receives what it can, up to packets_per_poll packets, and calls the handler. ok also when nothing happened; when
  // the connection was lost, what on_lost was told.
  int poll(std::uint64_t now_ms);
  // Sends what waits and DISCONNECT as far as the port takes it and ends the connection; the handler hears nothing. A
  // message of QoS 1 without acknowledgement stays for the next connection. From within on_message: it is not acknowledged.
  void disconnect();

  // QoS 1. Copied into the buffer. err_busy while another one (or a SUBSCRIBE) waits, err_not_connected, err_too_long.
  // REQUIRES: mqtt::is_topic(topic), here and below.
  [[nodiscard]] int publish(std::string_view topic, ByteView payload, bool retain);
  // The same without a copy: where to build the payload (8-aligned, `capacity` bytes long), then its size. Null when busy, not
  // connected or when the topic does not fit. What was begun is forgotten when the next one begins.
  [[nodiscard]] std::uint8_t* begin_publish(std::string_view topic, bool retain, std::size_t& capacity);
  // err_not_connected when the connection was ended since; err_too_long for more than the capacity. REQUIRES: begun.
  int end_publish(std::size_t payload_size);
  // QoS 0, at most small_max bytes with its topic. err_busy while the last one is not sent.
  [[nodiscard]] int publish_small(std::string_view topic, ByteView payload);
  // QoS 1, one filter at a time. err_busy as for publish.
  [[nodiscard]] int subscribe(std::string_view filter);

  [[nodiscard]] bool connected() const { return state_ == State::up; }
  [[nodiscard]] bool idle() const { return state_ == State::idle; }  // neither connected nor connecting
  // Connected, and neither a QoS 1 message nor a SUBSCRIBE waits.
  [[nodiscard]] bool can_publish() const { return connected() && kept_state_ <= Kept::begun; }
  [[nodiscard]] bool can_publish_small() const { return connected() && small_.size == 0; }

  static constexpr std::size_t small_max = 256;                // bytes of a QoS 0 packet
  static constexpr std::size_t topic_max = mqtt::topic_max;    // a longer inbound topic is err_protocol
  static constexpr std::uint32_t puback_patience = 4;          // times answer_timeout_ms
  static constexpr unsigned packets_per_poll = 16;             // received; a piece counts as one

 private:
  enum class State : std::uint8_t { idle, connecting, up };
  enum class Kept : std::uint8_t { none, begun, queued, sent };  // what lies in the outbound buffer
  enum class Sending : std::uint8_t { nothing, connect, kept, small, tiny };

  int run();
  bool send_all();
  bool choose();
  void send(Sending what, const mqtt::Packet& packet);
  void finish_packet();
  int receive();
  int handle(mqtt::Inbound event);
  int handle_connack();
  int handle_answer(bool to_subscribe);
  int handle_payload(bool whole);
  [[nodiscard]] bool is_overdue();
  [[nodiscard]] bool passed(std::uint32_t since_ms, std::uint32_t time_ms) const { return now_ms_ - since_ms >= time_ms; }
  void end();
  [[nodiscard]] std::uint16_t next_id();
  [[nodiscard]] int check_free() const;
  [[nodiscard]] bool kept_is_subscribe() const { return kept_first_ >> 4 == static_cast<int>(mqtt::Type::subscribe); }

  const Port& port_;
  const MqttBuffers buffers_;
  MqttHandler& handler_;
  mqtt::InboundParser parser_;

  // Times are kept as the lower 32 bits of milliseconds: only differences count, and none comes near 49 days.
  std::uint32_t now_ms_ = 0;      // of this poll
  std::uint32_t connect_ms_ = 0;  // when connect() was called
  std::uint32_t sent_ms_ = 0;     // when the last packet was sent to its end
  std::uint32_t heard_ms_ = 0;    // when the last byte came
  std::uint32_t stalled_ms_ = 0;  // since when the port has taken nothing, if stalled_
  std::uint32_t kept_ms_ = 0;     // when the kept packet was sent
  std::uint32_t pinged_ms_ = 0;   // when PINGREQ was sent, if ping_waits_
  std::uint32_t quiet_ms_ = 0;      // after so long without a packet a PINGREQ is due; 0: never
  std::uint32_t patience_ms_ = 0;   // answer_timeout_ms

  State state_ = State::idle;
  Kept kept_state_ = Kept::none;
  Sending sending_ = Sending::nothing;
  bool clean_session_ = false;
  bool kept_tried_ = false;   // bytes of the kept PUBLISH have gone out: when sent again it needs DUP
  bool stalled_ = false;
  bool ping_due_ = false;
  bool ping_waits_ = false;   // sent, and nothing has come since
  bool polling_ = false;      // the handler may be running
  std::uint8_t kept_first_ = 0;   // first byte of the kept packet, without DUP
  std::uint16_t last_id_ = 0, kept_id_ = 0;
  std::uint16_t puback_id_ = 0;   // to be acknowledged; 0: none

  mqtt::Packet kept_;             // in the outbound buffer. Begun: without first byte, length and payload
  mqtt::Packet small_;            // in small_bytes_; size 0: none
  mqtt::Packet rest_;             // of the packet that is being sent
  std::uint8_t tiny_[4] = {};     // PUBACK, PINGREQ or DISCONNECT while it is being sent
  std::uint8_t small_bytes_[small_max];
};

}  // namespace muster::mcu
