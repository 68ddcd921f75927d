// The table that people read: on a terminal after a run, and in docs/performance.md between two markers. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "tests/bench/report/results.h"

namespace muster::bench {

// 3 significant digits, thousands apart: "1.23", "45.6", "201 000".
[[nodiscard]] std::string figure_text(double value);

// "201 000 [195 000–204 000]": median, and what the rounds lay between.
[[nodiscard]] std::string spread_text(const std::vector<double>& values);

// Aligned columns, and the summary as the last line: how many budgets were met, which were missed.
[[nodiscard]] std::string terminal_table(const Results& results);
[[nodiscard]] std::size_t missed_count(const Results& results);

// The machine, the table and its notes as Markdown.
[[nodiscard]] std::string markdown_section(const Results& results);

inline constexpr std::string_view section_begin = "<!-- scripts/bench --markdown writes from here -->\n";
inline constexpr std::string_view section_end = "<!-- to here -->\n";

// `document` with what stands between the markers replaced; empty when it does not have both, in order.
[[nodiscard]] std::string with_section(std::string_view document, std::string_view section);
// What stands between them now; empty without markers.
[[nodiscard]] std::string_view section_of(std::string_view document);

}  // namespace muster::bench
