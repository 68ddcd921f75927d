#include "examples/reader/edit_distance.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace muster::reader {
namespace {

// Values above the last code point stand for stray bytes, so that they equal only themselves.
constexpr std::uint32_t stray_byte_base = 0x110000;

// The length that a lead byte announces; 0 when it can not lead.
std::size_t sequence_length(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

std::vector<std::uint32_t> code_points(std::string_view text) {
  std::vector<std::uint32_t> points;
  points.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<std::uint8_t>(text[at]);
    const auto length = sequence_length(lead);
    bool whole = length != 0 && at + length <= text.size();
    std::uint32_t point = length < 2 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; whole && i < length; ++i) {
      const auto next = static_cast<std::uint8_t>(text[at + i]);
      whole = (next & 0xC0) == 0x80;
      point = (point << 6) | (next & 0x3Fu);
    }
    points.push_back(whole ? point : stray_byte_base + lead);
    at += whole ? length : 1;
  }
  return points;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  bool gap = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\v') {
      gap = !line.empty();
      continue;
    }
    if (gap) line.push_back(' ');
    gap = false;
    line.push_back(c);
  }
  return line;
}

std::size_t code_point_count(std::string_view text) {
  return code_points(text).size();
}

std::size_t edit_distance(std::string_view known, std::string_view read) {
  const auto from = code_points(known);
  const auto to = code_points(read);
  // One row of the classic table: row[j] is the distance between the part of `from` seen so far and to[0, j).
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const auto replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[to.size()];
}

}  // namespace muster::reader
