// MQTT 3.1.1 packets written and read the plain way, with std::string: what the client's codec is compared with. Tests
// only; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::mcu::test::twin {

inline std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

inline std::string text(std::string_view words) {
  return u16(words.size()) + std::string(words);
}

// `padded_to` bytes of length at least: longer than it must be, which 3.1.1 does not forbid.
inline std::string packet(int first, const std::string& body, unsigned padded_to = 1) {
  std::string bytes(1, static_cast<char>(first));
  auto left = body.size();
  for (unsigned i = 1;; ++i) {
    const auto digit = left % 128;
    left /= 128;
    const bool more = left > 0 || i < padded_to;
    bytes += static_cast<char>(digit | (more ? 128u : 0u));
    if (!more) break;
  }
  return bytes + body;
}

struct Publish {
  std::string topic, payload;
  std::uint16_t id = 0;  // 0: QoS 0
  bool dup = false, retain = false;
};

inline std::string publish(const Publish& message, unsigned padded_to = 1) {
  const int first = 0x30 | (message.dup ? 8 : 0) | (message.id != 0 ? 2 : 0) | (message.retain ? 1 : 0);
  return packet(first, text(message.topic) + (message.id != 0 ? u16(message.id) : "") + message.payload, padded_to);
}
inline std::string connack(bool session_present = false, int code = 0) {
  return packet(0x20, {static_cast<char>(session_present ? 1 : 0), static_cast<char>(code)});
}
inline std::string puback(std::uint16_t id) {
  return packet(0x40, u16(id));
}
inline std::string suback(std::uint16_t id, int code = 1) {
  return packet(0x90, u16(id) + static_cast<char>(code));
}
inline std::string pingresp() {
  return packet(0xd0, "");
}
inline std::string pingreq() {
  return packet(0xc0, "");
}
inline std::string disconnect() {
  return packet(0xe0, "");
}
inline std::string subscribe(std::uint16_t id, std::string_view filter) {
  return packet(0x82, u16(id) + text(filter) + "\x01");
}

struct Packet {
  int first = 0;
  std::string body;
  [[nodiscard]] int type() const { return first >> 4; }
  [[nodiscard]] std::uint16_t u16_at(std::size_t at) const {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(body.at(at)) << 8 |
                                      static_cast<std::uint8_t>(body.at(at + 1)));
  }
  [[nodiscard]] Publish as_publish() const {
    Publish message;
    message.dup = (first & 8) != 0;
    message.retain = (first & 1) != 0;
    const std::size_t size = u16_at(0);
    message.topic = body.substr(2, size);
    std::size_t at = 2 + size;
    if ((first & 6) != 0) {
      message.id = u16_at(at);
      at += 2;
    }
    message.payload = body.substr(at);
    return message;
  }
};

// Takes the first packet off `bytes`; nothing when it is not whole yet.
inline std::optional<Packet> take(std::string& bytes) {
  std::size_t size = 0, at = 1;
  for (unsigned shift = 0;; shift += 7, ++at) {
    if (at >= bytes.size()) return std::nullopt;
    const auto digit = static_cast<std::uint8_t>(bytes[at]);
    size |= static_cast<std::size_t>(digit & 127) << shift;
    if ((digit & 128) == 0) break;
  }
  ++at;
  if (bytes.size() < at + size) return std::nullopt;
  Packet packet{static_cast<std::uint8_t>(bytes[0]), bytes.substr(at, size)};
  bytes.erase(0, at + size);
  return packet;
}

inline std::vector<Packet> take_all(std::string& bytes) {
  std::vector<Packet> packets;
  while (auto packet = take(bytes)) packets.push_back(std::move(*packet));
  return packets;
}

}  // namespace muster::mcu::test::twin
