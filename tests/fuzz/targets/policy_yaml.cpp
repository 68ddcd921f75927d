// Readiness policies, and the files in which people confirm their items: one that keeps every limit, or diagnostics.
#include "rules/config/load_confirmations.h"
#include "rules/config/load_policy.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_checks.h"

namespace {

using namespace muster;
using Kind = rules::PolicyCheck::Kind;

void check_of(const rules::PolicyCheck& check) {
  const bool judges = check.kind == Kind::value || check.kind == Kind::column || check.kind == Kind::word_after;
  const bool bounded = check.min.any() || check.max.any();
  const int ways =
      (bounded ? 1 : 0) + (check.is.empty() ? 0 : 1) + (check.names == rules::PolicyCheck::Names::nothing ? 0 : 1);
  FUZZ_REQUIRE(ways == (judges ? 1 : 0), "a check that judges nothing, or in several ways");
  FUZZ_REQUIRE(!check.file.empty() && check.file.size() <= limits::file_name_len_max, "a check of no file");
  FUZZ_REQUIRE(judges == !check.place.empty(), "a value without a place, or a place without a value");
  FUZZ_REQUIRE(check.kind != Kind::value || check.place.front() == '/', "a place that is no JSON pointer");
  FUZZ_REQUIRE((check.kind == Kind::line || check.kind == Kind::no_line) == !check.patterns.empty(), "no patterns");
  const bool by_class = !check.min.classes.empty() || !check.max.classes.empty();
  FUZZ_REQUIRE(!by_class || check.is_per_class(), "limits by class where no class is");
}

}  // namespace

FUZZ_TARGET(policy_yaml) {
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  const auto confirmed = rules::load_confirmations(text, "confirmations.yaml");
  fuzz::check_diagnostics(text, confirmed.confirmations.has_value(), confirmed.diagnostics);
  if (confirmed.confirmations) {
    for (const auto& item : confirmed.confirmations->items) {
      FUZZ_REQUIRE(is_id(item.item) && is_id(item.by) && item.day_end_s > 0, "a confirmation by nobody, or at no time");
    }
  }
  const auto loaded = rules::load_policy(text, "policy.yaml");
  fuzz::check_diagnostics(text, loaded.policy.has_value(), loaded.diagnostics);
  if (!loaded.policy) return;
  const auto& policy = *loaded.policy;
  FUZZ_REQUIRE(is_id(policy.name) && policy.version >= 1, "a policy without a name or a version");
  FUZZ_REQUIRE(!policy.items.empty() && policy.items.size() <= limits::policy_items_max, "the number of items");
  std::size_t checks = 0;
  for (const auto& item : policy.items) {
    FUZZ_REQUIRE(is_id(item.id) && is_id(item.role) && is_text(item.says), "an item that cannot be shown");
    FUZZ_REQUIRE(!item.checks.empty(), "an item that nothing can fail");
    for (const auto& check : item.checks) check_of(check);
    checks += item.checks.size();
  }
  FUZZ_REQUIRE(checks <= limits::policy_checks_max, "the number of checks");
}
