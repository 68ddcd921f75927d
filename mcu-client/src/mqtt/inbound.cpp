#include "mcu-client/src/mqtt/inbound.h"

#include <cassert>

namespace muster::mcu::mqtt {
namespace {

constexpr std::uint8_t length_shift_max = 21;  // four bytes of length, seven bits each

}  // namespace

void InboundParser::reset() {
  first_ = true;
  static_cast<void>(expect(Part::head, 2));
}

InboundParser::Room InboundParser::room() {
  std::uint8_t* const to = part_ == Part::topic ? topic_ : part_ == Part::payload ? payload_ : fixed_;
  return {to + got_, need_ - got_};
}

Inbound InboundParser::took(std::size_t size) {
  assert(size <= need_ - got_);
  got_ += static_cast<std::uint32_t>(size);
  return got_ < need_ ? Inbound::none : advance();
}

Inbound InboundParser::expect(Part part, std::size_t size) {
  part_ = part;
  need_ = static_cast<std::uint32_t>(size);
  got_ = 0;
  return Inbound::none;
}

// The part is complete.
Inbound InboundParser::advance() {
  switch (part_) {
    case Part::head:
      first_byte_ = fixed_[0];
      left_ = 0;
      shift_ = 0;
      return take_length(fixed_[1]);
    case Part::length:
      return take_length(fixed_[0]);
    case Part::answer:
      return end_answer();
    case Part::topic_size: {
      const std::uint32_t size = get_u16(fixed_);
      const std::uint32_t id_size = first_byte_ & qos1_flag;  // which is two, as the id is
      if (size == 0 || size > topic_max || size + 2 + id_size > left_) return Inbound::malformed;
      left_ -= size + 2 + id_size;
      topic_size_ = size;
      return expect(Part::topic, size);
    }
    case Part::topic:
      if (!is_topic(topic())) return Inbound::malformed;
      id_ = 0;
      if ((first_byte_ & qos1_flag) != 0) return expect(Part::id, 2);
      return begin_payload();
    case Part::id:
      id_ = get_u16(fixed_);
      if (id_ == 0) return Inbound::malformed;
      return begin_payload();
    case Part::payload:
      piece_size_ = need_;
      left_ -= need_;
      return end_piece();
  }
  return Inbound::malformed;
}

Inbound InboundParser::take_length(std::uint8_t byte) {
  left_ |= static_cast<std::uint32_t>(byte & 0x7f) << shift_;
  if ((byte & 0x80) == 0) return begin_packet();
  if (shift_ == length_shift_max) return Inbound::malformed;
  shift_ = static_cast<std::uint8_t>(shift_ + 7);
  return expect(Part::length, 1);
}

// First byte and length are known.
Inbound InboundParser::begin_packet() {
  const auto type = static_cast<Type>(first_byte_ >> 4);
  if (left_ > packet_max || (type == Type::connack) != first_) return Inbound::malformed;
  first_ = false;
  const std::uint8_t flags = first_byte_ & 0x0f;
  if (type == Type::publish) {
    const bool qos1 = (flags & qos1_flag) != 0;
    // QoS 2 and 3 have the bit 4; QoS 0 is never sent again.
    if ((flags & 4) != 0 || (!qos1 && (flags & dup_flag) != 0) || left_ < 2) return Inbound::malformed;
    return expect(Part::topic_size, 2);
  }
  if (flags != 0) return Inbound::malformed;
  switch (type) {
    case Type::connack:
    case Type::puback:
      return left_ == 2 ? expect(Part::answer, 2) : Inbound::malformed;
    case Type::suback:
      return left_ == 3 ? expect(Part::answer, 3) : Inbound::malformed;
    case Type::pingresp:
      if (left_ != 0) return Inbound::malformed;
      static_cast<void>(expect(Part::head, 2));
      return Inbound::pingresp;
    default:
      return Inbound::malformed;
  }
}

Inbound InboundParser::end_answer() {
  const auto type = static_cast<Type>(first_byte_ >> 4);
  static_cast<void>(expect(Part::head, 2));
  if (type == Type::connack) {
    code_ = fixed_[1];
    session_present_ = fixed_[0] != 0;
    // Only accepted connections have a session (3.2.2.2), and there are five reasons to refuse.
    return fixed_[0] > 1 || code_ > 5 || (session_present_ && code_ != 0) ? Inbound::malformed : Inbound::connack;
  }
  id_ = get_u16(fixed_);
  if (type == Type::puback) return id_ == 0 ? Inbound::malformed : Inbound::puback;
  code_ = fixed_[2];
  // We ask for QoS 1, so that 2 cannot be granted.
  return id_ == 0 || (code_ > 1 && code_ != 0x80) ? Inbound::malformed : Inbound::suback;
}

Inbound InboundParser::begin_payload() {
  total_ = left_;
  piece_size_ = 0;
  if (total_ == 0) return end_piece();
  return expect(Part::payload, total_ < capacity_ ? total_ : capacity_);
}

// A piece has come; what goes to the buffer next?
Inbound InboundParser::end_piece() {
  if (left_ == 0) {
    static_cast<void>(expect(Part::head, 2));
  } else {
    static_cast<void>(expect(Part::payload, left_ < capacity_ ? left_ : capacity_));
  }
  return total_ <= capacity_ ? Inbound::message : Inbound::piece;
}

}  // namespace muster::mcu::mqtt
