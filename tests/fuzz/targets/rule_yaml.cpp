// Rule files: a rule that keeps every limit, or diagnostics that say where and what would be right.
#include <cmath>

#include "rules/condition/program.h"
#include "rules/config/load_rule.h"
#include "rules/config/write_rule.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_checks.h"

namespace {

using namespace muster;

void check_guardrail(const rules::Guardrail& guardrail) {
  FUZZ_REQUIRE(is_id(guardrail.name), "a guardrail without a valid name");
  FUZZ_REQUIRE(guardrail.metric.empty() != guardrail.when.empty(), "a guardrail that judges not exactly one thing");
  FUZZ_REQUIRE(guardrail.metric.empty() || is_id(guardrail.metric), "a metric that no device can send");
  FUZZ_REQUIRE(guardrail.when.empty() || rules::check_program(guardrail.when) == rules::ProgramFault::none,
               "a condition that cannot be evaluated");
  FUZZ_REQUIRE(std::isfinite(guardrail.limit), "a limit that is no number");
  FUZZ_REQUIRE(guardrail.against == rules::Against::absolute || guardrail.metric == "delegate_active" ||
                   (guardrail.limit > 0 && guardrail.limit <= (guardrail.lower_is_worse ? 1 : 100)),
               "a change that is none");
  FUZZ_REQUIRE(guardrail.tolerate_ppm > 0 && guardrail.tolerate_ppm < 1'000'000, "a share that is none");
  FUZZ_REQUIRE(guardrail.error_ppm > 0 && guardrail.error_ppm < 500'000, "a confidence that is none");
  FUZZ_REQUIRE(guardrail.by.size() <= 3, "too many attributes");
  FUZZ_REQUIRE(guardrail.on_fail != rules::OnFail::freeze_segment || !guardrail.by.empty(), "no segment to freeze");
  FUZZ_REQUIRE(guardrail.observe_s > 0 && guardrail.silent_after_s > 0, "a time that is none");
}

}  // namespace

FUZZ_TARGET(rule_yaml) {
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  const auto loaded = rules::load_rule(text, "rule.yaml");
  fuzz::check_diagnostics(text, loaded.rule.has_value(), loaded.diagnostics);
  if (!loaded.rule) return;
  const auto& rule = *loaded.rule;
  FUZZ_REQUIRE(is_id(rule.rollout), "a rollout without a valid name");
  FUZZ_REQUIRE(rules::check_program(rule.targets) == rules::ProgramFault::none, "targets that devices cannot evaluate");
  FUZZ_REQUIRE(!rule.versions.empty() && rule.versions.size() <= rules::plane_count, "the number of versions");
  unsigned planes = 0;
  for (const auto& version : rule.versions) {
    FUZZ_REQUIRE(is_id(version.name) && is_version(version.version), "a release that is none");
    const unsigned bit = 1u << static_cast<unsigned>(version.plane);
    FUZZ_REQUIRE((planes & bit) == 0, "two releases on one plane");
    planes |= bit;
  }
  FUZZ_REQUIRE(!rule.waves.empty() && rule.waves.size() <= limits::waves_max, "the number of waves");
  std::uint32_t percent = 0;
  std::uint32_t devices = 0;
  for (const auto& wave : rule.waves) {
    FUZZ_REQUIRE(wave.percent <= 100, "a share over 100");
    FUZZ_REQUIRE(!wave.rehearse || &wave == &rule.waves.front(), "a rehearsal after the first wave");
    if (wave.devices != 0) {
      FUZZ_REQUIRE(wave.percent == 0 && percent == 0 && wave.devices > devices, "numbers of devices that do not grow");
      devices = wave.devices;
      continue;
    }
    if (wave.is_ring()) {
      FUZZ_REQUIRE(rules::check_program(wave.ring) == rules::ProgramFault::none, "a ring that cannot be evaluated");
      continue;
    }
    FUZZ_REQUIRE(wave.percent > percent, "shares that do not grow");
    percent = wave.percent;
  }
  FUZZ_REQUIRE(rule.guardrails.size() <= limits::guardrails_max, "the number of guardrails");
  for (const auto& guardrail : rule.guardrails) check_guardrail(guardrail);
  FUZZ_REQUIRE(!rule.rollback_first || (planes >> static_cast<unsigned>(*rule.rollback_first) & 1u) != 0,
               "a plane to go back first that is not in the rule");
  const auto written = rules::write_rule(rule);
  if (written.size() > limits::rule_text_len_max) return;
  const auto again = rules::load_rule(written, "written.yaml");
  FUZZ_REQUIRE(again.rule && *again.rule == rule, "another rule when it is written out and read again: " + written);
}
