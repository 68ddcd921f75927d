// The codes are a contract with scripts: docs/exit-codes.md and the program must say the same.
#include "operator/exit_code.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace muster::ctl {
namespace {

// "| 9 | unreachable | …": code → name.
std::map<int, std::string> documented() {
  std::ifstream file("docs/exit-codes.md");
  EXPECT_TRUE(file) << "docs/exit-codes.md is read from the repository's root";
  std::map<int, std::string> codes;
  const std::regex row(R"(^\|\s*(\d+)\s*\|\s*`?([a-z_]+)`?\s*\|.*)");
  for (std::string line; std::getline(file, line);) {
    if (std::smatch match; std::regex_match(line, match, row)) codes[std::stoi(match[1])] = match[2];
  }
  return codes;
}

TEST(ExitCodes, EveryKindOfErrorHasItsOwnDocumentedCode) {
  const auto codes = documented();
  std::set<int> used;
  for (const auto& [kind, name] : kind_names) {
    const auto code = static_cast<int>(exit_code_of(kind));
    EXPECT_TRUE(used.insert(code).second) << code << " stands for two kinds";
    ASSERT_TRUE(codes.contains(code)) << name << " is not documented";
    EXPECT_EQ(codes.at(code), name);
    EXPECT_NE(code, 0);
  }
  EXPECT_EQ(used.size(), 11u);
}

TEST(ExitCodes, TheOutcomesOfAWatchAreDocumented) {
  const auto codes = documented();
  EXPECT_EQ(codes.at(static_cast<int>(ExitCode::ok)), "ok");
  EXPECT_EQ(codes.at(static_cast<int>(ExitCode::rollout_halted)), "rollout_halted");
  EXPECT_EQ(codes.at(static_cast<int>(ExitCode::rollout_aborted)), "rollout_aborted");
  EXPECT_EQ(codes.at(static_cast<int>(ExitCode::rollout_completed)), "rollout_completed");
}

TEST(ExitCodes, NamesComeBack) {
  for (const auto& [kind, name] : kind_names) {
    EXPECT_EQ(error_kind_from(name), kind);
    EXPECT_EQ(name_of(kind), name);
  }
  EXPECT_FALSE(error_kind_from("nonsense"));
}

}  // namespace
}  // namespace muster::ctl
