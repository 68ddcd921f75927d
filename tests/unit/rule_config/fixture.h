// Loading from a text and looking at what came out. For tests only; they run in the repository's root.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rules/config/load_fleet.h"
#include "rules/config/load_release.h"
#include "rules/config/load_rule.h"

namespace muster::rules::test {

inline std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One line a diagnostic, as the operator sees them.
inline std::string lines_of(const std::vector<Diagnostic>& diagnostics) {
  std::string lines;
  for (const Diagnostic& diagnostic : diagnostics) lines += diagnostic.text() + "\n";
  return lines;
}

inline std::string rule_errors(std::string_view text) {
  return lines_of(load_rule(text, "r").diagnostics);
}
inline std::string release_errors(std::string_view text) {
  return lines_of(load_release(text, "r").diagnostics);
}

}  // namespace muster::rules::test
