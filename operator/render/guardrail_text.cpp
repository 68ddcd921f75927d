#include "operator/render/guardrail_text.h"

#include <algorithm>

#include "operator/render/table.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

Paint paint_of_verdict(const std::string& verdict) {
  if (verdict == "pass") return Paint::good;
  if (verdict == "fail") return Paint::bad;
  return Paint::plain;
}

std::string segment_text(const GuardrailView& guardrail) {
  return guardrail.segment.empty() ? "all" : harmless(guardrail.segment);
}

std::string verdict_text(const GuardrailView& guardrail) {
  return harmless(guardrail.verdict) + (guardrail.frozen ? ", frozen" : "");
}

std::string votes_text(const GuardrailView& guardrail) {
  if (guardrail.voted == 0) return "no votes";
  return std::to_string(guardrail.exceeded) + " of " + std::to_string(guardrail.voted);
}

}  // namespace

std::string guardrail_table(const std::vector<GuardrailView>& guardrails, std::size_t columns, const Style& style) {
  auto rows = guardrails;
  std::stable_partition(rows.begin(), rows.end(), [](const GuardrailView& one) { return one.verdict == "fail"; });
  Table table({{"guardrail", Align::left, 9},
               {"segment", Align::left, 7},
               {"verdict", Align::left, 12},
               {"exceeded", Align::right, 8},
               {"why", Align::left, 12}});
  for (const auto& one : rows) {
    table.add_row({harmless(one.name), segment_text(one),
                   painted(verdict_text(one), paint_of_verdict(one.verdict), style), votes_text(one),
                   harmless(one.sentence)});
  }
  return table.text_with_sentences(columns, style);
}

std::string guardrail_totals(const std::vector<GuardrailView>& guardrails) {
  std::string text;
  for (const char* verdict : {"pass", "fail", "inconclusive"}) {
    const auto count = std::count_if(guardrails.begin(), guardrails.end(),
                                     [&](const GuardrailView& one) { return one.verdict == verdict; });
    if (count != 0) text += (text.empty() ? "guardrails " : ", ") + std::to_string(count) + " " + verdict;
  }
  return text;
}

std::vector<std::string> GuardrailNews::lines(const RolloutView& view) {
  std::vector<std::string> lines;
  for (const auto& one : view.guardrails) {
    auto& told = told_.try_emplace({one.name, one.segment}, "inconclusive").first->second;
    const auto verdict = verdict_text(one);
    if (verdict == told) continue;
    told = verdict;
    auto line = harmless(view.rollout) + " guardrail " + harmless(one.name) + ", " + segment_text(one) + ": " + verdict;
    if (!one.sentence.empty()) {
      line += ": " + harmless(one.sentence);
    } else if (one.voted != 0) {
      line += ": " + votes_text(one) + " exceeded";
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace muster::ctl
