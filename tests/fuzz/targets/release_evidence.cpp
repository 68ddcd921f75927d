// Evidence files as CI systems make them, judged by checks of every kind: whatever is in them, each check passes or
// says why not, the record comes back as it was, and the broker reads the same out of it.
#include <nlohmann/json.hpp>

#include "broker-plugin/readiness/release_evidence.h"
#include "operator/readiness/judge.h"
#include "operator/readiness/record.h"
#include "operator/render/readiness_text.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"

namespace {

using namespace muster;

const rules::Policy& policy() {
  static const auto loaded = rules::load_policy(
      "policy: p\nversion: 1\nitems:\n"
      "  - { id: json, stage: build, role: ml, says: A., checks: [\n"
      "      { file: f, value: '/benchmarks/{class}/p95_ms', max: { A: 20, '*': 30 } },\n"
      "      { file: f, value: /signing/verified, is: true }, { file: f, value: /0/a~1b, min: -1, max: 1 },\n"
      "      { file: f, value: /release, names: release }, { file: f, value: /model_sha256, names: file } ] }\n"
      "  - { id: csv, stage: build, role: ml, says: B., checks: [\n"
      "      { file: f, column: result, rows: class, is: [pass, 1] }, { file: f, column: ms, rows: all, max: 9 },\n"
      "      { file: f, column: result, rows: { scenario: [low, none] }, is: pass } ] }\n"
      "  - { id: text, stage: release, role: qa, says: C., checks: [\n"
      "      { file: f, line: 'signature * verified' }, { file: f, no_line: [watchdog, 'a*b*c'] },\n"
      "      { file: f, word_after: 'hours=', min: 2 }, { file: f, word_after: 'of ', names: release } ] }\n"
      "  - { id: person, stage: release, role: qa, says: D., checks: [\n"
      "      { confirmed_in: f, by: [mara], within: 30d }, { file: f } ] }\n"
      "  - { id: after, stage: post, role: qa, says: E., checks: [{ file: f }] }\n",
      "policy.yaml");
  FUZZ_REQUIRE(loaded.policy.has_value(), "the policy of this target has an error");
  return *loaded.policy;
}

void check_record(const ctl::ReadinessRecord& record) {
  const auto text = ctl::record_json(record);
  const auto back = ctl::parse_record(text);
  FUZZ_REQUIRE(back.has_value(), "its own record is none: " + text);
  FUZZ_REQUIRE(ctl::record_json(*back) == text, "the record comes back changed");
  const auto seen = broker::parse_readiness_record(text);
  FUZZ_REQUIRE(seen.has_value(), "the broker takes the record for none: " + text);
  FUZZ_REQUIRE(seen->passed == record.judgement.passed(), "the broker reads another result");
  FUZZ_REQUIRE(seen->policy == record.judgement.policy && seen->policy_sha256 == record.judgement.policy_sha256,
               "the broker reads another policy");
}

}  // namespace

FUZZ_TARGET(release_evidence) {
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  static_cast<void>(broker::parse_readiness_record(text));
  if (const auto record = ctl::parse_record(text)) check_record(*record);
  const std::vector<ctl::DigestedFile> files = {{"evidence/f", {}, text.size()}};
  const ctl::EvidenceSet evidence(
      files, [&](const ctl::DigestedFile&) -> tl::expected<std::string, Error> { return std::string(text); });
  const ctl::JudgedRelease release{"m@1", {"A", "B"}, {{"weights.bin", {}, 7}}, 1'795'176'000};
  const auto judgement = ctl::judge(policy(), {}, release, evidence);
  FUZZ_REQUIRE(!judgement.passed(), "no file is JSON, CSV, a log and a confirmation at once");
  for (const auto& item : judgement.items) {
    const bool later = item.stage == rules::PolicyItem::Stage::post;
    FUZZ_REQUIRE((item.result == ctl::Result::later) == later && item.findings.empty() == later, "a stage is mixed up");
    bool all = true;
    for (const auto& finding : item.findings) {
      const bool pass = finding.result == ctl::Result::pass;
      all = all && pass;
      FUZZ_REQUIRE(pass == finding.why.empty(), "a pass with a reason, or none without: " + finding.why);
      FUZZ_REQUIRE(is_text(finding.measured) && is_text(finding.why), "what was measured cannot be shown");
    }
    FUZZ_REQUIRE(later || (item.result == ctl::Result::pass) == all, "an item is not as its checks are");
  }
  const auto table = ctl::readiness_table(judgement, 100, {});
  for (const char c : table) {
    FUZZ_REQUIRE(c == '\n' || static_cast<unsigned char>(c) >= ' ', "a control character reaches the terminal");
  }
  check_record({judgement, files});
}
