#include "operator/render/table.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <sstream>

namespace muster::ctl {
namespace {
constexpr std::size_t gap = 2;  // between columns
}

void Table::add_row(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::size_t Table::width() const {
  std::size_t total = gap * (columns_.size() - 1);
  for (const auto width : widths(std::numeric_limits<std::size_t>::max())) total += width;
  return total;
}

std::vector<std::size_t> Table::widths(std::size_t columns_max) const {
  std::vector<std::size_t> widths;
  std::size_t total = gap * (columns_.size() - 1);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
    total += width;
  }
  while (total > columns_max) {
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] > columns_[i].width_min && (widest == columns_.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --total;
  }
  return widths;
}

std::string Table::text(std::size_t columns_max, const Style& style) const {
  const auto wide = widths(columns_max);
  const char* mark = style.unicode ? "…" : "~";
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells, Paint paint) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto cell = padded(fit(cells[i], wide[i], mark), wide[i], columns_[i].align);
      line += (i == 0 ? "" : std::string(gap, ' ')) + cell;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += painted(line, paint, style) + "\n";
  };
  std::vector<std::string> titles;
  for (const auto& column : columns_) titles.push_back(column.title);
  add_line(titles, Paint::faint);
  for (const auto& row : rows_) add_line(row, Paint::plain);
  return text;
}

std::string Table::text_with_sentences(std::size_t columns_max, const Style& style) const {
  constexpr std::size_t indent = 6;
  constexpr std::size_t sentence_width_min = 20;
  if (width() <= columns_max) return text(columns_max, style);
  Table head({columns_.begin(), columns_.end() - 1});
  for (const auto& row : rows_) head.add_row({row.begin(), row.end() - 1});
  std::istringstream lines(head.text(columns_max, style));
  std::string line, text;
  std::getline(lines, line);
  text += line + "\n";
  for (const auto& row : rows_) {
    std::getline(lines, line);
    text += line + "\n";
    if (row.back().empty()) continue;
    const auto room = columns_max > indent + sentence_width_min ? columns_max - indent : sentence_width_min;
    for (const auto& part : wrapped(row.back(), room)) {
      text += std::string(indent, ' ') + painted(part, Paint::faint, style) + "\n";
    }
  }
  return text;
}

std::string name_value_lines(const std::vector<std::pair<std::string, std::string>>& entries, const Style& style) {
  std::size_t widest = 0;
  for (const auto& [name, value] : entries) {
    if (!value.empty()) widest = std::max(widest, display_width(name));
  }
  std::string text;
  for (const auto& [name, value] : entries) {
    if (!value.empty()) text += painted(padded(name, widest), Paint::faint, style) + "  " + value + "\n";
  }
  return text;
}

}  // namespace muster::ctl
