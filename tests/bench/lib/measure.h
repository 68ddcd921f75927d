// One measure: what was measured round by round, beside what, against which budget; and its JSON line
// (tests/bench/README.md). Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::bench {

enum class BudgetKind { none, ratio_min, ratio_max, ours_min, ours_max };

struct Budget {
  BudgetKind kind = BudgetKind::none;
  double value = 0;
};

struct Measure {
  std::string measure;
  std::string variant;
  std::string unit;
  std::string peer_name;
  std::vector<double> ours;
  // As long as `ours`, or empty.
  std::vector<double> peer;
  Budget budget;
  std::string note;

  void add(double ours_value) { ours.push_back(ours_value); }
  void add(double ours_value, double peer_value) {
    ours.push_back(ours_value);
    peer.push_back(peer_value);
  }
};

// Round by round, ours / peer.
[[nodiscard]] std::vector<double> ratios(const Measure& measure);

// "≥ 0.95", "≤ 10 ms"; empty without a budget.
[[nodiscard]] std::string budget_text(const Measure& measure);

// Whether the median keeps the budget; nothing when there is none to keep. REQUIRES: at least one round.
[[nodiscard]] std::optional<bool> is_met(const Measure& measure);

// One line, without its end.
[[nodiscard]] std::string json_line(const Measure& measure);

// Why a line is not a measure, or the measure. Checks what the contract promises: as many peers as rounds, ratios that
// are those of the rounds, at least one round.
struct ParsedMeasure {
  Measure measure;
  std::string fault;
};
[[nodiscard]] ParsedMeasure parse_measure(std::string_view line);

// Prints the line on stdout and flushes, so that a program that breaks later keeps what it had.
void print(const Measure& measure);

}  // namespace muster::bench
