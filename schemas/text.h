// Free text that people read (reasons, details, sources of conditions): what may stand in it, and how to make anything
// fit. C++17, standard library only; any thread. `clean_text` allocates, so the MCU client does not use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace muster {

namespace detail {

// The length in bytes of the well-formed UTF-8 character at `at`, or 0 when there is none (Unicode 15, table 3-7).
[[nodiscard]] constexpr std::size_t utf8_character_len(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && byte(1) < 0x90) return 0;  // overlong
    if (first == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

[[nodiscard]] constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7F;
}

// True when each of eight characters, in any order, lies between ' ' and '~'. A byte below gives a borrow, 0x7F a carry
// into the highest bit of its own byte; what they do to the byte above does not matter then.
[[nodiscard]] constexpr bool are_printable(std::uint64_t characters) {
  constexpr std::uint64_t each = 0x0101010101010101u;
  return ((characters | (characters - each * 0x20u) | (characters + each)) & (each * 0x80u)) == 0;
}

}  // namespace detail

// True for well-formed UTF-8 without control characters other than tab and newline: such a text can be logged, shown on
// a terminal and put into JSON without doing anything there.
[[nodiscard]] constexpr bool is_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (text.size() - at >= 8 && !__builtin_is_constant_evaluated()) {
      std::uint64_t characters = 0;
      std::memcpy(&characters, text.data() + at, sizeof characters);
      if (detail::are_printable(characters)) {  // nearly always
        at += 8;
        continue;
      }
    }
    if (text[at] >= ' ' && text[at] < 0x7F) {
      ++at;
      continue;
    }
    const auto len = detail::utf8_character_len(text, at);
    if (len == 0 || detail::is_control(text[at])) return false;
    at += len;
  }
  return true;
}

// `text` as is_text wants it and at most `len_max` bytes long: every bad byte becomes '?', and the end is cut between
// two characters. For what comes from elsewhere (a probe's output, an errno text) and goes into a message.
[[nodiscard]] inline std::string clean_text(std::string_view text, std::size_t len_max) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const auto len = detail::utf8_character_len(text, at);
    const bool good = len != 0 && !detail::is_control(text[at]);
    const std::size_t taken = good ? len : 1;
    if (clean.size() + taken > len_max) break;
    if (good)
      clean.append(text.substr(at, len));
    else
      clean.push_back('?');
    at += taken;
  }
  return clean;
}

}  // namespace muster
