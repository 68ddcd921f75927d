// MQTT 3.1.1 control packets as bytes (OASIS mqtt-v3.1.1, chapters 2 and 3): what the client writes, and the constants that
// reading shares with it. Pure functions over the caller's buffers. Freestanding C++17; any thread. For session and inbound only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::mcu {

// What a connection is opened with.
struct MqttConnect {
  std::string_view client_id;
  std::string_view username, password;        // empty: none; no password without a user name
  std::string_view will_topic, will_payload;  // retained, QoS 1; empty topic: none
  std::uint16_t keepalive_s = 60;             // 0: no pings, and a dead connection shows only when something is sent
  bool clean_session = false;
  std::uint32_t answer_timeout_ms = 10000;    // for CONNACK, SUBACK and PINGRESP, and for the port to take a byte
};

namespace mqtt {

// The upper half of a packet's first byte.
enum class Type : std::uint8_t {
  connect = 1, connack = 2, publish = 3, puback = 4, subscribe = 8, suback = 9, pingreq = 12, pingresp = 13, disconnect = 14,
};

// Of a PUBLISH's first byte.
inline constexpr std::uint8_t dup_flag = 0x08;
inline constexpr std::uint8_t qos1_flag = 0x02;
inline constexpr std::uint8_t retain_flag = 0x01;

// The longest packet in either direction, without its first byte and its length: as limits::control_len_max. Three bytes
// of length hold it.
inline constexpr std::uint32_t packet_max = 256 * 1024;
inline constexpr std::size_t topic_max = 192;  // limits::topic_len_max
// What a PUBLISH of QoS 1 needs before its payload besides the topic: first byte, length, the topic's length, packet id.
inline constexpr std::size_t publish_head_max = 1 + 3 + 2 + 2;

[[nodiscard]] inline std::uint16_t get_u16(const std::uint8_t* from) {
  return static_cast<std::uint16_t>(from[0] << 8 | from[1]);
}
// Returns the place behind what was written.
std::uint8_t* put_u16(std::uint8_t* to, std::size_t value);
// A string with its length before it.
std::uint8_t* put_text(std::uint8_t* to, std::string_view text);

// Writes first byte and length before `body`, which has `size` bytes, and returns where the packet begins; 4 bytes before
// `body` must be the caller's. REQUIRES: size <= packet_max.
[[nodiscard]] std::uint8_t* put_head_before(std::uint8_t* body, std::size_t size, std::uint8_t first);

// A packet that lies somewhere in a buffer. `size` 0: it did not fit.
struct Packet {
  std::uint8_t* at = nullptr;
  std::size_t size = 0;
};
[[nodiscard]] Packet write_connect(const MqttConnect& options, std::uint8_t* to, std::size_t capacity);
[[nodiscard]] Packet write_subscribe(std::string_view filter, std::uint16_t id, std::uint8_t* to, std::size_t capacity);

// A topic to publish to: 1 to topic_max bytes of UTF-8 without NUL and wildcards (4.7.3, 1.5.3).
[[nodiscard]] bool is_topic(std::string_view topic);

}  // namespace mqtt
}  // namespace muster::mcu
