#include "tests/bench/report/results.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace muster::bench {
namespace {

bool is_same(const Measure& a, const Measure& b) {
  return a.measure == b.measure && a.variant == b.variant;
}

}  // namespace

std::string to_json(const Results& results) {
  nlohmann::ordered_json json;
  json["date"] = results.date;
  json["commit"] = results.commit;
  json["rounds"] = results.rounds;
  json["quick"] = results.quick;
  auto& machine = json["machine"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : results.machine) machine[name] = value;
  auto& measures = json["measures"] = nlohmann::ordered_json::array();
  for (const auto& measure : results.measures) measures.push_back(nlohmann::ordered_json::parse(json_line(measure)));
  return json.dump(1) + "\n";
}

ParsedResults parse_results(std::string_view text) {
  ParsedResults parsed;
  auto& results = parsed.results;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    results.date = json.at("date").get<std::string>();
    results.commit = json.at("commit").get<std::string>();
    results.rounds = json.at("rounds").get<int>();
    results.quick = json.at("quick").get<bool>();
    for (const auto& [name, value] : json.at("machine").items())
      results.machine.emplace_back(name, value.get<std::string>());
    for (const auto& line : json.at("measures")) {
      parsed.fault = add_lines(line.dump(), results.measures);
      if (!parsed.fault.empty()) return parsed;
    }
  } catch (const nlohmann::json::exception& wrong) {
    parsed.fault = wrong.what();
  }
  return parsed;
}

std::string add_lines(std::string_view lines, std::vector<Measure>& measures) {
  std::vector<Measure> added = measures;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const auto line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.empty()) continue;
    auto parsed = parse_measure(line);
    if (!parsed.fault.empty()) return "no measure: " + parsed.fault + ": " + std::string(line.substr(0, 200));
    const auto& measure = parsed.measure;
    if (std::any_of(added.begin(), added.end(), [&](const Measure& other) { return is_same(other, measure); }))
      return "measured twice: " + measure.measure + ", " + measure.variant;
    added.push_back(std::move(parsed.measure));
  }
  measures = std::move(added);
  return {};
}

}  // namespace muster::bench
