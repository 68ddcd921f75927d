#include "operator/render/audit_text.h"

#include <algorithm>
#include <sstream>

#include "operator/render/moment.h"
#include "operator/render/table.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

const std::vector<Column> columns_before_why = {{"seq", Align::right, 4},
                                                {"time", Align::left, 19},
                                                {"who", Align::left, 6},
                                                {"what", Align::left, 16},
                                                {"subject", Align::left, 8}};

std::vector<std::string> row_of(const AuditEntry& entry) {
  return {std::to_string(entry.seq), moment_text(entry.time_s), harmless(entry.who), harmless(entry.what),
          harmless(entry.subject)};
}

// Entry lines as a table, each followed by its reason, indented and wrapped.
std::string narrow_text(const std::vector<AuditEntry>& entries, std::size_t columns, const Style& style) {
  constexpr std::size_t indent = 6;
  Table table(columns_before_why);
  for (const auto& entry : entries) table.add_row(row_of(entry));
  std::istringstream lines(table.text(columns, style));
  std::string line, text;
  std::getline(lines, line);
  text += line + "\n";
  for (const auto& entry : entries) {
    std::getline(lines, line);
    text += line + "\n";
    if (entry.why.empty()) continue;
    for (const auto& why : wrapped(harmless(entry.why), columns > indent + 20 ? columns - indent : 20)) {
      text += std::string(indent, ' ') + painted(why, Paint::faint, style) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string audit_text(const std::vector<AuditEntry>& entries, std::size_t columns, const Style& style) {
  if (entries.empty()) return "no entries\n";
  auto with_why = columns_before_why;
  with_why.push_back({"why", Align::left, 12});
  Table table(with_why);
  for (const auto& entry : entries) {
    auto row = row_of(entry);
    row.push_back(harmless(entry.why));
    table.add_row(std::move(row));
  }
  if (table.width() <= columns) return table.text(columns, style);
  return narrow_text(entries, columns, style);
}

}  // namespace muster::ctl
