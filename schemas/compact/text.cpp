#include "schemas/compact/text.h"

#include <cstdint>

namespace muster::compact {

namespace {

// What the second byte of a character lies between when the first allows less than every following byte: overlong
// forms, surrogates and what is beyond U+10FFFF are excluded by it (Unicode 15, table 3-7).
struct SecondByte {
  std::uint8_t first, from, to;
};
constexpr SecondByte narrow_second_bytes[] = {
    {0xE0, 0xA0, 0xBF}, {0xED, 0x80, 0x9F}, {0xF0, 0x90, 0xBF}, {0xF4, 0x80, 0x8F}};

}  // namespace

std::size_t text_character_len(const char* from, const char* end) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
  const unsigned first = *bytes;
  if (first < 0x80) return (first >= 0x20 && first != 0x7F) || first == '\t' || first == '\n' ? 1 : 0;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t len = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (static_cast<std::size_t>(end - from) < len) return 0;
  for (std::size_t i = 1; i < len; ++i) {
    if ((bytes[i] & 0xC0u) != 0x80u) return 0;
  }
  for (const auto& narrow : narrow_second_bytes) {
    if (first == narrow.first && (bytes[1] < narrow.from || bytes[1] > narrow.to)) return 0;
  }
  return len;
}

}  // namespace muster::compact
