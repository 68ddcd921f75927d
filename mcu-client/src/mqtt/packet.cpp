#include "mcu-client/src/mqtt/packet.h"

#include <cassert>
#include <cstring>

namespace muster::mcu::mqtt {
namespace {

constexpr std::size_t head_max = 4;  // first byte and three bytes of length
constexpr std::size_t text_max = 0xffff;

// One code point of well-formed UTF-8 without surrogates (RFC 3629): its bytes, or 0.
std::size_t code_point(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  if (first < 0x80) return first == 0 || first == '+' || first == '#' ? 0 : 1;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<std::uint8_t>(text[i]) & 0xc0) != 0x80) return 0;
  }
  // The second byte decides about what is longer than it must be, surrogates, and what lies above U+10FFFF.
  const auto second = static_cast<std::uint8_t>(text[1]);
  const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return bad ? 0 : size;
}

}  // namespace

std::uint8_t* put_u16(std::uint8_t* to, std::size_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 8);
  to[1] = static_cast<std::uint8_t>(value);
  return to + 2;
}

std::uint8_t* put_text(std::uint8_t* to, std::string_view text) {
  to = put_u16(to, text.size());
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

std::uint8_t* put_head_before(std::uint8_t* body, std::size_t size, std::uint8_t first) {
  assert(size <= packet_max);
  const unsigned bytes = size < 1u << 7 ? 1 : size < 1u << 14 ? 2 : 3;
  for (unsigned i = bytes; i-- > 0;) {
    const std::size_t more = i + 1 < bytes ? 0x80 : 0;
    *--body = static_cast<std::uint8_t>((size >> (7 * i) & 0x7f) | more);
  }
  *--body = first;
  return body;
}

Packet write_connect(const MqttConnect& options, std::uint8_t* to, std::size_t capacity) {
  assert(options.password.empty() || !options.username.empty());
  static constexpr std::uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T', 4};
  if (capacity < head_max + sizeof protocol + 3) return {};
  std::uint8_t* const body = to + head_max;
  std::memcpy(body, protocol, sizeof protocol);
  unsigned flags = options.clean_session ? 0x02 : 0;
  std::uint8_t* end = put_u16(body + sizeof protocol + 1, options.keepalive_s);
  const std::size_t most = capacity < packet_max ? capacity : packet_max;
  const auto add = [&](std::string_view text, unsigned flag) {
    flags |= flag;
    if (end == nullptr) return;
    const auto room = most - static_cast<std::size_t>(end - to);
    end = text.size() > text_max || room < 2 + text.size() ? nullptr : put_text(end, text);
  };
  add(options.client_id, 0);
  if (!options.will_topic.empty()) {
    add(options.will_topic, 0x2c);  // will, its QoS 1, its retain
    add(options.will_payload, 0);
  }
  if (!options.username.empty()) add(options.username, 0x80);
  if (!options.password.empty()) add(options.password, 0x40);
  if (end == nullptr) return {};
  body[sizeof protocol] = static_cast<std::uint8_t>(flags);
  std::uint8_t* const at = put_head_before(body, static_cast<std::size_t>(end - body), 0x10);
  return {at, static_cast<std::size_t>(end - at)};
}

Packet write_subscribe(std::string_view filter, std::uint16_t id, std::uint8_t* to, std::size_t capacity) {
  const std::size_t size = 2 + 2 + filter.size() + 1;
  if (filter.empty() || filter.size() > topic_max || head_max + size > capacity) return {};
  std::uint8_t* const body = to + head_max;
  std::uint8_t* end = put_text(put_u16(body, id), filter);
  *end++ = 1;  // the QoS asked for
  std::uint8_t* const at = put_head_before(body, size, 0x82);
  return {at, static_cast<std::size_t>(end - at)};
}

bool is_topic(std::string_view topic) {
  if (topic.empty() || topic.size() > topic_max) return false;
  while (!topic.empty()) {
    const auto size = code_point(topic);
    if (size == 0) return false;
    topic.remove_prefix(size);
  }
  return true;
}

}  // namespace muster::mcu::mqtt
