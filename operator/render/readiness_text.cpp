#include "operator/render/readiness_text.h"

#include "operator/render/moment.h"
#include "operator/render/table.h"

namespace muster::ctl {
namespace {

Paint paint_of(Result result) {
  return result == Result::pass    ? Paint::good
         : result == Result::later ? Paint::faint
         : result == Result::fail  ? Paint::bad
                                   : Paint::waiting;
}

std::string painted_result(Result result, const Style& style) {
  return painted(name_of(result), paint_of(result), style);
}

std::string policy_text(const Judgement& judgement) {
  return harmless(judgement.policy) + " " + std::to_string(judgement.policy_version);
}

}  // namespace

std::string readiness_sentence(const Judgement& judgement) {
  const auto failed = judgement.count(Result::fail), missing = judgement.count(Result::missing);
  const auto later = judgement.count(Result::later), passed = judgement.count(Result::pass);
  std::string text = harmless(judgement.release) + (judgement.passed() ? " passes " : " does not pass ") +
                     policy_text(judgement) + ": " + count_text(passed, "item") + (passed == 1 ? " passes" : " pass");
  if (failed != 0) text += ", " + std::to_string(failed) + (failed == 1 ? " fails" : " fail");
  if (missing != 0) text += ", " + std::to_string(missing) + (missing == 1 ? " lacks" : " lack") + " something";
  if (later != 0) text += ", " + std::to_string(later) + (later == 1 ? " is" : " are") + " for another stage";
  return text;
}

std::string readiness_table(const Judgement& judgement, std::size_t columns, const Style& style) {
  Table table({{"item", Align::left, 8},
               {"stage", Align::left, 5},
               {"role", Align::left, 4},
               {"result", Align::left, 7},
               {"evidence", Align::left, 8},
               {"what", Align::left, 8},
               {"measured", Align::left, 8},
               {"bound", Align::left, 5},
               {"why", Align::left, 8}});
  for (const auto& item : judgement.items) {
    std::string id = harmless(item.id), stage(rules::name_of(item.stage)), role = harmless(item.role);
    if (item.findings.empty()) table.add_row({id, stage, role, painted_result(item.result, style), "", "", "", "", ""});
    for (const auto& finding : item.findings) {
      table.add_row({id, stage, role, painted_result(finding.result, style), harmless(finding.evidence),
                     harmless(finding.what), harmless(finding.measured), harmless(finding.bound),
                     harmless(finding.why)});
      id = stage = role = "";  // said once an item
    }
  }
  return table.text_with_sentences(columns, style) + "\n" + readiness_sentence(judgement) + "\n";
}

std::string readiness_trouble(const Judgement& judgement, const std::string& what_follows) {
  auto text = readiness_sentence(judgement) + "; " + what_follows;
  for (const auto& item : judgement.items) {
    for (const auto& finding : item.findings) {
      if (finding.result == Result::pass) continue;
      text += "\n" + harmless(item.id) + " (" + std::string(name_of(finding.result)) +
              "): " + harmless(finding.evidence) + ": " + harmless(finding.what) + ": " + harmless(finding.why);
    }
  }
  return text;
}

}  // namespace muster::ctl
