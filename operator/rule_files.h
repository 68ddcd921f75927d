// Rule and fleet files from the disk, validated; an error has every diagnostic of the file on a line of its own after
// the first. One thread.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "rules/config/load_fleet.h"
#include "rules/config/load_rule.h"

namespace muster::ctl {

struct CheckedRule {
  std::string text;
  rules::Rule rule;
  rules::RuleLines lines;
  std::string preset;  // what of its waves a strategy or a risk made, in a sentence; empty: nothing
};

[[nodiscard]] tl::expected<CheckedRule, Error> read_rule(const std::string& file);
[[nodiscard]] tl::expected<rules::DescribedFleet, Error> read_fleet(const std::string& file);

// What is wrong with `source`, a file or an option.
[[nodiscard]] Error error_of(const std::string& source, const std::vector<rules::Diagnostic>& diagnostics);

}  // namespace muster::ctl
