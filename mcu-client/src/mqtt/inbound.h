// Reads the packets that a broker sends from a stream of bytes that is split anywhere. It holds no more than one topic;
// the payload goes straight into the caller's buffer. Pure: the caller asks where the next bytes go (room), puts some
// there, and says how many (took). Freestanding C++17, no allocation; one thread. For the session only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/src/mqtt/packet.h"
#include "schemas/bytes.h"

namespace muster::mcu::mqtt {

enum class Inbound : std::uint8_t {
  none,     // no packet has come to its end
  connack,  // code(), session_present()
  message,  // a whole PUBLISH: topic(), payload(), id()
  piece,    // a part of a PUBLISH that is longer than the buffer: as above, and offset(), total(), is_last()
  puback,   // id()
  suback,   // id(), code()
  pingresp,
  malformed,  // what follows cannot be read; reset() it with the connection
};

class InboundParser {
 public:
  InboundParser(std::uint8_t* payload, std::size_t capacity) : payload_(payload), capacity_(capacity) {}

  // A new connection: its first packet must be a CONNACK, and no other may be one. Until it has come nothing is written
  // to the payload's buffer.
  void reset();

  struct Room {
    std::uint8_t* to;
    std::size_t size;  // at least 1
  };
  // Where the next bytes of the stream go. REQUIRES: not malformed.
  [[nodiscard]] Room room();
  // So many bytes, at most room().size, are there now.
  [[nodiscard]] Inbound took(std::size_t size);

  // --- of what took() said last; valid until room() is asked again ---
  [[nodiscard]] std::string_view topic() const { return {reinterpret_cast<const char*>(topic_), topic_size_}; }
  [[nodiscard]] ByteView payload() const { return {payload_, piece_size_}; }
  [[nodiscard]] std::uint32_t offset() const { return total_ - left_ - piece_size_; }
  [[nodiscard]] std::uint32_t total() const { return total_; }
  [[nodiscard]] bool is_last() const { return left_ == 0; }
  [[nodiscard]] std::uint16_t id() const { return id_; }  // 0: a PUBLISH of QoS 0
  [[nodiscard]] std::uint8_t code() const { return code_; }
  [[nodiscard]] bool session_present() const { return session_present_; }

 private:
  enum class Part : std::uint8_t { head, length, answer, topic_size, topic, id, payload };

  Inbound advance();
  Inbound take_length(std::uint8_t byte);
  Inbound begin_packet();
  Inbound end_answer();
  Inbound begin_payload();
  Inbound end_piece();
  Inbound expect(Part part, std::size_t size);

  std::uint8_t* const payload_;
  const std::size_t capacity_;
  Part part_ = Part::head;
  bool first_ = true;            // nothing but a CONNACK may come
  std::uint8_t first_byte_ = 0;  // of the packet
  std::uint8_t shift_ = 0;       // of the next byte of the length
  std::uint8_t code_ = 0;
  bool session_present_ = false;
  std::uint16_t id_ = 0;
  std::uint32_t need_ = 2, got_ = 0;  // bytes of the part
  std::uint32_t left_ = 0;            // of the packet after this part; of the payload after this piece
  std::uint32_t total_ = 0;           // of the payload
  std::uint32_t piece_size_ = 0;
  std::uint32_t topic_size_ = 0;
  std::uint8_t fixed_[3] = {};  // what is neither topic nor payload
  std::uint8_t topic_[topic_max] = {};
};

}  // namespace muster::mcu::mqtt
