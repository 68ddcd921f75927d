// A table of text: columns as wide as their widest cell, narrowed to the terminal where they must be. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "operator/render/style.h"
#include "operator/render/text_width.h"

namespace muster::ctl {

struct Column {
  std::string title;
  Align align = Align::left;
  std::size_t width_min = 4;  // what is left of it when the terminal is narrow
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as columns. Cells may hold colour sequences but no line breaks.
  void add_row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // How wide the table is when nothing is narrowed.
  [[nodiscard]] std::size_t width() const;

  // Title line and rows, each ending in a line break, none wider than `columns_max` as far as width_min allows. The
  // widest columns give way first.
  [[nodiscard]] std::string text(std::size_t columns_max, const Style& style) const;

  // The same for a table whose last column holds sentences, which are to be read and not cut: where they do not fit
  // they stand below their rows, wrapped.
  [[nodiscard]] std::string text_with_sentences(std::size_t columns_max, const Style& style) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns_max) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "name  value" lines, values aligned; wide values go on as they are. Entries with an empty value are left out.
[[nodiscard]] std::string name_value_lines(const std::vector<std::pair<std::string, std::string>>& entries,
                                           const Style& style);

}  // namespace muster::ctl
