// Every file in bad/ and exactly what an operator reads about it. MUSTER_REGENERATE=1 writes the expected texts again;
// the diff is then what is reviewed. Files starting with release_ are releases, with fleet_ fleets, with policy_
// policies, with confirmations_ confirmations, the others rules.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "rules/config/load_confirmations.h"
#include "rules/config/load_policy.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

namespace fs = std::filesystem;

std::string errors_of(const std::string& name, const std::string& text) {
  if (name.starts_with("release_")) return lines_of(load_release(text, name).diagnostics);
  if (name.starts_with("policy_")) return lines_of(load_policy(text, name).diagnostics);
  if (name.starts_with("confirmations_")) return lines_of(load_confirmations(text, name).diagnostics);
  if (name.starts_with("fleet_")) return lines_of(load_fleet(text, name).diagnostics);
  return lines_of(load_rule(text, name).diagnostics);
}

TEST(Golden, ErrorTexts) {
  const bool regenerate = std::getenv("MUSTER_REGENERATE") != nullptr;
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator("tests/unit/rule_config/bad")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const std::string name = entry.path().filename().string();
    const std::string text = read_whole(entry.path().string());
    const std::string lines = errors_of(name, text);
    EXPECT_FALSE(lines.empty()) << name << " is in bad/ and loads";
    const fs::path expected = fs::path(entry.path()).replace_extension(".txt");
    if (regenerate) std::ofstream(expected, std::ios::binary) << lines;
    EXPECT_EQ(lines, read_whole(expected.string())) << name;
  }
  EXPECT_GE(files, 10u);
}

}  // namespace
}  // namespace muster::rules::test
