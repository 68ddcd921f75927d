// Release files, from which manifests are built: what is accepted passes the manifest's own verifier later.
#include "rules/condition/program.h"
#include "rules/config/load_release.h"
#include "schemas/file_name.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_checks.h"

FUZZ_TARGET(release_yaml) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  const auto loaded = rules::load_release(text, "release.yaml");
  fuzz::check_diagnostics(text, loaded.release.has_value(), loaded.diagnostics);
  if (!loaded.release) return;
  const auto& release = *loaded.release;
  FUZZ_REQUIRE(is_id(release.name) && is_version(release.version), "a release without a valid name");
  FUZZ_REQUIRE(
      release.files.size() <= limits::files_max && release.probes.size() <= limits::probes_max &&
          release.recovery.size() <= limits::recovery_rules_max && release.classes.size() <= limits::classes_max &&
          release.accelerators.size() <= limits::accelerators_max &&
          release.requires_min.size() <= limits::requirements_max &&
          release.provenance.size() <= limits::key_values_max && release.evidence.size() <= limits::key_values_max,
      "a list beyond its limit");
  for (const auto& name : release.files) FUZZ_REQUIRE(is_file_name(name), "a file name that is none");
  for (const auto& name : release.classes) FUZZ_REQUIRE(is_id(name), "a class that is no id");
  for (const auto& [key, value] : release.provenance) {
    FUZZ_REQUIRE(is_id(key) && is_text(value) && value.size() <= limits::text_len_max,
                 "provenance that cannot be shown");
  }
  FUZZ_REQUIRE(release.shadow.empty() || is_id(release.shadow), "a shadow's command that devices refuse");
  for (const auto& probe : release.probes) {
    FUZZ_REQUIRE(is_text(probe.target) && !probe.target.empty() && probe.target.size() <= limits::text_len_max,
                 "a probe target that devices refuse");
    FUZZ_REQUIRE(probe.attempts >= 1 && probe.timeout_ms >= 1 && probe.timeout_ms <= limits::probe_time_ms_max &&
                     probe.initial_delay_ms <= limits::probe_time_ms_max &&
                     probe.interval_ms <= limits::probe_time_ms_max,
                 "a probe time that devices refuse");
  }
  const auto require_condition = [](const rules::ConditionSpec& condition) {
    FUZZ_REQUIRE(rules::check_program(condition.program) == rules::ProgramFault::none,
                 "a condition that devices cannot evaluate");
    FUZZ_REQUIRE(is_text(condition.source), "the source " + condition.source + " cannot be shown");
  };
  for (const auto& rule : release.recovery) require_condition(rule.when);
  const auto& activation = release.activation;
  for (const auto* condition : {&activation.fetch_when, &activation.swap_when}) {
    if (!condition->program.empty()) require_condition(*condition);
  }
  FUZZ_REQUIRE(
      !activation.any() || (activation.within_s >= 1 && activation.within_s <= limits::activation_within_s_max),
      "a wait that devices refuse");
  for (const auto* contract : {&release.runtime, &release.tokenizer, &release.preprocessing, &release.postprocessing,
                               &release.delegate, &release.pipeline_checksum}) {
    FUZZ_REQUIRE(is_text(*contract) && contract->size() <= limits::text_len_max, "a contract that devices refuse");
  }
}
