// MQTT 3.1.1 packets as bytes, as far as measuring needs them: ours, so that a load generator costs less than the
// broker it loads. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/bytes.h"

namespace muster::bench::mqtt {

enum class Type : std::uint8_t { connack = 2, publish = 3, puback = 4, suback = 9, pingresp = 13 };

// `user` empty: without one. Keep-alive is off: a client under measurement sends nothing that was not asked for.
[[nodiscard]] std::string connect(std::string_view client_id, std::string_view user);
[[nodiscard]] std::string subscribe(std::string_view filter, std::uint8_t qos, std::uint16_t packet_id);
[[nodiscard]] std::string publish(std::string_view topic, ByteView payload, std::uint8_t qos, bool retain,
                                  std::uint16_t packet_id);
[[nodiscard]] std::string puback(std::uint16_t packet_id);
[[nodiscard]] std::string disconnect();

// Where the packet id of a publish() with QoS 1 stands, so that one packet can be sent again under the next number.
[[nodiscard]] std::size_t packet_id_place(std::string_view publish_packet);
void set_packet_id(std::string& publish_packet, std::size_t place, std::uint16_t packet_id);

struct Packet {
  Type type{};
  std::uint8_t flags = 0;
  ByteView body;  // behind the fixed header; valid until the next call of the reader
};

struct Publish {
  std::string_view topic;
  ByteView payload;
  std::uint16_t packet_id = 0;  // of QoS 1
  std::uint8_t qos = 0;
  bool retain = false;
};
// False when the body is none.
[[nodiscard]] bool read_publish(const Packet& packet, Publish& publish);
[[nodiscard]] std::uint16_t read_packet_id(const Packet& packet);

// Cuts a stream into packets.
class Reader {
 public:
  // Room for bytes that arrive; filled() says how many did.
  [[nodiscard]] std::span<std::uint8_t> room(std::size_t at_least);
  void filled(std::size_t count) { end_ += count; }
  // The next whole packet; false when more bytes are needed.
  [[nodiscard]] bool next(Packet& packet);

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace muster::bench::mqtt
