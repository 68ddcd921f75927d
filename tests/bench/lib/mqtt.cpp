#include "tests/bench/lib/mqtt.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace muster::bench::mqtt {
namespace {

void put_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  put_u16(out, text.size());
  out += text;
}

std::string packet(std::uint8_t first, std::string_view body) {
  std::string out(1, static_cast<char>(first));
  std::size_t left = body.size();
  do {
    const auto digit = left % 128;
    left /= 128;
    out += static_cast<char>(left > 0 ? digit | 0x80 : digit);
  } while (left > 0);
  out += body;
  return out;
}

std::uint16_t u16_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes.data()[at] << 8 | bytes.data()[at + 1]);
}

// Bytes of a fixed header; 0 when it is not whole yet. `length` is what follows it.
std::size_t fixed_header(const std::uint8_t* bytes, std::size_t size, std::size_t& length) {
  length = 0;
  for (std::size_t i = 1; i < size && i <= 4; ++i) {
    length |= static_cast<std::size_t>(bytes[i] & 0x7f) << (7 * (i - 1));
    if ((bytes[i] & 0x80) == 0) return i + 1;
  }
  return 0;
}

}  // namespace

std::string connect(std::string_view client_id, std::string_view user) {
  constexpr char clean_session = 0x02;
  constexpr char has_user = static_cast<char>(0x80);
  std::string body;
  put_text(body, "MQTT");
  body += '\x04';
  body += static_cast<char>(user.empty() ? clean_session : clean_session | has_user);
  put_u16(body, 0);
  put_text(body, client_id);
  if (!user.empty()) put_text(body, user);
  return packet(0x10, body);
}

std::string subscribe(std::string_view filter, std::uint8_t qos, std::uint16_t packet_id) {
  std::string body;
  put_u16(body, packet_id);
  put_text(body, filter);
  body += static_cast<char>(qos);
  return packet(0x82, body);
}

std::string publish(std::string_view topic, ByteView payload, std::uint8_t qos, bool retain, std::uint16_t packet_id) {
  std::string body;
  put_text(body, topic);
  if (qos > 0) put_u16(body, packet_id);
  body.append(payload.text());
  return packet(static_cast<std::uint8_t>(0x30 | qos << 1 | (retain ? 1 : 0)), body);
}

std::string puback(std::uint16_t packet_id) {
  std::string body;
  put_u16(body, packet_id);
  return packet(0x40, body);
}

std::string disconnect() {
  return packet(0xe0, {});
}

std::size_t packet_id_place(std::string_view publish_packet) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(publish_packet.data());
  std::size_t length = 0;
  const auto header = fixed_header(bytes, publish_packet.size(), length);
  return header + 2 + static_cast<std::size_t>(bytes[header] << 8 | bytes[header + 1]);
}

void set_packet_id(std::string& publish_packet, std::size_t place, std::uint16_t packet_id) {
  publish_packet[place] = static_cast<char>(packet_id >> 8);
  publish_packet[place + 1] = static_cast<char>(packet_id & 0xff);
}

bool read_publish(const Packet& packet, Publish& publish) {
  publish.qos = packet.flags >> 1 & 3;
  publish.retain = (packet.flags & 1) != 0;
  if (packet.body.size() < 2) return false;
  const std::size_t topic_size = u16_at(packet.body, 0);
  const std::size_t head = 2 + topic_size + (publish.qos > 0 ? 2u : 0u);
  if (packet.body.size() < head) return false;
  publish.topic = packet.body.text().substr(2, topic_size);
  publish.packet_id = publish.qos > 0 ? u16_at(packet.body, 2 + topic_size) : std::uint16_t{0};
  publish.payload = ByteView(packet.body.data() + head, packet.body.size() - head);
  return true;
}

std::uint16_t read_packet_id(const Packet& packet) {
  return packet.body.size() < 2 ? std::uint16_t{0} : u16_at(packet.body, 0);
}

std::span<std::uint8_t> Reader::room(std::size_t at_least) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (bytes_.size() - end_ < at_least) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (bytes_.size() - end_ < at_least) bytes_.resize(end_ + at_least);
  }
  return {bytes_.data() + end_, bytes_.size() - end_};
}

bool Reader::next(Packet& packet) {
  std::size_t length = 0;
  const auto header = fixed_header(bytes_.data() + begin_, end_ - begin_, length);
  if (header == 0 || end_ - begin_ < header + length) return false;
  const auto* first = bytes_.data() + begin_;
  packet = {static_cast<Type>(*first >> 4), static_cast<std::uint8_t>(*first & 0x0f), ByteView(first + header, length)};
  begin_ += header + length;
  return true;
}

}  // namespace muster::bench::mqtt
