// What came of judging a release's evidence against a readiness policy. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/config/load_policy.h"
#include "schemas/bytes.h"

namespace muster::ctl {

// Of one check or one item. A value that is not there is missing and not a fail, because another person has to act; for
// the release both are the same no.
enum class Result : unsigned char { pass, fail, missing, later };

[[nodiscard]] std::string_view name_of(Result result);

struct Finding {
  Result result = Result::pass;
  std::string evidence;  // the file, by its whole name when it is there
  std::string what;      // "/benchmarks/A/p95_ms"
  std::string measured;  // "18.2"; empty when there is nothing
  std::string bound;     // "<= 20"
  std::string why;       // one sentence; empty for a pass
};

struct JudgedItem {
  std::string id, role, says;
  rules::PolicyItem::Stage stage = rules::PolicyItem::Stage::build;
  Result result = Result::pass;  // later: of a stage that was not asked for
  std::vector<Finding> findings;
};

struct Judgement {
  std::string release;  // NAME@VERSION
  std::string policy;
  std::uint32_t policy_version = 0;
  Sha256 policy_sha256;
  std::uint64_t judged_s = 0;
  std::vector<JudgedItem> items;

  [[nodiscard]] std::size_t count(Result result) const;
  // No item failed and none lacks anything. A policy of which no item was judged passes nobody.
  [[nodiscard]] bool passed() const;
};

}  // namespace muster::ctl
