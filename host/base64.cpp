#include "host/base64.h"

namespace muster::host {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The six bits of one digit, or -1.
constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr auto values = make_values();

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto left = bytes.size() - at;
    const auto* group = bytes.data() + at;
    const std::uint32_t bits = (std::uint32_t{group[0]} << 16) | (left > 1 ? std::uint32_t{group[1]} << 8 : 0) |
                               (left > 2 ? std::uint32_t{group[2]} : 0);
    text.push_back(alphabet[bits >> 18]);
    text.push_back(alphabet[(bits >> 12) & 63]);
    text.push_back(left > 1 ? alphabet[(bits >> 6) & 63] : '=');
    text.push_back(left > 2 ? alphabet[bits & 63] : '=');
  }
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t digits = at + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int value = i < digits ? values[static_cast<unsigned char>(text[at + i])] : 0;
      if (value < 0) return std::nullopt;
      bits = (bits << 6) | static_cast<std::uint32_t>(value);
    }
    // Bits under the padding must be zero: one text for one value.
    if ((digits == 2 && (bits & 0xffff) != 0) || (digits == 3 && (bits & 0xff) != 0)) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(bits >> 16));
    if (digits > 2) bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
    if (digits > 3) bytes.push_back(static_cast<std::uint8_t>(bits));
  }
  return bytes;
}

}  // namespace muster::host
