#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

// Length in bytes of the colour sequence at `at`, or 0.
std::size_t escape_len(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\x1b[") return 0;
  const auto end = text.find('m', at);
  return end == std::string_view::npos ? text.size() - at : end + 1 - at;
}

// Length in bytes of the code point at `at`; continuation bytes belong to the one before.
std::size_t point_len(std::string_view text, std::size_t at) {
  std::size_t len = 1;
  while (at + len < text.size() && (static_cast<unsigned char>(text[at + len]) & 0xc0) == 0x80) ++len;
  return len;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const auto escape = escape_len(text, at); escape != 0) {
      at += escape;
      continue;
    }
    at += point_len(text, at);
    ++width;
  }
  return width;
}

std::string fit(std::string_view text, std::size_t columns, std::string_view mark) {
  if (display_width(text) <= columns) return std::string(text);
  const auto mark_width = display_width(mark);
  if (columns <= mark_width) return fit(mark, columns, "");
  std::string result;
  std::size_t width = 0;
  bool colored = false;
  for (std::size_t at = 0; at < text.size() && width < columns - mark_width;) {
    const auto escape = escape_len(text, at);
    const auto len = escape != 0 ? escape : point_len(text, at);
    if (escape != 0)
      colored = text.substr(at, len) != "\x1b[0m";
    else
      ++width;
    result += text.substr(at, len);
    at += len;
  }
  result += mark;
  return colored ? result + "\x1b[0m" : result;
}

std::string padded(std::string_view text, std::size_t columns, Align align) {
  const auto width = display_width(text);
  if (width >= columns) return std::string(text);
  const std::string spaces(columns - width, ' ');
  return align == Align::left ? std::string(text) + spaces : spaces + std::string(text);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  while (display_width(text) > columns && columns != 0) {
    std::size_t end = 0, last_space = 0;
    for (std::size_t width = 0; width <= columns && end < text.size(); ++width) {
      if (text[end] == ' ') last_space = end;
      if (width < columns) end += point_len(text, end);
    }
    const auto cut = last_space != 0 ? last_space : end;
    lines.emplace_back(text.substr(0, cut));
    text.remove_prefix(cut + (last_space != 0 ? 1 : 0));
  }
  lines.emplace_back(text);
  return lines;
}

std::string harmless(std::string_view text) {
  std::string result(text);
  for (std::size_t at = 0; at < result.size(); ++at) {
    const auto byte = static_cast<unsigned char>(result[at]);
    // C0 and DEL, and C1, which UTF-8 writes as C2 80 to C2 9F.
    const bool c1 = byte == 0xc2 && at + 1 < result.size() && static_cast<unsigned char>(result[at + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f) result[at] = '?';
    if (c1) result.replace(at, 2, "?");
  }
  return result;
}

}  // namespace muster::ctl
