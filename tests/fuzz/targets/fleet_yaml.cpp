// Fleet files, and plans made against them: a fleet that keeps every limit, or diagnostics.
#include "rules/config/load_fleet.h"

#include "rules/config/load_rule.h"
#include "rules/config/reach.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_checks.h"

FUZZ_TARGET(fleet_yaml) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  const auto loaded = rules::load_fleet(text, "fleet.yaml");
  fuzz::check_diagnostics(text, loaded.fleet.has_value(), loaded.diagnostics);
  if (!loaded.fleet) return;
  const auto& groups = loaded.fleet->groups;
  FUZZ_REQUIRE(!groups.empty() && groups.size() <= rules::fleet_groups_max, "the number of groups");
  std::uint64_t devices = 0;
  for (const auto& group : groups) {
    FUZZ_REQUIRE(group.count > 0, "a group of nobody");
    FUZZ_REQUIRE(group.facts.tags.size() <= limits::tags_max, "the number of tags");
    devices += group.count;
  }
  FUZZ_REQUIRE(devices <= rules::fleet_devices_max, "the number of devices");
  static const auto rule = rules::load_rule(
                               "rollout: r\ntargets: 'device.region != \"x\"'\nversions: { model: m@1 }\n"
                               "waves: [{ name: lab, ring: '\"lab\" in device.tags' }, { name: half, percent: 50 }, { "
                               "name: all, percent: 100 }]\n"
                               "guardrails: [{ name: g, metric: p95_ms, max: 1, by: [class, region] }]\n",
                               "rule.yaml")
                               .rule;
  FUZZ_REQUIRE(rule.has_value(), "the rule of this target has an error");
  const auto planned = rules::plan_waves(*rule, *loaded.fleet);
  for (const auto& group : planned) FUZZ_REQUIRE(group.reached.back() <= group.devices + 1e-6, "more than there are");
  for (const auto& found : rules::verdicts_out_of_reach(*rule, planned)) {
    FUZZ_REQUIRE(found.devices > 0 && !rules::sentence_of(found, *rule).empty(), "a wave that reaches nobody");
  }
}
