#include "rules/engine/rule_lines.h"

#include <algorithm>

#include "schemas/limits.h"

namespace muster::rules {

namespace {

constexpr std::size_t places_max =
    2 * limits::waves_max + limits::guardrails_max + static_cast<std::size_t>(last_clause) + 1;

}  // namespace

const RuleLines::Place* RuleLines::find(const Part& part) const {
  const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
    return place.part.clause == part.clause && place.part.index == part.index;
  });
  return found == places_.end() ? nullptr : &*found;
}

void RuleLines::put(Clause clause, std::size_t index, std::uint32_t line) {
  if (line == 0 && places_.empty()) return;  // of a file of which nothing is known nothing is to be forgotten
  const Part part{clause, index};
  if (const auto* known = find(part); known != nullptr) {
    places_[static_cast<std::size_t>(known - places_.data())].line = line;
  } else {
    places_.push_back({part, line});
  }
}

std::uint32_t RuleLines::of(Clause clause, std::size_t index) const {
  const auto* place = find({clause, index});
  return place == nullptr ? 0 : place->line;
}

std::string RuleLines::name(const std::vector<Part>& parts) const {
  if (places_.empty()) return {};
  std::vector<std::uint32_t> lines;
  bool decided_elsewhere = false;
  for (const Part& part : parts) {
    const auto* place = find(part);
    if (place == nullptr) continue;
    decided_elsewhere = decided_elsewhere || place->line == 0;
    if (place->line != 0 && std::find(lines.begin(), lines.end(), place->line) == lines.end())
      lines.push_back(place->line);
  }
  if (lines.empty()) return decided_elsewhere ? "" : "rule default";
  std::string text = lines.size() == 1 ? "rule line " : "rule lines ";
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(lines[i]);
  return text;
}

std::string RuleLines::cite(const std::vector<Part>& parts) const {
  const auto text = name(parts);
  return text.empty() ? text : " (" + text + ")";
}

std::string RuleLines::cite_within(Clause clause, std::size_t index) const {
  const auto text = name({{clause, index}});
  return text.empty() ? text : "; " + text;
}

void RuleLines::encode(ByteWriter& out) const {
  out.number(places_.size());
  for (const Place& place : places_) {
    out.number(static_cast<std::uint64_t>(place.part.clause));
    out.number(place.part.index);
    out.number(place.line);
  }
}

bool RuleLines::decode(ByteReader& in) {
  const auto count = in.number_max(places_max);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto clause = static_cast<Clause>(in.number_max(static_cast<std::uint64_t>(last_clause)));
    const auto index = static_cast<std::size_t>(in.number_max(places_max));
    const auto line = static_cast<std::uint32_t>(in.number_max(limits::rule_text_len_max + 1));
    if (find({clause, index}) != nullptr) return false;
    places_.push_back({{clause, index}, line});
  }
  return in.ok();
}

}  // namespace muster::rules
