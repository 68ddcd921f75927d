#include "rules/condition/quoted.h"

#include <cstdint>

#include "rules/condition/format.h"

namespace muster::rules {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

int digit_of(char c, unsigned base) {
  int value = -1;
  if (c >= '0' && c <= '9') value = c - '0';
  if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
  return value < static_cast<int>(base) ? value : -1;
}

// Reads exactly `count` digits; false when there are fewer.
bool read_digits(std::string_view text, std::size_t& at, std::size_t count, unsigned base, std::uint32_t& code) {
  code = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int digit = at < text.size() ? digit_of(text[at], base) : -1;
    if (digit < 0) return false;
    code = code * base + static_cast<std::uint32_t>(digit);
    ++at;
  }
  return true;
}

// The escapes that stand for one fixed character.
bool simple_escape(char c, char& meant) {
  static constexpr std::string_view names = "\\\"'`?abfnrtv";
  static constexpr std::string_view values = "\\\"'`?\a\b\f\n\r\t\v";
  const std::size_t found = names.find(c);
  if (found == std::string_view::npos) return false;
  meant = values[found];
  return true;
}

// `at` stands behind the backslash; moves it behind the escape.
bool read_escape(std::string_view text, std::size_t& at, std::string& value) {
  if (at >= text.size()) return false;
  const char c = text[at];
  char meant = 0;
  if (simple_escape(c, meant)) {
    ++at;
    value.push_back(meant);
    return true;
  }
  std::uint32_t code = 0;
  bool fine = false;
  if (c >= '0' && c <= '3') {
    fine = read_digits(text, at, 3, 8, code);
  } else if (c == 'x' || c == 'X') {
    fine = read_digits(text, ++at, 2, 16, code);
  } else if (c == 'u') {
    fine = read_digits(text, ++at, 4, 16, code);
  } else if (c == 'U') {
    fine = read_digits(text, ++at, 8, 16, code);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (!fine || surrogate || code > 0x10FFFF) return false;
  append_utf8(value, code);
  return true;
}

}  // namespace

std::size_t utf8_len(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

std::size_t read_quoted(std::string_view text, std::size_t begin, std::string& value,
                        std::vector<ConditionError>& errors) {
  const char mark = text[begin];
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != mark && text[at] != '\n') {
    const std::size_t here = at;
    if (text[at] == '\\') {
      if (!read_escape(text, ++at, value)) {
        errors.push_back({here, "unknown escape after the backslash",
                          "\\\\ for a backslash, \\\" \\' \\n \\t, \\xHH, \\uHHHH or \\UHHHHHHHH"});
        if (at == here + 1 && at < text.size()) ++at;
      }
      continue;
    }
    const std::size_t length = utf8_len(text, at);
    if (length == 0) {
      errors.push_back({here, "bytes that are not UTF-8", "save the file as UTF-8"});
      ++at;
      continue;
    }
    value.append(text, at, length);
    at += length;
  }
  if (at >= text.size() || text[at] != mark) {
    errors.push_back({begin, "this text never ends", std::string("put a closing ") + mark + " behind it"});
    return text.size();
  }
  if (value.size() > format::text_literal_len_max) {
    errors.push_back({begin, "a text of " + std::to_string(value.size()) + " bytes",
                      "at most " + std::to_string(format::text_literal_len_max) + " bytes"});
  }
  return at + 1;
}

}  // namespace muster::rules
