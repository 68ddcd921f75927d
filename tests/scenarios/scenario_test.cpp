// Runs every tests/scenarios/*.txt and compares its trace with what the file says; MUSTER_REGENERATE=1 writes it
// instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenarios/script.h"

namespace muster::rules::test {
namespace {

constexpr const char* scenario_folder = "tests/scenarios";
constexpr const char* example_folder = "rules/examples";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> names_in(const char* folder, const char* extension) {
  std::vector<std::string> names;
  std::error_code missing;  // run from elsewhere than the tree's root, it finds nothing
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    const auto& path = entry.path();
    if (path.extension() == extension && path.filename() != "CMakeLists.txt") names.push_back(path.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, GivesTheTraceThatIsWrittenDown) {
  const auto path = std::filesystem::path(scenario_folder) / (GetParam() + ".txt");
  const auto expected = read(path);
  ASSERT_FALSE(expected.empty()) << path;
  Script script;
  const auto actual = script.run(expected);
  EXPECT_EQ(actual.find("ERROR in the scenario"), std::string::npos) << actual;
  if (std::getenv("MUSTER_REGENERATE") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(actual, expected) << "if the change is meant, run with MUSTER_REGENERATE=1 and read the diff";
  Script again;
  EXPECT_EQ(again.run(expected), actual) << "the same events gave other effects";
}

std::string test_name(const testing::TestParamInfo<std::string>& scenario) {
  std::string name = scenario.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Scenario, testing::ValuesIn(names_in(scenario_folder, ".txt")), test_name);

// A shipped rule file that no scenario runs would be a claim without a proof.
TEST(Examples, EachShippedRuleIsProvenByAScenario) {
  std::string all;
  for (const auto& name : names_in(scenario_folder, ".txt"))
    all += read(std::filesystem::path(scenario_folder) / (name + ".txt"));
  const auto examples = names_in(example_folder, ".yaml");
  EXPECT_FALSE(examples.empty());
  for (const auto& name : examples) {
    const auto path = std::string(example_folder) + "/" + name + ".yaml";
    if (read(path).find("\nrelease:") != std::string::npos || read(path).starts_with("release:"))
      continue;  // a release file
    EXPECT_NE(all.find("start-file " + path), std::string::npos) << path << " is run by no scenario";
  }
}

}  // namespace
}  // namespace muster::rules::test
