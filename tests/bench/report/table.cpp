#include "tests/bench/report/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "tests/bench/lib/statistics.h"

namespace muster::bench {
namespace {

using Row = std::vector<std::string>;

// Columns on a terminal: characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string with_unit(std::string text, const std::string& unit) {
  return unit == "1" ? text : text + " " + unit;
}

std::string verdict_text(const Measure& measure) {
  const auto met = is_met(measure);
  if (!met) return "";
  if (*met) return "met";
  const bool by_ratio = measure.budget.kind == BudgetKind::ratio_min || measure.budget.kind == BudgetKind::ratio_max;
  const double got = median(by_ratio ? ratios(measure) : measure.ours);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "missed by %.0f %%", std::abs(got / measure.budget.value - 1) * 100);
  return text.data();
}

Row row_of(const Measure& measure) {
  const auto all_ratios = ratios(measure);
  return {measure.measure + (measure.variant.empty() ? "" : ", " + measure.variant),
          with_unit(spread_text(measure.ours), measure.unit),
          measure.peer.empty() ? "" : with_unit(spread_text(measure.peer), measure.unit),
          all_ratios.empty() ? "" : spread_text(all_ratios),
          budget_text(measure),
          verdict_text(measure)};
}

const Row& head() {
  static const Row names = {"measure", "Muster", "peer", "ratio", "budget", "verdict"};
  return names;
}

std::string summary_line(const Results& results) {
  std::size_t judged = 0;
  std::string missed;
  for (const auto& measure : results.measures) {
    const auto met = is_met(measure);
    if (!met) continue;
    ++judged;
    if (!*met) missed += (missed.empty() ? "" : "; ") + measure.measure + ", " + measure.variant;
  }
  std::string line = std::to_string(judged - missed_count(results)) + " of " + std::to_string(judged) + " budgets met";
  if (!missed.empty()) line += "; missed: " + missed;
  return line + (results.quick ? " (a smoke run: these figures prove nothing)" : "");
}

// The measures that are judged, or the others.
std::string markdown_table(const Results& results, bool judged) {
  std::string text = "|";
  for (const auto& name : head()) text += " " + name + " |";
  text += "\n|---|---|---|---|---|---|\n";
  for (const auto& measure : results.measures) {
    if (is_met(measure).has_value() != judged) continue;
    text += "|";
    for (const auto& cell : row_of(measure)) text += cell.empty() ? " |" : " " + cell + " |";
    text += "\n";
  }
  return text;
}

}  // namespace

std::string figure_text(double value) {
  if (value == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const int decimals = std::clamp(2 - magnitude, 0, 9);
  const double step = std::pow(10, magnitude - 2);
  std::array<char, 64> digits{};
  std::snprintf(digits.data(), digits.size(), "%.*f", decimals, std::round(value / step) * step);
  std::string text = digits.data();
  const auto point = text.find('.');
  for (auto at = static_cast<std::ptrdiff_t>(point == std::string::npos ? text.size() : point) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), " ");
  return text;
}

std::string spread_text(const std::vector<double>& values) {
  const auto [least, most] = spread(values);
  const auto middle = figure_text(median(values));
  return values.size() == 1 ? middle : middle + " [" + figure_text(least) + "–" + figure_text(most) + "]";
}

std::size_t missed_count(const Results& results) {
  return static_cast<std::size_t>(std::count_if(results.measures.begin(), results.measures.end(),
                                                [](const Measure& one) { return is_met(one) == false; }));
}

std::string terminal_table(const Results& results) {
  std::vector<Row> rows = {head()};
  for (const auto& measure : results.measures) rows.push_back(row_of(measure));
  std::vector<std::size_t> widths(head().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - width_of(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text + "\n" + summary_line(results) + "\n";
}

std::string markdown_section(const Results& results) {
  std::string text = "Measured " + results.date + (results.commit.empty() ? "" : " at " + results.commit) + ", " +
                     std::to_string(results.rounds) + " rounds" +
                     (results.quick ? ", as a smoke run that proves nothing" : "") +
                     ": median [least–most of the rounds].\n\n| machine | |\n|---|---|\n";
  for (const auto& [name, value] : results.machine) text += "| " + name + " | " + value + " |\n";
  text += "\n" + markdown_table(results, true);
  text += "\n" + summary_line(results) + ".\n\nWithout a budget of their own:\n\n" + markdown_table(results, false);
  text += "\nWhat they are compared with, and how to read them:\n\n| measure | peer | note |\n|---|---|---|\n";
  for (const auto& measure : results.measures) {
    if (measure.peer_name.empty() && measure.note.empty()) continue;
    text += "| " + row_of(measure)[0] + " | " + measure.peer_name + " | " + measure.note + " |\n";
  }
  return text;
}

std::string_view section_of(std::string_view document) {
  const auto begin = document.find(section_begin);
  if (begin == std::string_view::npos) return {};
  const auto from = begin + section_begin.size();
  const auto end = document.find(section_end, from);
  return end == std::string_view::npos ? std::string_view() : document.substr(from, end - from);
}

std::string with_section(std::string_view document, std::string_view section) {
  const auto now = section_of(document);
  if (now.data() == nullptr) return {};
  const auto from = static_cast<std::size_t>(now.data() - document.data());
  return std::string(document.substr(0, from)) + std::string(section) + std::string(document.substr(from + now.size()));
}

}  // namespace muster::bench
