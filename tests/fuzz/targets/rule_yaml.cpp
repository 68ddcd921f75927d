// Rule files: a rule that keeps every limit, or diagnostics that say where and what would be right.
#include "rules/condition/program.h"
#include "rules/config/load_rule.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_checks.h"

FUZZ_TARGET(rule_yaml) {
  using namespace muster;
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
  for (const auto& wave : rule.waves) {
    FUZZ_REQUIRE(wave.percent <= 100, "a share over 100");
    if (wave.percent == 0) {
      FUZZ_REQUIRE(rules::check_program(wave.ring) == rules::ProgramFault::none, "a ring that cannot be evaluated");
      continue;
    }
    FUZZ_REQUIRE(wave.percent > percent, "shares that do not grow");
    percent = wave.percent;
  }
}
