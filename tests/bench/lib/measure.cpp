#include "tests/bench/lib/measure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/bench/lib/statistics.h"

namespace muster::bench {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<BudgetKind, std::string_view>, 5> kind_names = {{
    {BudgetKind::none, "none"},
    {BudgetKind::ratio_min, "ratio_min"},
    {BudgetKind::ratio_max, "ratio_max"},
    {BudgetKind::ours_min, "ours_min"},
    {BudgetKind::ours_max, "ours_max"},
}};

bool judges_ratio(BudgetKind kind) {
  return kind == BudgetKind::ratio_min || kind == BudgetKind::ratio_max;
}

bool is_floor(BudgetKind kind) {
  return kind == BudgetKind::ratio_min || kind == BudgetKind::ours_min;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.10g", value);
  return text.data();
}

// Why the numbers cannot be what a program measured; empty when they can.
std::string fault_of(const Measure& measure, const std::vector<double>& given_ratios) {
  const auto is_odd = [](double value) { return !std::isfinite(value) || value < 0; };
  if (measure.measure.empty() || measure.unit.empty()) return "measure and unit must not be empty";
  if (measure.ours.empty()) return "no round was measured";
  if (std::any_of(measure.ours.begin(), measure.ours.end(), is_odd)) return "a number of ours is no measurement";
  if (std::any_of(measure.peer.begin(), measure.peer.end(), is_odd)) return "a number of peer is no measurement";
  if (!measure.peer.empty() && measure.peer.size() != measure.ours.size())
    return "ours and peer have not as many rounds";
  if (!measure.peer.empty() && measure.peer_name.empty()) return "the peer has no name";
  if (judges_ratio(measure.budget.kind) && measure.peer.empty()) return "the budget is a ratio, and there is no peer";
  const auto expected = ratios(measure);
  if (given_ratios.size() != expected.size()) return "ratio has not one number a round with a peer";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::abs(given_ratios[i] - expected[i]) > 0.01 * expected[i] + 1e-9)
      return "ratio is not ours / peer of its round";
  }
  return {};
}

}  // namespace

std::vector<double> ratios(const Measure& measure) {
  std::vector<double> all;
  for (std::size_t i = 0; i < measure.peer.size() && i < measure.ours.size(); ++i) {
    all.push_back(measure.peer[i] > 0 ? measure.ours[i] / measure.peer[i] : 0);
  }
  return all;
}

std::string budget_text(const Measure& measure) {
  if (measure.budget.kind == BudgetKind::none) return {};
  std::string text = is_floor(measure.budget.kind) ? "≥ " : "≤ ";
  text += short_number(measure.budget.value);
  if (!judges_ratio(measure.budget.kind) && measure.unit != "1") text += " " + measure.unit;
  return text;
}

std::optional<bool> is_met(const Measure& measure) {
  if (measure.budget.kind == BudgetKind::none) return std::nullopt;
  const double judged = median(judges_ratio(measure.budget.kind) ? ratios(measure) : measure.ours);
  return is_floor(measure.budget.kind) ? judged >= measure.budget.value : judged <= measure.budget.value;
}

std::string json_line(const Measure& measure) {
  const auto* kind = std::find_if(kind_names.begin(), kind_names.end(),
                                  [&](const auto& entry) { return entry.first == measure.budget.kind; });
  nlohmann::ordered_json line;
  line["measure"] = measure.measure;
  line["variant"] = measure.variant;
  line["unit"] = measure.unit;
  line["ours"] = measure.ours;
  line["peer"] = measure.peer;
  line["peer_name"] = measure.peer_name;
  line["ratio"] = ratios(measure);
  line["budget"] = budget_text(measure);
  line["budget_kind"] = kind->second;
  line["budget_value"] = measure.budget.value;
  line["note"] = measure.note;
  return line.dump();
}

ParsedMeasure parse_measure(std::string_view line) {
  ParsedMeasure parsed;
  auto& measure = parsed.measure;
  try {
    const auto json = Json::parse(line);
    measure.measure = json.at("measure").get<std::string>();
    measure.variant = json.at("variant").get<std::string>();
    measure.unit = json.at("unit").get<std::string>();
    measure.peer_name = json.value("peer_name", "");
    measure.ours = json.at("ours").get<std::vector<double>>();
    measure.peer = json.value("peer", std::vector<double>());
    measure.note = json.value("note", "");
    measure.budget.value = json.value("budget_value", 0.0);
    const auto name = json.at("budget_kind").get<std::string>();
    const auto* kind =
        std::find_if(kind_names.begin(), kind_names.end(), [&](const auto& entry) { return entry.second == name; });
    if (kind == kind_names.end()) {
      parsed.fault = "budget_kind '" + name + "' is none of none, ratio_min, ratio_max, ours_min, ours_max";
      return parsed;
    }
    measure.budget.kind = kind->first;
    parsed.fault = fault_of(measure, json.value("ratio", std::vector<double>()));
    if (parsed.fault.empty() && json.value("budget", "") != budget_text(measure)) {
      parsed.fault =
          "budget does not say '" + budget_text(measure) + "', which budget_kind, budget_value and unit amount to";
    }
  } catch (const Json::exception& wrong) {
    parsed.fault = wrong.what();
  }
  return parsed;
}

void print(const Measure& measure) {
  std::printf("%s\n", json_line(measure).c_str());
  std::fflush(stdout);
}

}  // namespace muster::bench
